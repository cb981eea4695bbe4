"""Start the stack once for all tests of this folder; failures show the logs."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest
import pytest_asyncio

from .conversations.outcomes import Outcomes
from .conversations.retries import held_again
from .platform.stack import FIXED, RELEASES, Setting, Stack

_stacks: list[Stack] = []
_outcomes: list[Outcomes] = []


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack() -> AsyncIterator[Stack]:
    """Temporal, Redis and the servers."""
    async with Stack(Path(os.environ["E2E_FOLDER"])) as stack:
        _stacks.append(stack)
        yield stack


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def outcomes(request: pytest.FixtureRequest, stack: Stack) -> AsyncIterator[Outcomes]:
    """The cases of the selected tests, already running."""
    outcomes = Outcomes(stack)
    _outcomes.append(outcomes)
    calls = (getattr(each, "callspec", None) for each in request.session.items)
    outcomes.begin({call.params["case"] for call in calls if call and "case" in call.params})
    yield outcomes
    await outcomes.end()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the end of each log to the report of a failed test."""
    report = yield
    if report.failed:
        for stack in _stacks:
            for name, process in stack.processes.items():
                report.sections.append((name, process.tail()))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the result of each case, a row for each release."""
    write = terminalreporter.write_line
    write("| case | release | unpatched | patched | 0.10.5 |")
    write("| --- | --- | --- | --- | --- |")
    for outcomes in _outcomes:
        for name, seen in outcomes.told().items():
            for release in RELEASES:
                cells = [Setting(release, patched=False), Setting(release, patched=True), FIXED]
                row = " | ".join(seen.get(each, "not held") for each in cells)
                write(f"| {name} | {release} | {row} |")
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            write(f"{name}: {value}")
    for each in held_again:
        write(f"held again: {each}")
