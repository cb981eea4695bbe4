"""What a scan tells: a table in a terminal, lines in a pipe, JSON for machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import _upstream
from .agents import Agent

_HOW = (
    (
        "Apply it where the provider is built: from agentex_usage_patch import apply_patch; "
        "apply_patch()"
    ),
    "Require it: agentex-usage-patch",
)


@dataclass(frozen=True)
class Report:
    """The agents of some trees, and what was not read."""

    roots: Sequence[Path]
    agents: Sequence[Agent]
    not_read: dict[Path, str]

    @property
    def due(self) -> int:
        """How many agents need work."""
        return sum(each.due for each in self.agents)

    def as_dict(self) -> dict[str, Any]:
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
                    "places": [{"file": _shown(at.file), "line": at.line, "what": at.what,
                                "text": at.text} for at in each.places],
                    "next": each.next,
                }
                for each in self.agents
            ],
            "not_read": [{"path": _shown(path), "reason": reason}
                         for path, reason in sorted(self.not_read.items())],
            "due": self.due,
        }  # fmt: skip

    def print(self) -> None:
        """Print a line for each agent, then the places, what to type, and a summary."""
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        console = Console(highlight=False)
        rows = [(_shown(each.folder), _release(each), each.verdict, each.next)
                for each in self.agents]  # fmt: skip
        if console.is_terminal and rows:
            table = Table()
            for heading in ("agent", _upstream.DISTRIBUTION, "verdict", "next"):
                table.add_column(heading, overflow="fold")
            for agent, row in zip(self.agents, rows, strict=True):
                style = "red" if agent.due else "green"
                cells = [Text(_printable(cell)) for cell in row]
                cells[2].stylize(style)
                table.add_row(*cells)
            console.print(table)
        else:
            widths = [max(len(row[at]) for row in rows) for at in range(3)] if rows else []
            for row in rows:
                cells_of = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
                print(_printable("  ".join([*cells_of, row[3]]).rstrip()))
        self._print_places(console)
        if self.agents:
            print()
        for path, reason in sorted(self.not_read.items()):
            print(_printable(f"not read: {_shown(path)}: {reason}"))
        if any(each.verdict in ("needs patch", "in-house patch") for each in self.agents):
            print(*_HOW, sep="\n")
        print(self.summary)

    def _print_places(self, console: Any) -> None:
        from rich.style import Style
        from rich.text import Text

        for each in self.agents:
            if each.places:
                print()
            for at in each.places:
                file = _printable(f"{_shown(at.file)}:{at.line}")
                said = _printable(f"{'' if at.what == 'sdk' else f'{at.what}: '}{at.text}")
                if console.is_terminal:
                    link = (file, Style(link=at.file.as_uri()))
                    console.print(Text.assemble(link, ": ", said), soft_wrap=True)
                else:  # rich takes longer than the scan
                    print(f"{file}: {said}")

    @property
    def summary(self) -> str:
        """One sentence: how many agents there are, and how many need work."""
        if not self.agents:
            where = ", ".join(repr(_shown(root)) for root in self.roots)
            return f"No agent in {where}: no code uses {_upstream.CLASS} of agentex-sdk."
        count = f"{len(self.agents)} agent{'s' * (len(self.agents) > 1)}"
        return f"{count}: {self.due or 'none'} need{'s' * (self.due == 1)} work."


def _release(agent: Agent) -> str:
    sdk = agent.sdk
    if sdk is None:
        return "-"
    return sdk.version or sdk.written or ("not from an index" if sdk.origin else "any")


def _printable(text: str) -> str:
    """Return a text for one line: the name of a file may hold what moves a cursor."""
    return "".join(each if each.isprintable() else "?" for each in text)


def _shown(path: Path) -> str:
    """Return a path as a terminal in this folder makes it clickable."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
