"""What ``verify`` tells: the rows, the problems, and how they are printed."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from .. import _upstream
from .._status.report import worker_row

#: In columns: a terminal that a table of four does not fit into.
_NARROW = 60


@dataclass(frozen=True)
class Row:
    """One thing that was asked of the SDK: what came of it, and what should have.

    The values are as they came over the wire or out of the call; None is "not there".
    """

    turn: int
    asked: str
    unpatched: Any
    patched: Any
    expected: Any

    @property
    def wrong_unpatched(self) -> bool:
        """The installed SDK does not do it by itself."""
        return bool(self.unpatched != self.expected)

    @property
    def right_patched(self) -> bool:
        """With the patch it does."""
        return bool(self.patched == self.expected)


@dataclass(frozen=True)
class Report:
    """The rows, or the problems that kept them from being made.

    ``worker_problem`` is why no worker can be built, empty when one can, None where that was
    not tried.
    """

    sdk_version: str | None
    rows: tuple[Row, ...]
    problems: tuple[str, ...]
    worker_problem: str | None = None

    @property
    def right(self) -> bool:
        """Every row is right with the patch, and a worker can be built."""
        rows_right = bool(self.rows) and all(row.right_patched for row in self.rows)
        return rows_right and not self.worker_problem

    @property
    def summary(self) -> str:
        """One sentence: what is, and what to do."""
        sdk = f"{_upstream.DISTRIBUTION} {self.sdk_version}"
        wrong = sum(row.wrong_unpatched for row in self.rows)
        right = sum(row.right_patched for row in self.rows)
        if self.sdk_version is None:
            return f"{_upstream.DISTRIBUTION} is not installed: there is nothing to verify."
        if not self.rows:
            return f"{sdk} could not be run."
        if self.worker_problem:
            return f"{sdk}: no worker can be built: {self.worker_problem}"
        if not wrong:
            return f"{sdk} needs no patching; remove this package: {_upstream.REMOVE}"
        return f"{sdk}: {wrong} of {len(self.rows)} wrong as installed, {right} right patched."

    def as_dict(self) -> dict[str, Any]:
        """Return what ``--json`` prints: schema 1."""
        rows = [
            {
                **dataclasses.asdict(row),
                "wrong_unpatched": row.wrong_unpatched,
                "right_patched": row.right_patched,
            }
            for row in self.rows
        ]
        return {
            "schema": 1,
            "sdk_version": self.sdk_version,
            "right": self.right,
            "rows": rows,
            "problems": list(self.problems),
            "worker": {"built": self.worker_problem == "", "problem": self.worker_problem or ""},
            "runner": _upstream.dropped_by_runner(),
            "summary": self.summary,
        }

    def print(self) -> None:
        """Print it to the standard output."""
        from rich.console import Console

        self.show(Console(highlight=False))

    def show(self, console: Any) -> None:
        """Print the table, the problems and the summary to a console of rich."""
        from rich.table import Table
        from rich.text import Text

        def cell(value: Any, *, right: bool) -> Text:
            mark, style = ("✓", "green") if right else ("✗", "red")
            return Text(f"{mark} {_shown(value)}", style=style)

        if self.worker_problem is not None:
            name, value, style = worker_row(self.worker_problem)
            console.print(Text.assemble(f"{name}: ", (value, style)), soft_wrap=True)
        if console.width < _NARROW:
            for row in self.rows:
                told = Text.assemble(
                    f"turn {row.turn}, {row.asked}: ",
                    cell(row.unpatched, right=not row.wrong_unpatched),
                    " installed, ",
                    cell(row.patched, right=row.right_patched),
                    f" with the patch; it should be {_shown(row.expected)}",
                )
                console.print(told, soft_wrap=True)
        elif self.rows:
            table = Table(title="Two chained turns over HTTP", title_justify="left")
            table.add_column("what was asked", no_wrap=True)
            for heading in ("installed SDK", "with the patch", "as it should be"):
                table.add_column(heading, overflow="fold")
            turn = 0
            for row in self.rows:
                if row.turn != turn:
                    turn = row.turn
                    table.add_section()
                    table.add_row(Text(f"turn {turn}", style="bold"))
                table.add_row(
                    row.asked,
                    cell(row.unpatched, right=not row.wrong_unpatched),
                    cell(row.patched, right=row.right_patched),
                    Text(_shown(row.expected)),
                )
            console.print(table)
        for line in (*self.problems, *_upstream.dropped_by_runner(), self.summary):
            console.print(Text(line), soft_wrap=True)


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        value = [value["id"]] if "id" in value else list(value.values())
    if isinstance(value, list):
        return " ".join(map(str, value))
    # An invented id fits, and of the server's the beginning tells them apart.
    return value if len(value) <= 13 else f"{value[:12]}…"
