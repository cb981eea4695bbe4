"""What ``status`` prints: a table in a terminal, lines in a pipe, JSON for machines."""

from __future__ import annotations

import dataclasses
import json
import sys
from dataclasses import dataclass
from typing import Any, Literal

from .. import _upstream
from .._patching.status import PatchStatus

Require = Literal["patched", "native", "either"]

_STYLES = {"native": "green", "patched": "green", "missing": "red", "unknown": "yellow"}


@dataclass(frozen=True)
class StatusReport:
    """A status, the environment it was observed in, and what was asked of it.

    ``problem`` is why the SDK's model could not be imported, empty when it could.
    ``worker_problem`` is why no worker can be built, empty when one can, None where that was
    not tried.
    """

    observed: PatchStatus
    problem: str
    worker_problem: str | None
    require: Require

    @property
    def exit_code(self) -> int:
        """0 when every fix is in place as required, 1 when not, 3 without agentex-sdk."""
        if not _upstream.is_there():
            return 3
        return 0 if self.satisfied else 1

    @property
    def satisfied(self) -> bool:
        """Every fix is in place, by the side that is required, and nothing is in its way."""
        observed = self.observed
        if not observed.complete or observed.conflicts or observed.bypasses:
            return False
        if self.worker_problem:
            return False
        return self._by_the_side

    @property
    def _by_the_side(self) -> bool:
        patched = bool(self.observed.named("patched"))
        return self.require == "either" or patched == (self.require == "patched")

    def as_dict(self) -> dict[str, Any]:
        """Return what ``--json`` prints: schema 1, described in docs/status.md."""
        return {
            "schema": 1,
            "satisfied": self.satisfied,
            "require": self.require,
            "interpreter": {"executable": sys.executable, "version": _python()},
            "versions": _upstream.versions(),
            **dataclasses.asdict(self.observed),
            "problem": self.problem,
            "worker": {"built": self.worker_problem == "", "problem": self.worker_problem or ""},
            "runner": _upstream.dropped_by_runner(),
        }

    def print(self, *, as_json: bool) -> None:
        """Print it to the standard output."""
        from rich.console import Console

        if as_json:
            print(json.dumps(self.as_dict(), indent=2))
            return
        console = Console(highlight=False)
        if console.is_terminal:
            self._print_table(console)
        else:
            print("\n".join(f"{name}: {value}" for name, value, _ in self._rows()))
            print("\n".join(self._sentences()))

    def _rows(self) -> list[tuple[str, str, str]]:
        """Return name, value and style of each line."""
        rows = [("python", f"{_python()} ({sys.executable})", "")]
        rows += [
            (name, version or "not installed", "") for name, version in _upstream.versions().items()
        ]
        if _upstream.is_there():
            rows += [
                (fix.name, f"{fix.state} ({fix.evidence})", _STYLES[fix.state])
                for fix in self.observed.fixes
            ]
        rows += [
            ("conflict", f"{each.distribution} {each.version}: {each.reason}", "red")
            for each in self.observed.conflicts
        ]
        if self.worker_problem is not None:
            rows.append(worker_row(self.worker_problem))
        rows += [("runner", each, "yellow") for each in _upstream.dropped_by_runner()]
        rows += [("past the patch", each, "red") for each in self.observed.bypasses]
        return rows

    def _sentences(self) -> list[str]:
        unlike = []
        if self.observed.complete and not self._by_the_side:
            unlike = [f"Required was that every fix is {self.require}: it is not so."]
        return [
            *filter(None, [self.problem]),
            *unlike,
            self.observed.summary,
            f"Next: {self._advice}",
        ]

    @property
    def _advice(self) -> str:
        if self.worker_problem and not self.observed.conflicts:
            return f"Mend what keeps a worker from being built: {self.worker_problem}"
        return self.observed.advice

    def _print_table(self, console: Any) -> None:
        from rich.table import Table
        from rich.text import Text

        table = Table(show_header=False)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for name, value, style in self._rows():
            table.add_row(name, Text(value, style=style))
        console.print(table)
        for line in self._sentences():
            console.print(Text(line), soft_wrap=True)


def worker_row(problem: str) -> tuple[str, str, str]:
    """Return name, value and style of the line about the worker."""
    if problem:
        return "worker", f"cannot be built: {problem}", "red"
    return "worker", "can be built", "green"


def _python() -> str:
    return ".".join(map(str, sys.version_info[:3]))
