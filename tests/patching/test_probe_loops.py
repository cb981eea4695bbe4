"""Third-party wrappers want an event loop: they are observed, and the worker's is left alone."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
import types
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from agentex_usage_patch import apply_patch, remove_patch, status
from agentex_usage_patch._patching.probe import loop
from agentex_usage_patch._upstream import FIXES

from .. import calls
from ..calls import AFFECTED, make_model, tokens
from ..clients import TOKENS, Recording, ask, event

pytestmark = pytest.mark.body

WITH: Any = "patched" if AFFECTED else "native"


async def wait_for(call: Any) -> Any:
    return await asyncio.wait_for(call, 5)


async def timeout(call: Any) -> Any:
    async with asyncio.timeout(5):
        return await call


async def create_task(call: Any) -> Any:
    return await asyncio.create_task(call)


async def shield(call: Any) -> Any:
    return await asyncio.shield(call)


async def gather(call: Any) -> Any:
    (result,) = await asyncio.gather(call)
    return result


async def task_group(call: Any) -> Any:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(call)
    return task.result()


async def sleep(call: Any) -> Any:
    await asyncio.sleep(0)
    return await call


async def to_thread(call: Any) -> Any:
    await asyncio.to_thread(int)
    return await call


async def leaves_tasks(call: Any) -> Any:
    kept.append(asyncio.create_task(asyncio.Event().wait()))
    kept.append(asyncio.ensure_future(asyncio.sleep(3600)))
    return await call


async def keeps_a_task_that_cannot_be_cancelled(call: Any) -> Any:
    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                continue

    kept.append(asyncio.create_task(stubborn()))
    await asyncio.sleep(0)
    return await call


#: What the wrappers keep alive.
kept: list[Any] = []
TOOLS = [wait_for, timeout, create_task, shield, gather, task_group, sleep, to_thread, leaves_tasks]


def wrap(tool: Callable[[Any], Any]) -> None:
    """Put a wrapper around get_response that makes each call with a tool of asyncio."""
    original = calls.sdk.TemporalStreamingModel.get_response

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await tool(original(self, *args, **kwargs))

    calls.sdk.TemporalStreamingModel.get_response = get_response


@pytest.fixture(autouse=True)
def _nothing_is_logged_or_warned(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.INFO, logger="asyncio")
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        yield
        kept.clear()
        gc.collect()
    errors = [*caplog.get_records("call"), *caplog.get_records("teardown")]
    assert [each for each in errors if each.name == "asyncio"] == []
    assert [each for each in warned if each.category is not DeprecationWarning] == []


@pytest.mark.parametrize("tool", TOOLS)
def test_a_wrapper_that_wants_a_loop_is_observed(tool: Any) -> None:
    wrap(tool)
    assert apply_patch(strict=True).named(WITH) == FIXES
    assert status().named(WITH) == FIXES
    result = asyncio.run(ask(make_model(Recording(event()))))
    assert tokens(result.usage) == TOKENS


@pytest.mark.parametrize("tool", TOOLS)
async def test_within_a_running_loop_it_is_observed_and_nothing_is_left_there(tool: Any) -> None:
    wrap(tool)
    loop, hooks = asyncio.get_running_loop(), sys.get_asyncgen_hooks()
    tasks, threads = asyncio.all_tasks(), set(threading.enumerate())
    scheduled = len(loop._ready), len(loop._scheduled)  # type: ignore[attr-defined]
    assert apply_patch(strict=True).named(WITH) == FIXES
    assert status().named(WITH) == FIXES
    assert asyncio.all_tasks() == tasks
    assert (len(loop._ready), len(loop._scheduled)) == scheduled  # type: ignore[attr-defined]
    assert asyncio.get_running_loop() is loop
    assert sys.get_asyncgen_hooks() == hooks
    assert {each for each in threading.enumerate() if "probe" in each.name} <= threads
    result = await ask(make_model(Recording(event())))
    assert tokens(result.usage) == TOKENS


async def test_the_probe_logs_nothing_of_its_loop(caplog: pytest.LogCaptureFixture) -> None:
    wrap(gather)
    before = list(logging.getLogger("asyncio").filters)
    caplog.set_level(logging.DEBUG)
    status()
    assert [each.getMessage() for each in caplog.records] == []
    assert logging.getLogger("asyncio").filters == before


def test_what_a_wrapper_puts_in_place_of_the_sdks_messages_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def replace(call: Any) -> Any:
        calls.sdk.adk = theirs
        return await call

    theirs = object()
    monkeypatch.setattr(calls.sdk, "adk", calls.sdk.adk)
    wrap(replace)
    status()
    assert calls.sdk.adk is theirs


def test_an_sdk_without_such_messages_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(calls.sdk, "adk")
    wrap(gather)
    status()
    assert not hasattr(calls.sdk, "adk")


def test_a_wrapper_on_top_is_observed_too() -> None:
    apply_patch()
    wrap(gather)
    assert status().named(WITH) == FIXES
    assert apply_patch().named(WITH) == FIXES


async def test_a_wrapper_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(call: Any) -> Any:
        try:
            await asyncio.Event().wait()
        finally:
            call.close()
            left.append("closed")

    left: list[str] = []
    monkeypatch.setattr(loop, "LIMIT", 0.1)
    wrap(never)
    observed = status()
    assert observed.named("unknown") == FIXES
    assert "took longer than" in observed.summary
    assert left == ["closed"]


async def test_a_wrapper_that_blocks_its_thread_is_left_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def block(call: Any) -> Any:
        call.close()
        released.wait()

    released = threading.Event()
    monkeypatch.setattr(loop, "LIMIT", 0.1)
    wrap(block)
    try:
        assert "took longer than" in status().summary
    finally:
        released.set()


def test_a_task_that_ignores_its_cancellation_is_abandoned() -> None:
    wrap(keeps_a_task_that_cannot_be_cancelled)
    assert apply_patch().named(WITH) == FIXES


@pytest.mark.parametrize("error", [asyncio.CancelledError, TimeoutError, RuntimeError])
def test_a_wrapper_that_raises_stops_nothing(error: type[BaseException]) -> None:
    async def refuse(call: Any) -> Any:
        call.close()
        raise error

    wrap(refuse)
    applied = apply_patch()
    assert applied.named("unknown") == FIXES
    assert status().named("unknown") == FIXES


async def nothing() -> None:
    return None


FORKED = """
async def get_response(self, *args, **kwargs):
    {wants}
    return await body(globals())(self, *args, **kwargs)
