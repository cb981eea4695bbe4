"""The stack is started once for all tests of this folder; failures show the logs."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest
import pytest_asyncio

from .outcomes import Outcomes
from .stack import FIXED, RELEASES, Setting, Stack

_stacks: list[Stack] = []
_outcomes: list[Outcomes] = []


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack() -> AsyncIterator[Stack]:
    """Temporal, Redis and the servers."""
    async with Stack(Path(os.environ["E2E_FOLDER"])) as stack:
        _stacks.append(stack)
        yield stack


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def outcomes(stack: Stack) -> Outcomes:
    """A worker of each setting."""
    _outcomes.append(await Outcomes(stack).start("one", 1, heartbeat=60))
    return _outcomes[-1]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pairs(stack: Stack) -> Outcomes:
    """Two workers of each setting."""
    _outcomes.append(await Outcomes(stack).start("pair", 2, heartbeat=10))
    return _outcomes[-1]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of each log where a test has failed."""
    report = yield
    if report.failed:
        for stack in _stacks:
            for name, process in stack.processes.items():
                report.sections.append((name, process.tail()))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what came of each case, a row for each release."""
    write = terminalreporter.write_line
    write("| case | release | unpatched | patched | 0.10.5 |")
    write("| --- | --- | --- | --- | --- |")
    for outcomes in _outcomes:
        for name, seen in outcomes.told().items():
            for release in RELEASES:
                cells = [Setting(release, patched=False), Setting(release, patched=True), FIXED]
                write(f"| {name} | {release} | {' | '.join(seen[each] for each in cells)} |")
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            write(f"{name}: {value}")
