"""Applying never stops a worker, whatever it finds or whatever of ours fails."""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agentex_usage_patch import (
    AgentexUsagePatchError,
    _upstream,
    apply_patch,
    remove_patch,
    status,
)
from agentex_usage_patch._patching import apply, hook, install, wrapper
from agentex_usage_patch._patching.hook import PostImportHook
from agentex_usage_patch._upstream import FIXES

from .. import calls
from ..calls import AFFECTED, make_model, sdk_log, tokens
from ..clients import TOKENS, Recording, ask, event


def in_the_class() -> Any:
    return vars(calls.sdk.TemporalStreamingModel)["get_response"]


def fail(*_: Any, **__: Any) -> Any:
    raise LookupError("not for anybody's eyes")


@pytest.mark.parametrize("name", ["install", "observed"])
def test_a_failure_of_ours_leaves_the_sdk_alone_and_is_told(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    original = in_the_class()
    monkeypatch.setattr(install, name, fail)
    observed = apply_patch()
    if name == "install":
        assert in_the_class() is original
    assert not observed.complete
    assert (
        observed.summary == "agentex-usage-patch failed (LookupError) and left agentex-sdk alone."
    )
    assert [(each.levelno, each.getMessage()) for each in caplog.records] == [
        (logging.WARNING, observed.summary)
    ]
    with pytest.raises(AgentexUsagePatchError, match="LookupError"):
        apply_patch(strict=True)


def test_a_wrapper_of_ours_that_does_not_run_is_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = in_the_class()
    monkeypatch.setattr(wrapper.GetResponse, "__get__", fail)
    observed = apply_patch()
    assert in_the_class() is original
    assert observed.named("missing" if AFFECTED else "native") == FIXES
    assert observed.complete is not AFFECTED


def test_wrappers_that_name_each_other_as_wrapped_are_looked_through_once() -> None:
    apply_patch()
    original = in_the_class()

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await original(self, *args, **kwargs)

    get_response.__wrapped__ = get_response  # type: ignore[attr-defined]  # somebody's mistake
    calls.sdk.TemporalStreamingModel.get_response = get_response
    assert [fix.name for fix in status().fixes] == list(FIXES)


async def test_the_one_line_import_applies_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "agentex_usage_patch.auto", raising=False)
    importlib.import_module("agentex_usage_patch.auto")
    assert status().complete
    assert tokens((await ask(make_model(Recording(event())))).usage) == TOKENS


@pytest.fixture
def waiting_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Let another module be the one that holds the model; returns a way to write it."""
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


def test_the_import_that_was_waited_for_applies_it(
    waiting_for: Any, caplog: pytest.LogCaptureFixture
) -> None:
    module = waiting_for(_MODEL)
    for _ in range(2):
        waiting = apply_patch()
        assert waiting.named("unknown") == FIXES
        assert "will be applied when its model is imported" in waiting.summary
    assert caplog.records == []
    model_class = importlib.import_module(module).TemporalStreamingModel
    (line,) = caplog.records
    assert line.getMessage() == status().summary
    # It cannot be run, so the version decides.
    patched = isinstance(vars(model_class)["get_response"], wrapper.GetResponse)
    assert patched is AFFECTED
    remove_patch()
    assert not isinstance(vars(model_class)["get_response"], wrapper.GetResponse)


def test_removed_before_the_import_it_is_not_applied_at_the_import(waiting_for: Any) -> None:
    module = waiting_for(_MODEL)
    apply_patch()
    removed = remove_patch()
    assert "will be applied" not in removed.summary
    model_class = importlib.import_module(module).TemporalStreamingModel
    assert not isinstance(vars(model_class)["get_response"], wrapper.GetResponse)
    assert apply_patch().model_file is not None
    assert isinstance(vars(model_class)["get_response"], wrapper.GetResponse) is AFFECTED


def test_removed_during_the_import_it_is_not_applied_after_it(
    waiting_for: Any, caplog: pytest.LogCaptureFixture
) -> None:
    module = waiting_for(f"import agentex_usage_patch as a\na.remove_patch()\n{_MODEL}")
    apply_patch()
    model_class = importlib.import_module(module).TemporalStreamingModel
    assert not isinstance(vars(model_class)["get_response"], wrapper.GetResponse)
    assert caplog.records == []


def test_applied_while_another_thread_imports_the_model_it_waits_for_that(
    waiting_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, released = threading.Event(), threading.Event()
    monkeypatch.setattr(sys, "slow_import", (started, released), raising=False)
    module = waiting_for(
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


def test_a_module_without_the_class_is_not_waited_for(waiting_for: Any) -> None:
    importlib.import_module(waiting_for(""))
    assert "was not found" in apply_patch().summary


async def test_nothing_is_logged_by_the_sdk_while_it_is_probed() -> None:
    with sdk_log() as lines:
        apply_patch()
        status()
    assert lines == []


async def test_beneath_somebodys_wrapper_only_the_probes_own_lines_are_kept_back() -> None:
    original = calls.sdk.TemporalStreamingModel.get_response

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        elsewhere = threading.Thread(target=calls.sdk.logger.info, args=("of another call",))
        elsewhere.start()
        elsewhere.join()
        calls.sdk.logger.info("of the probe")
        return await original(self, *args, **kwargs)

    calls.sdk.TemporalStreamingModel.get_response = get_response
    with sdk_log() as lines:
        status()
    assert lines == ["of another call"]
    assert calls.sdk.logger.filters == []


async def test_an_sdk_with_another_kind_of_logger_is_probed_as_quietly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines: list[Any] = []
    levels = ("debug", "info", "warning", "error")
    monkeypatch.setattr(calls.sdk, "logger", SimpleNamespace(**dict.fromkeys(levels, lines.append)))
    assert apply_patch().complete
    assert lines == []
    assert tokens((await ask(make_model(Recording(event())))).usage) == TOKENS
    assert lines != []


async def test_the_probe_leaves_the_running_loop_and_the_context_as_they_were() -> None:
    loop, hooks = asyncio.get_running_loop(), sys.get_asyncgen_hooks()
    task_id = calls.sdk.streaming_task_id.get()
    assert apply_patch().complete
    assert asyncio.get_running_loop() is loop
    assert sys.get_asyncgen_hooks() == hooks
    assert calls.sdk.streaming_task_id.get() == task_id


async def test_nothing_of_the_probe_can_reach_the_running_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    met: list[Any] = []

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> None:
        met.append((asyncio.get_running_loop(), *sys.get_asyncgen_hooks()))

    monkeypatch.setattr(calls.sdk.TemporalStreamingModel, "get_response", get_response)
    status()
    ((loop, *hooks),) = met
    assert loop is not asyncio.get_running_loop() and loop.is_closed()
    assert set(hooks).isdisjoint(sys.get_asyncgen_hooks())
