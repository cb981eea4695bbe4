"""`apply_patch` never stops a worker, whatever it finds and whichever step fails."""

from __future__ import annotations

import importlib
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agentex_usage_patch import (
    _upstream,
    apply_patch,
    remove_patch,
    status,
)
from agentex_usage_patch._patching import apply, hook, wrapper
from agentex_usage_patch._patching.hook import PostImportHook
from agentex_usage_patch._patching.probe.stubs import STREAMED_ID
from agentex_usage_patch._upstream import FIXES

from .. import calls
from ..calls import AFFECTED, class_attribute, make_model, tokens
from ..clients import TOKENS, Recording, ask, event
from ..faults import fail


def test_wrapper_that_fails_the_probe_is_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = class_attribute()
    monkeypatch.setattr(wrapper.GetResponse, "__get__", fail)
    observed = apply_patch()
    assert class_attribute() is original
    assert observed.named("missing" if AFFECTED else "native") == FIXES
    assert observed.complete is not AFFECTED


def test_wrapper_that_would_cost_a_working_fix_is_not_installed() -> None:
    """An in-house patch that gives up where it is not called with the model itself."""
    original = class_attribute()

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = await original(self, *args, **kwargs)
        is_model = type(self) is calls.sdk.TemporalStreamingModel
        result.response_id = STREAMED_ID if is_model else "resp_of_another"
        return result

    calls.sdk.TemporalStreamingModel.get_response = get_response
    observed = apply_patch()
    assert class_attribute() is get_response
    assert "response_id" in observed.named("native")


def test_wrapper_that_wraps_itself_does_not_loop_forever() -> None:
    apply_patch()
    original = class_attribute()

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await original(self, *args, **kwargs)

    get_response.__wrapped__ = get_response  # type: ignore[attr-defined]  # a bug of its author
    calls.sdk.TemporalStreamingModel.get_response = get_response
    assert [fix.name for fix in status().fixes] == list(FIXES)


async def test_importing_auto_applies_the_patch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "agentex_usage_patch.auto", raising=False)
    importlib.import_module("agentex_usage_patch.auto")
    assert status().complete
    assert tokens((await ask(make_model(Recording(event())))).usage) == TOKENS


@pytest.fixture
def write_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Make the patch wait for another module; return a function that writes its source."""
    module = f"agentex_model_of_{tmp_path.name}"
    monkeypatch.setattr(_upstream, "MODULE", module)
    monkeypatch.setattr(sys, "meta_path", sys.meta_path.copy())
    monkeypatch.setattr(apply, "_hook", PostImportHook(module, apply._apply))
    monkeypatch.syspath_prepend(tmp_path)

    def write(source: str) -> str:
        (tmp_path / f"{module}.py").write_text(source)
        return module

    yield write
    sys.modules.pop(module, None)


_MODEL = """
class TemporalStreamingModel:
    async def get_response(self, *args, **kwargs):
        raise LookupError
"""


def test_import_of_the_model_applies_a_waiting_patch(
    write_model: Any, caplog: pytest.LogCaptureFixture
) -> None:
    module = write_model(_MODEL)
    for _ in range(2):
        waiting = apply_patch()
        assert waiting.named("unknown") == FIXES
        assert "will be applied when its model is imported" in waiting.summary
    assert caplog.records == []
    model_class = importlib.import_module(module).TemporalStreamingModel
    (line,) = caplog.records
    assert line.getMessage() == status().summary
    # This model cannot be probed, so the release decides.
    patched = isinstance(vars(model_class)["get_response"], wrapper.GetResponse)
    assert patched is AFFECTED
    remove_patch()
    assert not isinstance(vars(model_class)["get_response"], wrapper.GetResponse)


def test_removal_before_the_import_cancels_the_patch(write_model: Any) -> None:
    module = write_model(_MODEL)
    apply_patch()
    removed = remove_patch()
    assert "will be applied" not in removed.summary
    model_class = importlib.import_module(module).TemporalStreamingModel
    assert not isinstance(vars(model_class)["get_response"], wrapper.GetResponse)
    assert apply_patch().model_file is not None
    assert isinstance(vars(model_class)["get_response"], wrapper.GetResponse) is AFFECTED


def test_removal_during_the_import_cancels_the_patch(
    write_model: Any, caplog: pytest.LogCaptureFixture
) -> None:
    module = write_model(f"import agentex_usage_patch as a\na.remove_patch()\n{_MODEL}")
    apply_patch()
    model_class = importlib.import_module(module).TemporalStreamingModel
    assert not isinstance(vars(model_class)["get_response"], wrapper.GetResponse)
    assert caplog.records == []


def test_applying_waits_for_an_import_in_another_thread(
    write_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, released = threading.Event(), threading.Event()
    monkeypatch.setattr(sys, "slow_import", (started, released), raising=False)
    module = write_model(
        f"import sys\nfor event, do in zip(sys.slow_import, ('set', 'wait')):\n"
        f"    getattr(event, do)()\n{_MODEL}"
    )
    importing = threading.Thread(target=importlib.import_module, args=(module,))
    importing.start()
    assert started.wait(60)

    def import_module(name: str) -> Any:
        released.set()
        importing.join()
        return sys.modules[name]

    monkeypatch.setattr(hook, "importlib", SimpleNamespace(import_module=import_module))
    try:
        observed = apply_patch()
        assert hasattr(sys.modules[module], "TemporalStreamingModel")
        assert observed.model_file == sys.modules[module].__file__
        assert "was not found" not in observed.summary
    finally:
        released.set()
        importing.join()


def test_module_without_the_class_is_reported(write_model: Any) -> None:
    importlib.import_module(write_model(""))
    assert "was not found" in apply_patch().summary
