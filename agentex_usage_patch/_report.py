"""Print a report: a table in a terminal, lines in a pipe, JSON for programs, or a picture."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.terminal_theme import MONOKAI
from rich.text import Text

#: A row of the table.
Cells = Sequence[str | Text]

#: A narrower terminal, in columns, gets lines: a table would break its words.
_NARROW = 60
_PICTURE_WIDTH = 92
#: rich refers to a font on the network. The picture must not load anything.
_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("?", "yellow")}


def marked(text: str, *, right: bool | None) -> Text:
    """Return a cell with a mark and a colour: right, wrong, or unknown (None)."""
    mark, style = _MARKS[right]
    return Text(f"{mark} {text}", style)


@dataclass(frozen=True)
class Report:
    """A table, the sentences below it, the same as JSON, and the command's exit code.

    The first cell of a row is its name. A row of one cell is a heading. ``columns`` are the
    titles of the columns; a table may have none.
    """

    columns: Sequence[str]
    rows: Sequence[Cells]
    sentences: Sequence[str]
    json: Mapping[str, Any]
    exit_code: int

    def publish(self, *, as_json: bool, svg: Path | None = None) -> int:
        """Print the report, draw it if ``svg`` names a file, and return the exit code.

        Returns 2 if the picture cannot be written.
        """
        console = Console(highlight=False)
        if as_json:
            print(json.dumps(self.json, indent=2))
        elif console.is_terminal and console.width >= _NARROW:
            self._show(console)
        else:
            print(*self._lines(), sep="\n")
        if svg is not None:
            try:
                svg.write_text(self._picture(), encoding="utf-8")
            except OSError as error:
                print(f"--svg {svg} cannot be written: {error.strerror}.", file=sys.stderr)
                return 2
        return self.exit_code

    def _show(self, console: Console) -> None:
        if self.rows:
            console.print(self._table())
        for sentence in self.sentences:
            console.print(Text(sentence), soft_wrap=True)

    def _table(self) -> Table:
        table = Table(show_header=bool(self.columns))
        # Names in the first column are not wrapped, unless one is long: rich would crop it.
        short = max(len(row[0]) for row in self.rows) <= _NARROW // 2
        for column in self.columns or [""] * max(map(len, self.rows)):
            table.add_column(column, overflow="fold", no_wrap=short and not table.columns)
        for row in self.rows:
            if len(row) == 1:
                table.add_section()
            # Not plain strings: rich would take brackets in them for markup.
            table.add_row(*map(Text.assemble, row), style="bold" if len(row) == 1 else "")
        return table

    def _lines(self) -> Iterator[str]:
        """Yield ``name: cell, cell (last cell)`` for each row, then the sentences."""
        for name, *cells in filter(None, (self.columns, *self.rows)):
            *others, last = map(str, cells or [""])
            value = ", ".join(filter(None, others))
            yield f"{name}: {f'{value} ({last})' if value and last else value or last}".rstrip()
        yield from self.sentences

    def _picture(self) -> str:
        """Return the table and the sentences as an SVG."""
        console = Console(
            record=True,
            width=_PICTURE_WIDTH,
            file=io.StringIO(),
            force_terminal=True,
            color_system="standard",
            highlight=False,
        )
        self._show(console)
        title = "agentex-usage-patch verify"
        picture = console.export_svg(title=title, theme=MONOKAI, unique_id="agentex-usage-patch")
        return _FONT.sub("", picture)
