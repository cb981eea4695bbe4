"""Which agentex-sdk an agent gets, of all that files state around it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentex_usage_patch import cli

from .fleet import RANGE, UV, WORKER, only, scanned, sdk, write


def test_requirements_include_others_once(agent: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(agent, {"requirements.txt": "-r more/base.txt\n-cmore/limits.txt\nagentex-sdk\n",
                  "more/base.txt": "-r ../requirements.txt\nagentex-usage-patch\n",
                  "more/limits.txt": "agentex-sdk==0.10.4\n"})  # fmt: skip
    found = only(capsys)
    assert sdk(found) == ["more/limits.txt:1 ==0.10.4"]
    assert found["required"]["file"] == "more/base.txt"


def test_a_lock_beats_a_range_and_the_first_lock_the_others(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    order = ["uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "requirements.txt", "Pipfile",
             "pyproject.toml", "setup.cfg"]  # fmt: skip
    texts = [UV, UV, UV, '{"default": {"agentex-sdk": {"version": "==0.10.4"}}}',
             "agentex-sdk>=0.10",
             '[packages]\nagentex-sdk = "*"', RANGE.replace("5", "4"),
             "[options]\ninstall_requires = agentex-sdk"]  # fmt: skip
    write(agent, dict(zip(order, texts, strict=True)))
    found = []
    for file in order:
        (first, *_) = sdk(only(capsys))
        found.append(first.partition(":")[0])
        (agent / file).unlink()
    assert found == order


def test_the_nearest_lock_upward_counts_and_nothing_above_the_tree(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {"uv.lock": UV, "fleet/uv.lock": UV.replace("0.10.4", "0.10.5"),
                  "fleet/one/run_worker.py": WORKER, "fleet/one/pyproject.toml": ""})  # fmt: skip
    (agent / "run_worker.py").unlink()
    assert sdk(only(capsys)) == ["fleet/uv.lock:3 0.10.5"]
    (one,) = scanned(capsys, "fleet/one")["agents"]
    assert one["sdk"] == []


def test_a_workspaces_lock_is_for_its_members_alone(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    member = '[[package]]\nname = "x"\nversion = "1"\nsource = { virtual = "member" }\n'
    group = '[package.dev-dependencies]\ndev = [{ name = "agentex-usage-patch" }]\n'
    ours = '[[package]]\nname = "agentex-usage-patch"\nversion = "1"\n'
    write(agent, {
        "uv.lock": UV + ours + member + group,
        "member/src/run_worker.py": WORKER, "member/pyproject.toml": RANGE.replace(">=0.10.5", ""),
        "other/run_worker.py": WORKER, "other/pyproject.toml": RANGE,
    })  # fmt: skip
    (agent / "run_worker.py").unlink()
    one, other = scanned(capsys, ".")["agents"]
    assert (sdk(one), one["required"]["line"]) == (["uv.lock:3 0.10.4"], 6)
    assert sdk(other) == ["other/pyproject.toml:2 >=0.10.5"]


def test_a_range_that_the_lock_is_not_in_is_told(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {"uv.lock": UV, "pyproject.toml": RANGE})
    (first, *_) = only(capsys)["actions"]
    assert (first["kind"], first["file"], first["line"]) == ("disagreement", "pyproject.toml", 2)
    assert "says >=0.10.5, which is not the 0.10.4 of uv.lock:3" in first["text"]


def test_what_is_above_the_lock_that_counts_is_of_others(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {"requirements.txt": "agentex-sdk==0.28.4\n", "one/uv.lock": UV,
                  "one/run_worker.py": WORKER})  # fmt: skip
    (agent / "run_worker.py").unlink()
    assert [action["kind"] for action in only(capsys)["actions"]] == ["add", "require"]


@pytest.mark.parametrize(
    ("stated", "side"),
    [("==0.10.4", "affected"), ("==0.10.5", "fixed"), ("==0.10.5rc1", "fixed"), ("<0.5", "before"),
     ("==0.5.1", "affected"), ("==0.5.0", "before"), (">=0.10.4", "spans")],
)  # fmt: skip
def test_the_side_of_the_fix_is_told(
    stated: str, side: str, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {"requirements.txt": f"agentex-sdk{stated}\n"})
    assert only(capsys)["side"] == side


APPLIED = "from agentex_usage_patch import apply_patch\napply_patch()\n" + WORKER


def test_a_lock_that_does_not_know_the_package_yet_is_to_be_made_again(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stated = '[project]\ndependencies = ["agentex-usage-patch"]\n'
    write(agent, {"run_worker.py": APPLIED, "uv.lock": UV, "pyproject.toml": stated})
    (lock,) = only(capsys)["actions"]
    assert (
        lock["text"] == "agentex-usage-patch is in pyproject.toml and not in this lock: `uv lock`"
    )
    (agent / "pyproject.toml").unlink()
    (require,) = only(capsys)["actions"]
    assert (require["kind"], require["file"]) == ("require", "uv.lock")
    assert require["text"] == "add agentex-usage-patch to the requirements, then `uv lock`"
    (agent / "pyproject.toml").write_text("[project]\n")
    (require,) = only(capsys)["actions"]
    assert (require["file"], require["line"]) == ("pyproject.toml", 1)


def test_what_is_only_in_a_lock_is_removed_from_what_that_is_made_from(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = '[[package]]\nname = "agentex-usage-patch"\nversion = "1"\n'
    write(agent, {"poetry.lock": UV.replace("0.10.4", "0.28.4") + ours})
    (remove,) = only(capsys)["actions"]
    assert remove["text"] == ("remove agentex-usage-patch from what this lock is made from, then "
                              "`poetry lock`: agentex-sdk 0.28.4 has the fix")  # fmt: skip


def test_with_the_package_a_release_that_cannot_be_told_is_nothing_to_do(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stated = "agentex-sdk @ file:///sdk\nagentex-usage-patch\n"
    write(agent, {"run_worker.py": APPLIED, "requirements.txt": stated})
    told = scanned(capsys, ".", "--check")
    assert told["agents"][0]["verdict"] == "nothing now"
    assert told["summary"] == "1 agent: nothing to do now."


COMPANIONS = [
    ("agentex-sdk==0.10.4\nopenai==2.44.0\ntemporalio==1.34.0", []),
    ("agentex-sdk==0.10.4\nopenai<2.45\ntemporalio~=1.30.0", []),
    ("agentex-sdk==0.10.4\nopenai\ntemporalio>=1.26", ["openai:2", "temporalio:3"]),
    ("agentex-sdk==0.10.4\nopenai>=2.46,<2.50\ntemporalio==1.34.0", ["openai:2"]),
    ("agentex-sdk==0.10.4", ["openai:None", "temporalio:None"]),
    ("agentex-sdk==0.10.0\nopenai<2.45\ntemporalio<1.35", ["temporalio:3"]),
    ("agentex-sdk==0.5.3\nopenai<2.45\ntemporalio<1.18", []),
    ("agentex-sdk>=0.10.1,<0.10.5\nopenai<2.45\ntemporalio<1.36", ["temporalio:3"]),
    ("agentex-sdk==0.28.4\ntemporalio<1.36", ["temporalio:2"]),
    ("agentex-sdk>=0.28", []),
    ("agentex-sdk==0.10.4\nopenai===2.44.0\ntemporalio @ file:///x", ["temporalio:3"]),
]


@pytest.mark.parametrize(("text", "breaking"), COMPANIONS)
def test_companions_that_break_the_release_are_told(
    text: str, breaking: list[str], agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {"requirements.txt": text})
    found = only(capsys)["companions"]
    assert [
        f"{each['distribution']}:{each['stated'] and each['stated']['line']}" for each in found
    ] == breaking


def test_companions_are_looked_for_beside_a_requirement_and_only_in_the_lock_with_one(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {"requirements.txt": "agentex-sdk==0.10.4\nopenai<2.45\n",
                  "setup.cfg": "[options]\ninstall_requires = temporalio<1.35"})  # fmt: skip
    assert only(capsys)["companions"] == []
    write(agent, {"uv.lock": UV})
    assert only(capsys)["companions"] == []


@pytest.mark.parametrize(
    ("files", "at"),
    [({}, "one"), ({"one/pyproject.toml": "[project]\n"}, "one/pyproject.toml"),
     ({"setup.cfg": "[options]\n"}, "setup.cfg"), ({"uv.lock": ""}, "one")],
)  # fmt: skip
def test_what_is_stated_nowhere_is_told_of_a_place_without_a_line(
    files: dict[str, str], at: str, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (agent / "run_worker.py").unlink()
    write(agent, {"one/run_worker.py": WORKER, **files})
    (action,) = only(capsys)["actions"]
    assert (action["kind"], action["file"], action["line"]) == ("version", at, None)
    cli.main(["scan", "."])
    told = capsys.readouterr().out.splitlines()[1]
    assert told.startswith(f"  {at}: agentex-sdk is stated nowhere here: ask its environment with")
