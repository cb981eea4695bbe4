"""A probe is invisible: it logs nothing, and leaves loop and context of the worker alone."""

from __future__ import annotations

import asyncio
import sys
import threading
from types import FunctionType, SimpleNamespace
from typing import Any

import pytest

from agentex_usage_patch import apply_patch, status
from agentex_usage_patch._patching.probe import observe

from ... import calls
from ...calls import make_model, sdk_log, tokens
from ...clients import TOKENS, Recording, ask, event


async def test_sdk_logs_nothing_during_a_probe() -> None:
    with sdk_log() as lines:
        apply_patch()
        status()
    assert lines == []


async def test_only_lines_of_the_probe_itself_are_suppressed() -> None:
    original = calls.sdk.TemporalStreamingModel.get_response

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        other = threading.Thread(target=calls.sdk.logger.info, args=("of another call",))
        other.start()
        other.join()
        calls.sdk.logger.info("of the probe")
        return await original(self, *args, **kwargs)

    calls.sdk.TemporalStreamingModel.get_response = get_response
    with sdk_log() as lines:
        status()
    assert lines == ["of another call"]
    assert calls.sdk.logger.filters == []


async def test_sdk_with_another_kind_of_logger_logs_nothing_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines: list[Any] = []
    levels = ("debug", "info", "warning", "error")
    monkeypatch.setattr(calls.sdk, "logger", SimpleNamespace(**dict.fromkeys(levels, lines.append)))
    assert apply_patch().complete
    assert lines == []
    assert tokens((await ask(make_model(Recording(event())))).usage) == TOKENS
    assert lines != []


async def test_probe_leaves_the_running_loop_and_the_context_unchanged() -> None:
    loop, hooks = asyncio.get_running_loop(), sys.get_asyncgen_hooks()
    task_id = calls.sdk.streaming_task_id.get()
    assert apply_patch().complete
    assert asyncio.get_running_loop() is loop
    assert sys.get_asyncgen_hooks() == hooks
    assert calls.sdk.streaming_task_id.get() == task_id


async def test_probed_code_cannot_reach_the_running_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Any] = []

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> None:
        seen.append((asyncio.get_running_loop(), *sys.get_asyncgen_hooks()))

    monkeypatch.setattr(calls.sdk.TemporalStreamingModel, "get_response", get_response)
    status()
    ((loop, *hooks),) = seen
    assert loop is not asyncio.get_running_loop() and loop.is_closed()
    assert set(hooks).isdisjoint(sys.get_asyncgen_hooks())


def test_a_body_keeps_its_keyword_only_defaults_in_the_probe() -> None:
    def body(*, kept: str = "kept") -> str:
        return kept

    in_the_sdk = FunctionType(body.__code__, vars(calls.sdk))
    in_the_sdk.__kwdefaults__ = body.__kwdefaults__
    assert observe._isolated(calls.sdk, in_the_sdk)() == "kept"
