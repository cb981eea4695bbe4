"""How far a scan is, for who waits for it at a terminal."""

from __future__ import annotations

import sys
from time import monotonic
from typing import Any, Self

#: In seconds: what takes less has no need of a bar.
_PATIENCE = 1.0


class Progress:
    """A bar on the standard error that appears after a second, and leaves no trace.

    Where the standard error is no terminal, nothing is shown.
    """

    def __init__(self) -> None:
        self._at = monotonic() + _PATIENCE
        self._bar: Any = None
        self._task: Any = None
        self._stage: tuple[str, int | None] = ("", None)
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def stage(self, what: str, total: int | None = None) -> None:
        """Begin another part of the work, of which ``total`` steps are known."""
        self._stage, self._done = (what, total), 0
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None

    def went(self) -> None:
        """Count a step."""
        self._done += 1
        if monotonic() >= self._at and sys.stderr.isatty():
            self._show()

    def _show(self) -> None:
        # What is shown ten times a second costs nothing.
        self._at = monotonic() + 0.1
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            console = Console(stderr=True)
            self._bar = Bar(
                *columns,
                console=console,
                transient=True,
                auto_refresh=False,
                redirect_stdout=False,  # nothing else is printed meanwhile
                redirect_stderr=False,
            )
            self._bar.start()
        if self._task is None:
            what, total = self._stage
            self._task = self._bar.add_task(what, total=total)
        self._bar.update(self._task, completed=self._done, refresh=True)
