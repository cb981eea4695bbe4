"""What is required in some environments alone: by groups, extras and markers."""

from __future__ import annotations

from pathlib import Path

import pytest

from .fleet import UV, WORKER, only, sdk, write

HOLDS = "openai==2.44.0\ntemporalio==1.25.1\nagentex-usage-patch\n"
APPLIED = "from agentex_usage_patch import apply_patch\napply_patch()\n" + WORKER
BY_MARKER = (
    "agentex-sdk==0.10.5; python_version>='3.13'\nagentex-sdk>=0.9,<0.10; python_version<'3.13'\n"
)

GROUPS = [
    ("pyproject.toml", ('[project]\ndependencies = ["agentex-sdk>=0.9"]\n'
     '[dependency-groups]\ndev = ["agentex-sdk==0.10.5"]\n')),
    ("pyproject.toml", ('[project]\ndependencies = ["agentex-sdk>=0.9"]\n'
     '[project.optional-dependencies]\ndev = ["agentex-sdk==0.10.5"]\n')),
    ("pyproject.toml", ('[project]\ndependencies = ["agentex-sdk>=0.9"]\n'
     '[tool.uv]\ndev-dependencies = ["agentex-sdk==0.10.5"]\n')),
    ("pyproject.toml", ('[tool.poetry.dependencies]\nagentex-sdk = ">=0.9"\n'
     '[tool.poetry.group.dev.dependencies]\nagentex-sdk = "0.10.5"\n')),
    ("pyproject.toml", ('[tool.poetry.dependencies]\nagentex-sdk = ">=0.9"\n'
     '[tool.poetry.dev-dependencies]\nagentex-sdk = "0.10.5"\n')),
    ("Pipfile", ('[packages]\nagentex-sdk = ">=0.9"\n'
     '[dev-packages]\nagentex-sdk = "==0.10.5"\n')),
    ("setup.cfg", ("[options]\ninstall_requires =\n    agentex-sdk>=0.9\n"
     "[options.extras_require]\ndev = agentex-sdk==0.10.5\n")),
]  # fmt: skip


@pytest.mark.parametrize(("file", "text"), GROUPS)
def test_what_an_agent_runs_with_is_trusted_more_than_a_group_and_an_extra(
    file: str, text: str, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {file: text})
    found = only(capsys)
    assert ([each["written"] for each in found["sdk"]], found["side"]) == ([">=0.9"], "spans")
    # Nor are they made to agree.
    write(agent, {file: text.replace(">=0.9", "==0.10.4")})
    found = only(capsys)
    assert ([each["written"] for each in found["sdk"]], found["side"]) == (["==0.10.4"], "affected")
    assert "disagreement" not in [each["kind"] for each in found["actions"]]


def test_groups_and_extras_count_where_nothing_else_is_stated_each_for_itself(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = '[project.optional-dependencies]\nold = ["agentex-sdk<0.10"]\nnew = ["agentex-sdk=={}"]'
    write(agent, {"pyproject.toml": text.format("0.10.5")})
    found = only(capsys)
    assert sdk(found) == ["pyproject.toml:2 <0.10", "pyproject.toml:3 ==0.10.5"]
    assert found["side"] == "spans"
    write(agent, {"pyproject.toml": text.format("0.10.4")})
    assert only(capsys)["side"] == "affected"


def test_one_environment_may_have_the_fix_and_another_not(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {"run_worker.py": APPLIED, "requirements.txt": BY_MARKER + HOLDS})
    found = only(capsys)
    assert sdk(found) == ["requirements.txt:1 ==0.10.5", "requirements.txt:2 <0.10,>=0.9"]
    assert (found["side"], found["needs_patch"]) == ("spans", "maybe")
    # What is to be changed is the one without it.
    (upgrade,) = found["actions"]
    assert (upgrade["kind"], upgrade["line"]) == ("upgrade", 2)


def test_poetry_has_several_for_an_environment_each(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {"pyproject.toml": (
        '[tool.poetry.dependencies]\nagentex-sdk = [\n'
        '  { version = "0.10.5", python = ">=3.13" },\n'
        '  { version = ">=0.9,<0.10", python = "<3.13" },\n]\n'
    )})  # fmt: skip
    found = only(capsys)
    assert ([each["written"] for each in found["sdk"]], found["side"]) == (
        ["==0.10.5", ">=0.9,<0.10"], "spans",
    )  # fmt: skip
    assert "disagreement" not in [each["kind"] for each in found["actions"]]


def test_a_lock_of_one_environment_contradicts_no_marker_of_another(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {"uv.lock": UV.replace("0.10.4", "0.10.5"), "requirements.txt": BY_MARKER})
    assert only(capsys)["actions"] == []
    # Where none of a file agrees, that is told of each.
    write(agent, {"uv.lock": UV})
    told = [each["line"] for each in only(capsys)["actions"] if each["kind"] == "disagreement"]
    assert told == [1, 2]


def test_a_pin_of_every_environment_holds_what_else_is_required(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = "agentex-sdk>=0.9\nagentex-sdk>=0.10; python_version>='3.13'\n"
    write(agent, {"requirements.txt": "-r base.txt\nagentex-sdk==0.10.5\n",
                  "base.txt": base})  # fmt: skip
    found = only(capsys)
    assert (sdk(found), found["side"]) == (["requirements.txt:2 ==0.10.5"], "fixed")
    # The two are installed together.
    write(agent, {"base.txt": "agentex-sdk<0.10\n"})
    told = only(capsys)["actions"][0]
    assert (told["kind"], told["file"]) == ("disagreement", "base.txt")


def test_the_release_that_is_not_known_is_the_one_to_ask_for(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    away = "agentex-sdk @ file:///sdk ; python_version<'3.13'\n"
    write(agent, {"requirements.txt": BY_MARKER.splitlines()[0] + "\n" + away})
    found = only(capsys)
    told = found["actions"][0]
    assert (found["side"], told["kind"], told["line"]) == ("unknown", "version", 2)
    assert told["text"].startswith("agentex-sdk comes from file:///sdk: ask ")


def test_the_extra_of_this_package_is_for_where_its_line_is(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    extra = "agentex-usage-patch[agentex]; python_version<'3.13'\n"
    write(agent, {"requirements.txt": BY_MARKER.splitlines()[0] + "\n" + extra})
    found = only(capsys)
    assert sdk(found) == ["requirements.txt:1 ==0.10.5", "requirements.txt:2 ==0.10.4"]
    assert found["side"] == "spans"
