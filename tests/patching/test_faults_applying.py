"""When a step of `apply_patch` fails, the worker still starts, and one line says so."""

from __future__ import annotations

import logging
import sys

import pytest

from agentex_usage_patch import AgentexUsagePatchError, apply_patch
from agentex_usage_patch._patching import apply, install

from ..calls import AFFECTED, class_attribute, make_model
from ..children import child
from ..clients import Recording, ask, event
from ..faults import MESSAGE, fail
from .test_faults import OUTPUT


@pytest.mark.parametrize("step", ["observe", "imported", "describe", "install", "observed"])
async def test_failing_step_of_applying_does_not_stop_the_worker(
    step: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    original = class_attribute()
    monkeypatch.setattr(apply if step == "imported" else install, step, fail)
    applied = apply_patch()
    assert MESSAGE not in caplog.text
    # Only these two run after the wrapper is in place.
    in_place = step in ("describe", "observed") and AFFECTED
    assert (class_attribute() is not original) is in_place
    assert not applied.complete
    assert applied.summary == (
        "agentex-usage-patch failed (LookupError): whether agentex-sdk is patched is unknown."
    )
    assert [(each.levelno, each.getMessage()) for each in caplog.records] == [
        (logging.WARNING, applied.summary)
    ]
    client = Recording(event())
    assert (await ask(make_model(client))).output == OUTPUT
    assert len(client.requests) == 1
    with pytest.raises(AgentexUsagePatchError, match="LookupError") as raised:
        apply_patch(strict=True)
    assert raised.value.__context__ is None  # a traceback would quote it


def test_wrapper_that_cannot_be_imported_leaves_the_worker_unpatched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # This happens when openai moves a name that the wrapper imports.
    original = class_attribute()
    monkeypatch.setitem(sys.modules, "agentex_usage_patch._patching.wrapper", None)
    applied = apply_patch()
    assert class_attribute() is original
    assert applied.complete is not AFFECTED
    assert ("failed (ModuleNotFoundError)" in applied.summary) is AFFECTED


@pytest.mark.processes
def test_failing_import_hook_does_not_fail_the_import() -> None:
    said = child("""
from agentex_usage_patch import apply_patch, status
from agentex_usage_patch._patching import install
apply_patch()
def fail(*_): raise LookupError
install.install = fail
from tests import calls
seen("imported", status())
""")
    assert said["imported"]["states"] == ["missing" if AFFECTED else "native"]
    assert [each for each in said["lines"] if "failed (LookupError)" in each[1]] == said["lines"]
    assert len(said["lines"]) == 1


def test_failing_log_handler_does_not_stop_the_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Failing(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            raise OSError("disk full")

    logger = logging.getLogger("agentex_usage_patch")
    monkeypatch.setattr(logger, "handlers", [Failing()])
    logger.setLevel(logging.DEBUG)
    try:
        assert apply_patch().complete
    finally:
        logger.setLevel(logging.NOTSET)