"""


@pytest.mark.parametrize("wants", ["await asyncio.sleep(0)", "await gather(nothing())"])
def test_a_body_of_a_fork_that_wants_a_loop_is_observed(
    wants: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_class = calls.sdk.TemporalStreamingModel
    names = vars(calls.sdk)
    for each in (asyncio, gather, nothing):
        monkeypatch.setitem(names, each.__name__, each)
    # As a part of the SDK's own body it sees what replaces the module's names.
    body = vars(model_class)["get_response"]
    monkeypatch.setitem(names, "body", lambda names: types.FunctionType(body.__code__, names))
    made: dict[str, Any] = {}
    exec(FORKED.format(wants=wants), names, made)
    monkeypatch.setattr(model_class, "get_response", made["get_response"])
    assert status().named("missing" if AFFECTED else "native") == FIXES
    assert apply_patch().named(WITH) == FIXES


@pytest.mark.parametrize("ask_again", [status, apply_patch, remove_patch])
async def test_a_wrapper_that_asks_for_the_status_gets_an_answer_at_once(ask_again: Any) -> None:
    async def asks(call: Any) -> Any:
        told.append(ask_again())
        told.append(await asyncio.to_thread(ask_again))
        return await call

    told: list[Any] = []
    wrap(asks)
    applied = apply_patch()
    assert applied.named(WITH) == FIXES
    assert len(told) == (4 if AFFECTED else 2)
    for each in told:
        assert each.named("unknown") == FIXES
        assert "it is being observed right now" in each.summary


async def test_each_call_may_ask_for_the_status() -> None:
    async def asks(call: Any) -> Any:
        told.append(status())
        return await call

    told: list[Any] = []
    wrap(asks)
    apply_patch()
    told.clear()
    result = await ask(make_model(Recording(event())))
    assert tokens(result.usage) == TOKENS
    # The call's own answer comes last; those before are of the runs of the probe.
    assert [len(each.named(WITH)) for each in told] == [0] * (len(told) - 1) + [len(FIXES)]
