"""This package and agentex-sdk where they are required by more than a name in an index."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from agentex_usage_patch import _upstream

from .fleet import WORKER, only, sdk, write

HOLDS = "openai==2.44.0\ntemporalio==1.34.0\n"
APPLIED = "from agentex_usage_patch import apply_patch\napply_patch()\n" + WORKER

# --- from a wheel, a folder or a repository

ELSEWHERE = [
    "./vendor/{0}_{1}-0.1.0-py3-none-any.whl",
    "vendor\\{0}_{1}-0.1.0-py3-none-any.whl --hash=sha256:0",
    "https://files.example/{0}_{1}-0.1.0.tar.gz#sha256=0",
    "git+https://git.example/acme/{0}-{1}@v0.1.0",
    "git+https://git.example/acme/{0}-{1}@release/0.1 ; python_version > '3'",
    "git+ssh://git@git.example/acme/{0}-{1}.git@main",
    "git+https://git.example/acme/agents@main#subdirectory=libs/{0}-{1}",
    "-e ./libs/{0}-{1}/",
    "--editable=git+https://git.example/acme/{0}-{1}.git",
]


@pytest.mark.parametrize("line", ELSEWHERE)
def test_this_package_is_required_from_no_index(
    line: str, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = line.format("agentex", "usage-patch")
    write(agent, {"run_worker.py": APPLIED,
                  "requirements.txt": f"{HOLDS}{ours}\nagentex-sdk==0.10.4\n"})  # fmt: skip
    found = only(capsys)
    assert (found["required"]["line"], found["not_read"]) == (3, [])
    assert [each["kind"] for each in found["actions"]] == ["upgrade"]
    write(agent, {"run_worker.py": WORKER,
                  "requirements.txt": f"{HOLDS}{ours}\nagentex-sdk==0.10.5\n"})  # fmt: skip
    (remove,) = only(capsys)["actions"]
    assert (remove["kind"], remove["line"]) == ("remove", 3)


@pytest.mark.parametrize("line", ELSEWHERE)
def test_an_agentex_sdk_from_no_index_has_no_release_that_is_known(
    line: str, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = line.format("agentex", "sdk")
    write(agent, {"requirements.txt": line})
    found = only(capsys)
    assert (sdk(found), found["needs_patch"]) == ([f"requirements.txt:1 {line}"], "unknown")


@pytest.mark.parametrize(
    "line",
    ["./agentex-sdk/other-1.0.tar.gz", "git+https://git.example/acme/agentex-sdk-fork",
     "--find-links ./agentex-sdk", "https://git.example/agentex-sdk@main#subdirectory=other",
     "git+https://agentex-sdk@git.example/other", "other @ https://git.example/agentex-sdk",
     "other @ https://git.example/x#subdirectory=agentex-sdk"],
)  # fmt: skip
def test_what_is_not_named_last_is_another(
    line: str, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {"requirements.txt": line})
    found = only(capsys)
    assert (found["sdk"], found["not_read"]) == ([], [])


def test_a_wheel_of_this_package_has_its_extra_too(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel = "./agentex_usage_patch-0.1.0-py3-none-any.whl[agentex, other]\n"
    write(agent, {"run_worker.py": APPLIED, "requirements.txt": wheel})
    found = only(capsys)
    assert (sdk(found), found["companions"]) == (["requirements.txt:1 ==0.10.4"], [])


# --- the extra of this package

EXTRA = [
    ("requirements.txt", "agentex-usage-patch[agentex]\n", 1),
    ("requirements.txt", "rich\nagentex_usage_patch [Agentex] >=0.1\n", 2),
    ("pyproject.toml", ('[project]\nname = "agentex-sdk"\ndependencies = [\n'
     '  "agentex-usage-patch[agentex]",\n]\n'), 4),
    ("pyproject.toml", ("[tool.poetry.dependencies]\n"
     'agentex-usage-patch = { version = "*", extras = ["agentex"] }\n'), 2),
    ("setup.cfg", "[options]\ninstall_requires =\n    agentex-usage-patch[agentex]\n", 3),
]  # fmt: skip


@pytest.mark.parametrize(("file", "text", "line"), EXTRA)
def test_the_extra_of_this_package_requires_what_it_brings(
    file: str, text: str, line: int, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {"run_worker.py": APPLIED, file: text})
    found = only(capsys)
    assert sdk(found) == [f"{file}:{line} ==0.10.4"]
    assert (found["required"]["line"], found["companions"]) == (line, [])
    assert [each["kind"] for each in found["actions"]] == ["upgrade"]


def test_the_extra_holds_companions_back_beside_a_pin(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "agentex-sdk==0.10.4\nagentex-usage-patch[agentex]\n"
    write(agent, {"run_worker.py": APPLIED, "requirements.txt": text})
    assert only(capsys)["companions"] == []
    write(agent, {"requirements.txt": text.replace("[agentex]", "[other]")})
    assert len(only(capsys)["companions"]) == 2


def test_the_extra_is_what_the_package_says() -> None:
    config = configparser.ConfigParser()
    assert config.read(Path(__file__).parents[2] / "setup.cfg")
    extra = config["options.extras_require"]["agentex"]
    assert tuple(extra.split()) == _upstream.EXTRAS["agentex"]
