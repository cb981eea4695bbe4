"""Turn an observed status into the report that ``status`` prints."""

from __future__ import annotations

import dataclasses
import platform
import sys
from collections.abc import Iterator

from rich.text import Text

from .. import _upstream
from .._patching.status import PatchStatus
from .._report import Cells, Report
from .worker import NOT_TRIED, Worker

_STYLES = {"native": "green", "patched": "green", "missing": "red", "unknown": "yellow"}


def make_report(observed: PatchStatus, problem: str, worker: Worker, require: str) -> Report:
    """Return the report. ``problem`` says why the SDK's model could not be imported, if so.

    The JSON is schema 1, described in docs/status.md.
    """
    patched = bool(observed.named("patched"))
    as_required = require == "either" or patched == (require == "patched")
    in_the_way = observed.conflicts or observed.bypasses or not worker.built
    satisfied = observed.complete and as_required and not in_the_way
    sentences = [problem] if problem else []
    if observed.complete and not as_required:
        sentences.append(f"--require {require} is not met.")
    advice = observed.advice
    if worker.problem and not observed.conflicts:
        advice = f"Resolve the error that stops the worker: {worker.problem}"
    return Report(
        columns=(),
        rows=list(_rows(observed, worker)),
        sentences=[*sentences, observed.summary, f"Next: {advice}"],
        json={
            "schema": 1,
            "satisfied": satisfied,
            "require": require,
            "interpreter": {"executable": sys.executable, "version": platform.python_version()},
            "versions": _upstream.versions(),
            **dataclasses.asdict(observed),
            "problem": problem,
            "worker": dataclasses.asdict(worker),
            "runner": _upstream.dropped_by_runner(),
        },
        exit_code=(0 if satisfied else 1) if _upstream.is_installed() else 3,
    )


def _rows(observed: PatchStatus, worker: Worker) -> Iterator[Cells]:
    yield "python", platform.python_version(), sys.executable
    for name, version in _upstream.versions().items():
        yield name, version or "not installed"
    if _upstream.is_installed():
        yield from _fixes(observed)
    for each in observed.conflicts:
        yield "conflict", Text(f"{each.distribution} {each.version}", "red"), each.reason
    if worker != NOT_TRIED:
        yield "worker", Text(str(worker), "green" if worker.built else "red")
    for dropped in _upstream.dropped_by_runner():
        yield "runner", Text(dropped, "yellow")
    for bypass in observed.bypasses:
        yield "bypass", Text(bypass, "red")


def _fixes(observed: PatchStatus) -> Iterator[Cells]:
    """Yield a row for each fix, or one for all if they share their state and its reason."""
    alike = len({(fix.state, fix.evidence) for fix in observed.fixes}) == 1
    for fix in observed.fixes[:1] if alike else observed.fixes:
        name = "fixes" if alike else fix.name
        yield name, Text(fix.state, _STYLES[fix.state]), fix.evidence
