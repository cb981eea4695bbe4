"""A monorepo of agents in every state: what a scan says of each, and where that leads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agentex_usage_patch import cli

from .fleet import MONOREPO, copied, do, locked_again, scanned

# Written by hand, from reading the files: release, needs the patch, what next, and each
# thing to do with its place.
EXPECTED: dict[str, tuple[str | None, str, str, list[str]]] = {
    "agents/billing/project": ("0.10.4", "yes", "2 to do", [
        "add agents/billing/project/run_worker.py:4",
        "require agents/billing/pyproject.toml:6",
    ]),
    "agents/claims": ("0.9.4", "yes", "5 to do", [
        "delete agents/claims/agentex_usage_patch.py:18",
        "delete agents/claims/run_worker.py:23",
        "delete agents/claims/run_worker.py:14-20",
        "add agents/claims/run_worker.py:2",
        "require agents/claims/pyproject.toml:7",
    ]),
    "agents/dispatch": ("0.10.2", "yes", "safe to upgrade", [
        "upgrade agents/dispatch/pdm.lock:10",
    ]),
    "agents/escrow": ("0.10.0", "yes", "2 to do", [
        "companion agents/escrow/Pipfile.lock:18",
        "companion agents/escrow/Pipfile.lock:22",
    ]),
    "agents/fraud": ("0.6.5", "yes", "6 to do", [
        "delete agents/fraud/src/patches.py:13",
        "delete agents/fraud/run_worker.py:17",
        "delete agents/fraud/run_worker.py:11",
        "add agents/fraud/run_worker.py:2",
        "require agents/fraud/requirements.txt:2",
        "workaround agents/fraud/workflow.py:11",
    ]),
    "agents/garage": (None, "maybe", "2 to do", [
        "add agents/garage/run_worker.py:2",
        "require agents/garage/pyproject.toml:6",
    ]),
    "agents/hr": (None, "no", "3 to do", [
        "delete agents/hr/usage.py:6",
        "delete agents/hr/activities.py:1",
        "workaround agents/hr/workflow.py:11",
    ]),
    "agents/intake": ("0.10.3", "yes", "1 to do", [
        "workaround agents/intake/workflow.py:9",
    ]),
    "agents/joint": ("0.10.3", "yes", "4 to do", [
        "delete agents/joint/run_worker.py:15",
        "delete agents/joint/run_worker.py:11",
        "add agents/joint/run_worker.py:2",
        "require agents/joint/pyproject.toml:6",
    ]),
    "agents/kiosk": ("0.28.4", "no", "3 to do", [
        "remove agents/kiosk/run_worker.py:15",
        "remove agents/kiosk/run_worker.py:11",
        "remove agents/kiosk/pyproject.toml:7",
    ]),
    "agents/ledger": ("0.10.5", "no", "nothing left", []),
    "agents/mail/mail": (None, "unknown", "1 to do", ["version agents/mail/pyproject.toml:6"]),
    "agents/notes": (None, "maybe", "2 to do", [
        "add agents/notes/notes.py:1",
        "require agents/notes/requirements.txt:1",
    ]),
    "agents/oldtimer": ("0.4.28", "no", "nothing left", []),
    "libs/common/src/common": ("0.10.3", "yes", "1 to do", [
        "delete libs/common/src/common/models.py:11",
    ]),
}  # fmt: skip


def place(action: dict[str, Any]) -> str:
    last = f"-{action['end']}" if action["end"] != action["line"] else ""
    return f"{action['kind']} {action['file']}:{action['line']}{last}"


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = copied(tmp_path)
    monkeypatch.chdir(folder)
    return folder


def test_every_line_of_the_first_scan_is_right(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(MONOREPO)
    told = scanned(capsys, ".")
    found = {
        agent["folder"]: (
            agent["sdk"][0]["version"],
            agent["needs_patch"],
            agent["verdict"],
            [place(action) for action in agent["actions"]],
        )
        for agent in told["agents"]
    }
    assert found == EXPECTED
    assert told["not_read"] == []
    assert told["summary"] == "15 agents: 32 to do in 12 of them."


def test_nothing_in_the_tree_is_changed_or_imported(fleet: Path) -> None:
    def state() -> dict[str, tuple[bytes, int]]:
        return {str(file): (file.read_bytes(), file.stat().st_mtime_ns)
                for file in fleet.rglob("*") if file.is_file()}  # fmt: skip

    before = state()
    cli.main(["scan", "."])
    assert state() == before


def test_from_the_first_scan_through_its_edits_and_the_upgrade_to_nothing_left(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = scanned(capsys, ".", "--check", code=1)
    do_all(first)
    locked_again(fleet)
    patched = scanned(capsys, ".")
    verdicts = {agent["folder"]: agent["verdict"] for agent in patched["agents"]}
    for name in ("billing/project", "claims", "dispatch", "escrow", "fraud", "garage", "intake",
                 "joint", "notes"):  # fmt: skip
        assert verdicts[f"agents/{name}"] == "safe to upgrade", patched
    for name in ("hr", "kiosk", "ledger", "oldtimer"):
        assert verdicts[f"agents/{name}"] == "nothing left", patched
    assert "libs/common/src/common" not in verdicts  # it held the patch alone
    # What was built from a branch is the one thing that only its environment can tell.
    assert patched["due"] == 1
    assert verdicts["agents/mail/mail"] == "1 to do"

    locked_again(fleet, sdk="0.10.5")
    upgraded = scanned(capsys, ".", "--check", code=1)
    assert {agent["needs_patch"] for agent in upgraded["agents"]} == {"no"}
    # Nothing held the companions of these back before they were pinned.
    others = {(agent["folder"], action["kind"]) for agent in upgraded["agents"]
              for action in agent["actions"] if action["kind"] != "remove"}  # fmt: skip
    assert others == {
        (f"agents/{name}", "companion") for name in ("mail/mail", "notes", "oldtimer")
    }
    do_all(upgraded)
    locked_again(fleet)
    last = scanned(capsys, ".", "--check")
    assert last["summary"] == "14 agents: nothing left."
    assert "usage_patch" not in "".join(
        file.read_text(encoding="utf-8") for file in fleet.rglob("*") if file.is_file()
    )


def do_all(told: dict[str, Any]) -> None:
    """Do all that is due and that an edit can do."""
    do(action for agent in told["agents"] for action in agent["actions"]
       if action["due"] and action["kind"] != "version")  # fmt: skip
