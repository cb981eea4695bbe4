"""Report on agents: a table in a terminal, lines in a pipe, JSON for machines."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import _upstream
from .agents import Agent
from .requirements import PATCH

if TYPE_CHECKING:
    from rich.console import Console

_HEADINGS = ("agent", _upstream.DISTRIBUTION, "verdict", "next")
_HOW = (
    "At the top of the file that builds the provider: from agentex_usage_patch import apply_patch; "
    f"apply_patch()\nIn the requirements: {PATCH}"
)


def as_dict(agents: Sequence[Agent], not_read: dict[Path, str]) -> dict[str, Any]:
    """Return what ``--json`` prints: schema 2, which docs/scan.md describes."""
    return {
        "schema": 2,
        "agents": [
            {
                "folder": _shown(each.folder),
                "verdict": each.verdict,
                "sdk": each.sdk and {
                    "written": each.sdk.written, "version": each.sdk.version,
                    "file": _shown(each.sdk.file), "line": each.sdk.line,
                    "locked": each.sdk.locked,
                },
                "places": [{"file": _shown(file), "line": line, "what": what, "text": text}
                           for file, line, what, text, _ in each.places],
                "next": each.next,
            }
            for each in agents
        ],
        "not_read": [{"path": _shown(path), "reason": reason}
                     for path, reason in sorted(not_read.items())],
        "due": sum(each.due for each in agents),
    }  # fmt: skip


def print_report(paths: Sequence[str], agents: Sequence[Agent], not_read: dict[Path, str]) -> None:
    """Print a line for each agent, then the places, what to type, and a summary."""
    from rich.console import Console

    console = Console()
    _print_rows(console, [
        [_printable(cell) for cell in (
            _shown(each.folder), each.sdk.said if each.sdk else "-", each.verdict, each.next)]
        for each in agents
    ])  # fmt: skip
    for agent in agents:
        if agent.places:
            print()
        for file, line, what, text, _ in agent.places:
            where = _printable(f"{_shown(file)}:{line}")
            if console.is_terminal:
                where = f"\x1b]8;;{file.as_uri()}\x1b\\{where}\x1b]8;;\x1b\\"
            said = text if what == "sdk" else f"{what}: {text}"
            print(f"{where}: {_printable(said)}")
    if agents:
        print()
    for path, reason in sorted(not_read.items()):
        print(_printable(f"not read: {_shown(path)}: {reason}"))
    if any(each.verdict in ("needs patch", "in-house patch") for each in agents):
        print(_HOW)
    due = sum(each.due for each in agents)
    # The tree itself is listed when it has lines of no agent.
    count = sum(each.sdk is not None or each.verdict != "remove" for each in agents)
    if count:
        print(f"{count} agent{'s' * (count > 1)}: {due or 'none'} need{'s' * (due == 1)} work.")
    else:
        where = ", ".join(map(repr, paths))
        print(f"No agent in {where}: no code uses {_upstream.CLASS} of agentex-sdk.")


def _print_rows(console: Console, rows: list[list[str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    if console.is_terminal and rows:
        table = Table()
        for heading in _HEADINGS:
            table.add_column(heading, overflow="fold")
        for row in rows:
            table.add_row(*map(Text, row))
        console.print(table)
    else:
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
            print("  ".join(cells).rstrip())


def _shown(path: Path) -> str:
    """Return a path that a terminal in the current folder makes clickable."""
    here = os.getcwd()  # noqa: PTH109 - it is called for each line
    return "." if str(path) == here else str(path).removeprefix(f"{here}{os.sep}")


def _printable(text: str) -> str:
    """Return a text for one line: the name of a file can hold characters that move a cursor."""
    return "".join(each if each.isprintable() else "?" for each in text)
