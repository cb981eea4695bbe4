"""What a scan prints: to terminals wide and narrow, to pipes, and to machines."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from agentex_usage_patch import _scan_progress, cli

from .fleet import MONOREPO, scanned, write

DOCS = Path(__file__).parents[2] / "docs"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b\]8;[^\x1b]*\x1b\\")
WORKER = "from agentex.lib.core.temporal.workers.worker import AgentexWorker\nAgentexWorker()\n"


@pytest.fixture(autouse=True)
def _in_the_monorepo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(MONOREPO)


def parts(told: Any, before: str = "") -> set[str]:
    """Return the names of all parts of what was told, as the documentation writes them."""
    if isinstance(told, list):
        return {name for each in told for name in parts(each, f"{before}[]")}
    if not isinstance(told, dict):
        return set()
    named = {f"{before}.{name}".lstrip("."): value for name, value in told.items()}
    return set(named) | {name for at, value in named.items() for name in parts(value, at)}


def test_every_part_of_the_json_is_documented(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "broken.py").mkdir()
    (tmp_path / "gone.py").symlink_to("nothing")
    write(tmp_path, {"script.py": "import agentex_usage_patch.auto\n"})
    told = scanned(capsys, ".", str(tmp_path))
    documented = (DOCS / "scan.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([^`]+)` \|", documented, re.MULTILINE)) == parts(told)


def test_every_kind_and_side_is_documented() -> None:
    from agentex_usage_patch import _scan_advice, _scan_ranges

    documented = (DOCS / "scan.md").read_text(encoding="utf-8")
    for named in (_scan_advice.Kind, _scan_ranges.Side):
        for name in named.__args__:  # type: ignore[attr-defined]  # of a Literal
            assert f"`{name}`" in documented


def test_in_a_pipe_each_line_begins_with_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["scan", "."]) == 0
    *lines, summary = capsys.readouterr().out.splitlines()
    assert summary == "15 agents: 32 to do in 12 of them."
    assert "\x1b" not in "".join(lines) and "│" not in "".join(lines)
    assert lines[0] == (
        "agents/billing/project: agentex-sdk 0.10.4 lacks the fix (agents/billing/uv.lock:7); "
        "has: none; 2 to do"
    )
    assert lines[1] == (
        "  agents/billing/project/run_worker.py:4: add two lines here: "
        "from agentex_usage_patch import apply_patch; apply_patch()"
    )
    assert any(
        line.startswith("agents/garage: agentex-sdk <0.12,>=0.10 spans the fix") for line in lines
    )
    for line in lines:
        path, _, rest = line.strip().partition(":")
        assert Path(path).exists(), line
        assert not line.startswith(" ") or re.match(r"\d+: ", rest), line


@pytest.mark.parametrize("columns", ["30", "80", "200"])
def test_in_a_terminal_there_is_a_table_that_fits_and_links(
    columns: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", columns)
    assert cli.main(["scan", "."]) == 0
    printed = capsys.readouterr().out
    file = MONOREPO / "agents" / "claims" / "run_worker.py"
    assert f";{file.as_uri()}\x1b\\" in printed
    plain = ESCAPES.sub("", printed).splitlines()
    assert all(len(line) <= int(columns) for line in plain if line[:1] in "│┃┡└┏")
    # A line that is to be clicked is not broken.
    assert any(line.startswith("  agents/claims/run_worker.py:23: delete") for line in plain)


@pytest.mark.parametrize(
    ("paths", "named"),
    [(["agents"], "│ claims "), (["agents/claims"], "│ agents/claims "),
     (["agents/claims", "libs"], "│ agents/claims ")],
)  # fmt: skip
def test_the_table_calls_an_agent_by_its_place_in_the_tree(
    paths: list[str],
    named: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    assert cli.main(["scan", *paths]) == 0
    assert named in ESCAPES.sub("", capsys.readouterr().out)


@pytest.mark.parametrize("colour", ["", "1"])
def test_names_of_folders_are_printed_and_do_nothing(
    colour: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("FORCE_COLOR", colour)
    odd = os.fsdecode(b"[bold]\x1b[2J\n\xff")
    write(tmp_path / odd, {"run_worker.py": WORKER})
    assert cli.main(["scan", "."]) == 0
    printed = capsys.readouterr().out
    assert "[bold]?[2J??" in printed
    assert "\x1b[2J" not in printed
    (found,) = scanned(capsys, ".")["agents"]
    assert found["folder"] == odd


def test_without_colour_there_is_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    cli.main(["scan", "."])
    assert not re.search(r"\x1b\[(3|4)\d", capsys.readouterr().out)


def test_what_was_not_read_is_told_before_the_last_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = "agentex-sdk==0.11\nopenai<2.45\ntemporalio<1.35\n"
    write(tmp_path, {"run_worker.py": "def (\n", "requirements.txt": held})
    monkeypatch.chdir(tmp_path)
    assert cli.main(["scan", ".", "--check"]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "not read: run_worker.py: no Python: line 1: invalid syntax",
        "1 agent: nothing left.",
    ]


def test_a_tree_without_agents_is_nothing_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.main(["scan", str(tmp_path), "--check"]) == 0
    assert capsys.readouterr().out == (
        f"No agent found in '{tmp_path}': no run_worker.py, no AgentexWorker and no "
        "TemporalStreamingModel.\n"
    )


@pytest.mark.parametrize(
    ("path", "why"), [("nowhere", "No such file or directory"), ("uv.lock", "it is not a folder")]
)
def test_a_path_that_is_no_folder_is_an_error_that_says_what_to_do(
    path: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["scan", ".", path]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"{path}: {why}. Name the folder of an agent")
    assert "agentex-usage-patch scan ." in printed.err


class Clock:
    """A clock that goes on by itself whenever it is read."""

    def __init__(self, step: float) -> None:
        self.now = 0.0
        self.step = step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.mark.parametrize(
    ("step", "terminal", "shown"),
    [(0.3, True, True), (0.3, False, False), (0.0001, True, False)],
    ids=["slow", "slow in a pipe", "quick"],
)
def test_a_bar_shows_how_far_a_slow_scan_is_to_who_waits_at_a_terminal(
    step: float,
    terminal: bool,
    shown: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_scan_progress, "monotonic", Clock(step))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    monkeypatch.setenv("TERM", "xterm")
    cli.main(["scan", "."])
    printed = capsys.readouterr()
    assert ("━" in printed.err) is shown
    assert "━" not in printed.out
    if shown:
        assert re.search(r"reading.*/\d\d", ESCAPES.sub("", printed.err))
