"""Turn a comparison into the report that ``verify`` prints."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from .. import _upstream
from .._report import Cells, Report, marked
from .._status.worker import NOT_TRIED, Worker

_COLUMNS = ("what was asked", "installed SDK", "with the patch", "expected")


@dataclass(frozen=True)
class Row:
    """One thing that was asked of the SDK, with the results and the expected value.

    The values are from the wire or from the call's result. None means that it was missing.
    """

    turn: int
    asked: str
    unpatched: Any
    patched: Any
    expected: Any

    def as_dict(self) -> dict[str, Any]:
        """Return the row for ``--json``."""
        return {**dataclasses.asdict(self), "wrong_unpatched": self.unpatched != self.expected,
                "right_patched": self.patched == self.expected}  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """The rows, or the problems that prevented them, and whether a worker can be built.

    ``sdk_version`` is None if agentex-sdk is not installed.
    """

    sdk_version: str | None
    rows: tuple[Row, ...] = ()
    problems: tuple[str, ...] = ()
    worker: Worker = NOT_TRIED

    @property
    def right(self) -> bool:
        """True if every row is right with the patch and a worker can be built."""
        rows_right = all(row.patched == row.expected for row in self.rows)
        return self.worker.built and bool(self.rows) and rows_right

    @property
    def summary(self) -> str:
        """The result in one sentence."""
        sdk = f"{_upstream.DISTRIBUTION} {self.sdk_version}"
        if self.sdk_version is None:
            return f"{_upstream.DISTRIBUTION} is not installed: there is nothing to verify."
        if not self.rows:
            return f"{sdk} could not be run."
        if self.worker.problem:
            return f"{sdk}: a worker {self.worker}"
        wrong = sum(row.unpatched != row.expected for row in self.rows)
        right = sum(row.patched == row.expected for row in self.rows)
        if not wrong:
            return f"{sdk} needs no patch; {_upstream.REMOVE}"
        return f"{sdk}: {wrong} of {len(self.rows)} wrong as installed, {right} right patched."

    def report(self) -> Report:
        """Return the report. Its JSON is schema 1, described in docs/verify.md."""
        runner = _upstream.dropped_by_runner()
        worker = [] if self.worker == NOT_TRIED else [f"worker: {self.worker}"]
        return Report(
            columns=_COLUMNS if self.rows else (),
            rows=list(self._cells()),
            sentences=[*worker, *self.problems, *runner, self.summary],
            json={
                "schema": 1,
                "sdk_version": self.sdk_version,
                "right": self.right,
                "rows": [row.as_dict() for row in self.rows],
                "problems": self.problems,
                "worker": dataclasses.asdict(self.worker),
                "runner": runner,
                "summary": self.summary,
            },
            exit_code=3 if self.sdk_version is None else 0 if self.right else 1,
        )

    def _cells(self) -> Iterator[Cells]:
        for turn, rows in groupby(self.rows, key=lambda row: row.turn):
            yield (f"turn {turn}",)
            for row in rows:
                unpatched = marked(_shown(row.unpatched), right=row.unpatched == row.expected)
                patched = marked(_shown(row.patched), right=row.patched == row.expected)
                yield row.asked, unpatched, patched, _shown(row.expected)


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        value = [value["id"]] if "id" in value else list(value.values())
    if isinstance(value, list):
        return " ".join(map(str, value))
    # The SDK's invented ids fit. The server's differ in their first characters.
    return value if len(value) <= 13 else f"{value[:12]}…"
