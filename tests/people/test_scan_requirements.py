"""Requirements in files of many names, of constraints, and as a compiler made them."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentex_usage_patch import cli

from .fleet import RANGE, WORKER, only, sdk, write

HOLDS = "openai==2.44.0\ntemporalio==1.34.0\n"
APPLIED = "from agentex_usage_patch import apply_patch\napply_patch()\n" + WORKER

# --- names


@pytest.mark.parametrize(
    "file",
    ["requirements/prod.txt", "requirements/base.in", "requirements-prod.txt", "requirements.in",
     "agent-requirements.txt", "agent_requirements.in", "requirements/requirements.txt"],
)  # fmt: skip
def test_requirements_are_read_under_their_common_names(
    file: str, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {file: "agentex-sdk==0.10.4\n", "sub/notrequirements.txt": "agentex-sdk\n",
                  "other/prod.txt": "agentex-sdk\n"})  # fmt: skip
    found = only(capsys)
    assert sdk(found) == [f"{file}:1 ==0.10.4"]
    assert [each["file"] for each in found["actions"] if each["kind"] == "require"] == [file]


def test_what_runs_an_agent_is_trusted_more_than_what_checks_it(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    order = ["requirements.txt", "a-requirements.txt", "requirements/base.txt",
             "requirements/prod.txt", "requirements/dev.txt", "requirements-test.txt",
             "requirements.in", "pyproject.toml"]  # fmt: skip
    write(agent, dict.fromkeys(order[:-1], "agentex-sdk\n"))
    write(agent, {"pyproject.toml": '[project]\ndependencies = ["agentex-sdk"]\n'})
    found = []
    for file in order:
        found.append(only(capsys)["sdk"][0]["file"])
        (agent / file).unlink()
    assert found == order


@pytest.mark.parametrize("word", ["docker", "latest", "device", "flint"])
def test_a_word_that_holds_another_checks_nothing(
    word: str, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {f"requirements-{word}.txt": "agentex-sdk\n",
                  "requirements-prod.txt": "agentex-sdk\n"})  # fmt: skip
    assert only(capsys)["sdk"][0]["file"] == f"requirements-{min(word, 'prod')}.txt"


@pytest.mark.parametrize(
    "file",
    ["requirements-dev.txt", "dev_requirements.txt", "requirements.test.in", "requirements/docs.in",
     "requirements-aws-development.txt", "requirements-lint.txt", "Testing-requirements.txt",
     "requirements-dev2.txt"],
)  # fmt: skip
def test_what_checks_an_agent_is_known_by_a_word_of_its_name(
    file: str, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prod = f"requirements-z{Path(file).suffix}"
    write(agent, {file: "agentex-sdk\n", prod: "agentex-sdk\n"})
    assert only(capsys)["sdk"][0]["file"] == prod


def test_files_in_a_folder_of_requirements_include_each_other(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {"requirements/prod.txt": "-r base.txt\n-r ../more.txt\n",
                  "requirements/base.txt": HOLDS, "more.txt": "agentex-sdk==0.10.4\n",
                  "pyproject.toml": RANGE})  # fmt: skip
    found = only(capsys)
    assert sdk(found) == ["requirements/../more.txt:1 ==0.10.4"]
    assert found["companions"] == []
    told = {each["kind"]: each["file"] for each in found["actions"]}
    assert told["disagreement"] == "pyproject.toml"


def test_a_tree_that_is_called_so_has_its_requirements_in_it(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {"requirements/run_worker.py": WORKER,
                  "requirements/prod.txt": "agentex-sdk==0.10.4\n"})  # fmt: skip
    assert cli.main(["scan", "requirements"]) == 0
    assert "agentex-sdk 0.10.4 lacks the fix (requirements/prod.txt:1)" in capsys.readouterr().out


# --- constraints

CONSTRAINTS = [
    # What is required, what bounds it, what is told, and whether the patch is needed.
    ("agentex-sdk", "agentex-sdk==0.10.4", "constraints.txt:1 ==0.10.4", "yes"),
    ("agentex-sdk\nagentex-sdk>0.9", "agentex-sdk==0.10.4", "constraints.txt:1 ==0.10.4", "yes"),
    ("agentex-sdk>=0.10", "agentex-sdk==0.10.5", "constraints.txt:1 ==0.10.5", "no"),
    ("agentex-sdk>=0.10", "agentex-sdk>=0.10.5", "requirements.txt:2 >=0.10,>=0.10.5", "no"),
    ("agentex-sdk", "agentex-sdk<0.10.5\nagentex-sdk>0.9",
     "requirements.txt:2 <0.10.5,>0.9", "yes"),
    ("agentex-sdk", "agentex-sdk===odd.*\nagentex-sdk @ file:///sdk",
     "requirements.txt:2 ===odd.*", "unknown"),
    ("agentex-sdk @ file:///sdk", "agentex-sdk==0.10.4", "requirements.txt:2 file:///sdk",
     "unknown"),
    ("agentex-sdk==0.10.4", "agentex-sdk<1", "requirements.txt:2 ==0.10.4", "yes"),
]  # fmt: skip


@pytest.mark.parametrize(("required", "bounds", "stated", "needs"), CONSTRAINTS)
def test_a_constraint_bounds_what_is_required(
    required: str,
    bounds: str,
    stated: str,
    needs: str,
    agent: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(agent, {"requirements.txt": f"-c constraints.txt\n{required}\n{HOLDS}",
                  "constraints.txt": bounds})  # fmt: skip
    found = only(capsys)
    assert (sdk(found), found["needs_patch"]) == ([stated], needs)


def test_a_constraint_requires_nothing(agent: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bounds = f"agentex-usage-patch==0.1.0\nagentex-sdk==0.10.4\n{HOLDS}"
    write(agent, {"run_worker.py": APPLIED, "requirements.txt": "-c constraints.txt\nagentex-sdk\n",
                  "constraints.txt": f"-r more.txt\n{HOLDS}", "more.txt": bounds})  # fmt: skip
    found = only(capsys)
    assert (found["required"], found["companions"]) == (None, [])
    (require,) = found["actions"]
    assert (require["kind"], require["file"]) == ("require", "requirements.txt")
    assert require["line"] == 2
    (agent / "requirements.txt").write_text("-c constraints.txt\n")
    assert only(capsys)["sdk"] == []


def test_a_file_named_for_constraints_is_one_and_bounds_what_stands_elsewhere(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {"requirements/constraints.txt": f"agentex-sdk==0.10.4\n{HOLDS}",
                  "setup.cfg": "[options]\ninstall_requires = agentex-sdk\n"})  # fmt: skip
    found = only(capsys)
    assert sdk(found) == ["requirements/constraints.txt:1 ==0.10.4"]
    assert [(each["kind"], each["file"]) for each in found["actions"]] == [
        ("add", "run_worker.py"), ("require", "setup.cfg"),
    ]  # fmt: skip
    (agent / "setup.cfg").unlink()
    assert only(capsys)["sdk"] == []


def test_what_is_both_a_constraint_and_required_is_required(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {"run_worker.py": APPLIED, "base.txt": "agentex-usage-patch\nagentex-sdk<1\n",
                  "requirements.txt": f"-c base.txt\n-r base.txt\n{HOLDS}"})  # fmt: skip
    found = only(capsys)
    assert found["required"] == {"written": "", "file": "base.txt", "line": 1}
    assert sdk(found) == ["base.txt:2 <1"]
