"""The probe runs third-party wrappers that need an event loop, in a loop of its own."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import types
from typing import Any

import pytest

from agentex_usage_patch import apply_patch, status
from agentex_usage_patch._upstream import FIXES

from ... import calls
from ...calls import AFFECTED, make_model, tokens
from ...clients import TOKENS, Recording, ask, event
from .wrappers import WITH, gather, kept, wrap

pytestmark = [pytest.mark.body, pytest.mark.usefixtures("nothing_is_logged_or_warned")]


async def wait_for(call: Any) -> Any:
    return await asyncio.wait_for(call, 5)


async def timeout(call: Any) -> Any:
    async with asyncio.timeout(5):
        return await call


async def create_task(call: Any) -> Any:
    return await asyncio.create_task(call)


async def shield(call: Any) -> Any:
    return await asyncio.shield(call)


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


async def leave_tasks(call: Any) -> Any:
    kept.append(asyncio.create_task(asyncio.Event().wait()))
    kept.append(asyncio.ensure_future(asyncio.sleep(3600)))
    return await call


TOOLS = [wait_for, timeout, create_task, shield, gather, task_group, sleep, to_thread, leave_tasks]


@pytest.mark.parametrize("tool", TOOLS)
def test_wrapper_that_needs_a_loop_is_probed(tool: Any) -> None:
    wrap(tool)
    assert apply_patch(strict=True).named(WITH) == FIXES
    assert status().named(WITH) == FIXES
    result = asyncio.run(ask(make_model(Recording(event()))))
    assert tokens(result.usage) == TOKENS


@pytest.mark.parametrize("tool", TOOLS)
async def test_probe_within_a_running_loop_leaves_nothing_in_it(tool: Any) -> None:
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


async def test_probe_logs_nothing_about_its_loop(caplog: pytest.LogCaptureFixture) -> None:
    wrap(gather)
    before = list(logging.getLogger("asyncio").filters)
    caplog.set_level(logging.DEBUG)
    status()
    assert [each.getMessage() for each in caplog.records] == []
    assert logging.getLogger("asyncio").filters == before


def test_wrapper_on_top_is_probed() -> None:
    apply_patch()
    wrap(gather)
    assert status().named(WITH) == FIXES
    assert apply_patch().named(WITH) == FIXES


async def nothing() -> None:
    return None


CHANGED = """
async def get_response(self, *args, **kwargs):
    {wants}
    return await body(globals())(self, *args, **kwargs)
"""


@pytest.mark.parametrize("wants", ["await asyncio.sleep(0)", "await gather(nothing())"])
def test_changed_get_response_that_needs_a_loop_is_probed(
    wants: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_class = calls.sdk.TemporalStreamingModel
    names = vars(calls.sdk)
    for each in (asyncio, gather, nothing):
        monkeypatch.setitem(names, each.__name__, each)
    # The changed method sees the stand-ins of the probe, as the SDK's own method does.
    body = vars(model_class)["get_response"]
    monkeypatch.setitem(names, "body", lambda names: types.FunctionType(body.__code__, names))
    made: dict[str, Any] = {}
    exec(CHANGED.format(wants=wants), names, made)
    monkeypatch.setattr(model_class, "get_response", made["get_response"])
    assert status().named("missing" if AFFECTED else "native") == FIXES
    assert apply_patch().named(WITH) == FIXES


def test_patch_beneath_a_wrapper_that_calls_in_another_thread_is_observed() -> None:
    async def elsewhere(call: Any) -> Any:
        if other.is_closed():  # after the test, the patch is removed and observed
            return await call
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call, other))

    apply_patch()
    wrap(elsewhere)
    other = asyncio.new_event_loop()
    thread = threading.Thread(target=other.run_forever)
    thread.start()
    try:
        observed = status()
    finally:
        other.call_soon_threadsafe(other.stop)
        thread.join()
        other.close()
    assert observed.named(WITH) == FIXES
