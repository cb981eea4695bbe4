"""A health check that calls this package is told of before the package is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentex_usage_patch import _scan_commands

from .fleet import WORKER, only, scanned, write

FIXED = "agentex-sdk==0.28.4\ntemporalio==1.34.0\n"
AFFECTED = "agentex-sdk==0.10.4\nopenai==2.44.0\ntemporalio==1.34.0\n"
DOCKER = "FROM python:3.12\nHEALTHCHECK CMD agentex-usage-patch status --require patched\n"
COMPOSE = """\
services:
  agent:
    healthcheck:
      test: ["CMD", "agentex-usage-patch", "status"]
"""
PROBE = """\
livenessProbe:
  exec:
    command: [python, -m, agentex_usage_patch, status]
"""


#: These may stay in the CI of a company that looks for what is left.
SCANS = """\
- run: pip install agentex-usage-patch
- run: uvx agentex-usage-patch scan --check .
- run: uvx --from agentex-usage-patch==0.1.0 agentex-usage-patch scan .
- run: python -m agentex_usage_patch scan .
  args: ["agentex-usage-patch", "scan", "."]
  additional_dependencies: [agentex-usage-patch==0.1.0]
"""
DOCKERFILES = ["Dockerfile", "Dockerfile.prod", "agent.dockerfile", "docker/Containerfile"]


@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        ("Dockerfile", "FROM python:3.12\nRUN pip install agentex-usage-patch\n", 2),
        ("docker-compose.yml", COMPOSE, 4),
        ("compose.prod.yaml", COMPOSE, 4),
        ("charts/templates/deployment.yaml", PROBE, 3),
        ("start.sh", "exec agentex-usage-patch status\n", 1),
        ("start.sh", "export AGENTEX_USAGE_PATCH_DISABLED=1\n", 1),
        ("start.sh", "agentex-usage-patch scan . && agentex-usage-patch status\n", 1),
        (
            "start.sh",
            "agentex-usage-patch scan .\nagentex-usage-patch status --require native\n",
            2,
        ),
    ],
)
def test_a_call_of_the_command_is_to_be_removed_with_the_package(
    file: str, text: str, line: int, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {"requirements.txt": FIXED, file: text, "other.yaml": "a: b\n",
                               "ci.yaml": SCANS})  # fmt: skip
    (remove,) = only(capsys)["actions"]
    assert (remove["kind"], remove["file"], remove["line"]) == ("remove", file, line)
    assert remove["text"] == ("remove the step, probe or setting with agentex-usage-patch here: "
                              "agentex-sdk 0.28.4 has the fix")  # fmt: skip
    assert scanned(capsys, ".")["summary"] == "1 agent: 1 to do in 1 of them."
    (agent / file).unlink()
    assert scanned(capsys, ".")["summary"] == "1 agent: nothing left."


@pytest.mark.parametrize("file", DOCKERFILES)
@pytest.mark.parametrize(
    ("check", "end"),
    [
        ("HEALTHCHECK CMD agentex-usage-patch status --require patched", 2),
        ('healthcheck --interval=9s \\\n  CMD ["agentex-usage-patch", "status"]', 3),
        ("HEALTHCHECK CMD \\\n  agentex-usage-patch status \\\n  || exit 1", 4),
        ('HEALTHCHECK \\\n  # often\n  CMD ["agentex-usage-patch", "status"]', 4),
    ],
)
def test_a_health_check_of_a_container_goes_as_a_whole(
    file: str, check: str, end: int, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {"requirements.txt": FIXED, file: f"FROM python:3.12\n{check}\nCMD x\n"})
    (remove,) = only(capsys)["actions"]
    assert (remove["file"], remove["line"], remove["end"]) == (file, 2, end)
    assert remove["text"] == (f"remove this health check, to line {end}, as it calls "
                              "agentex-usage-patch: agentex-sdk 0.28.4 has the fix")  # fmt: skip


def test_while_the_package_is_needed_a_call_of_it_is_fine(
    pinned: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(pinned, {"Dockerfile": DOCKER})
    monkeypatch.delattr(_scan_commands, "read")  # nothing is looked at
    assert [each["kind"] for each in only(capsys)["actions"]] == ["add"]


def test_a_call_is_of_the_agent_around_it_and_that_of_none_is_told_for_all(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (agent / "run_worker.py").unlink()
    write(agent, {"k8s/one.yaml": PROBE})
    for name in ("one", "two"):
        write(agent / name, {"run_worker.py": WORKER, "requirements.txt": FIXED,
                             "Dockerfile": DOCKER})  # fmt: skip
    told = scanned(capsys, ".")
    one, two = told["agents"]
    assert [each["file"] for each in one["actions"]] == ["one/Dockerfile"]
    assert [each["file"] for each in two["actions"]] == ["two/Dockerfile"]
    (of_none,) = told["elsewhere"]
    assert (of_none["file"], of_none["line"], of_none["due"]) == ("k8s/one.yaml", 3, True)
    # It may be for the other, which still needs it.
    write(agent, {"two/requirements.txt": AFFECTED})
    told = scanned(capsys, ".")
    one, two = told["agents"]
    assert [each["file"] for each in one["actions"]] == ["one/Dockerfile"]
    assert "two/Dockerfile" not in [each["file"] for each in two["actions"]]
    assert told["elsewhere"] == []


def test_what_cannot_be_read_may_call_it_and_is_named(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {"requirements.txt": FIXED})
    (agent / "Dockerfile").mkdir()
    (agent / "compose.yaml").symlink_to("gone")
    with (agent / "huge.yaml").open("wb") as file:
        file.truncate(3 * 1024 * 1024)
    assert [each["path"] for each in only(capsys)["not_read"]] == ["compose.yaml", "huge.yaml"]
