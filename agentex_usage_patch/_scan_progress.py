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
        self._show()

    def went(self) -> None:
        """Count a step."""
        self._done += 1
        if monotonic() >= self._at:
            self._show()

    def _show(self) -> None:
        if monotonic() < self._at or not sys.stderr.isatty():
            return
        # What is shown ten times a second costs nothing.
        self._at = monotonic() + 0.1
        what, total = self._stage
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._bar.add_task("")
            self._bar.start()
        (task,) = self._bar.task_ids
        self._bar.update(task, description=what, total=total, completed=self._done)
