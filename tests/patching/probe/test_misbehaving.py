"""Third-party wrappers that hang, raise, replace objects or call the package: the probe ends."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from agentex_usage_patch import apply_patch, remove_patch, status
from agentex_usage_patch._patching.probe import loop
from agentex_usage_patch._upstream import FIXES

from ... import calls
from ...calls import AFFECTED, make_model, tokens
from ...clients import TOKENS, Recording, ask, event
from .wrappers import WITH, gather, kept, wrap

pytestmark = [pytest.mark.body, pytest.mark.usefixtures("nothing_is_logged_or_warned")]


async def keep_a_task_that_ignores_cancellation(call: Any) -> Any:
    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                continue

    kept.append(asyncio.create_task(stubborn()))
    await asyncio.sleep(0)
    return await call


def test_wrapper_may_replace_adk_during_the_probe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def replace(call: Any) -> Any:
        calls.sdk.adk = replacement
        return await call

    replacement = object()
    monkeypatch.setattr(calls.sdk, "adk", calls.sdk.adk)
    wrap(replace)
    status()
    assert calls.sdk.adk is replacement


def test_sdk_without_adk_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(calls.sdk, "adk")
    wrap(gather)
    status()
    assert not hasattr(calls.sdk, "adk")


async def test_wrapper_that_never_returns_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(call: Any) -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:  # and not GeneratorExit, when it is collected
            call.close()
            left.append("closed")
            raise

    left: list[str] = []
    monkeypatch.setattr(loop, "LIMIT", 0.1)
    wrap(never)
    observed = status()
    assert observed.named("unknown") == FIXES
    assert "took longer than" in observed.summary
    assert left == ["closed"]


async def test_task_that_a_wrapper_leaves_is_cancelled() -> None:
    async def until_cancelled() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            left.append("cancelled")
            raise

    async def leave(call: Any) -> Any:
        kept.append(asyncio.create_task(until_cancelled()))
        await asyncio.sleep(0)
        return await call

    left: list[str] = []
    wrap(leave)
    status()
    assert left == ["cancelled"]


async def test_wrapper_that_blocks_its_thread_is_abandoned(
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


def test_task_that_ignores_cancellation_is_abandoned() -> None:
    wrap(keep_a_task_that_ignores_cancellation)
    assert apply_patch().named(WITH) == FIXES


@pytest.mark.parametrize("error", [asyncio.CancelledError, TimeoutError, RuntimeError])
def test_wrapper_that_raises_does_not_fail_the_patch(error: type[BaseException]) -> None:
    async def refuse(call: Any) -> Any:
        call.close()
        raise error

    wrap(refuse)
    applied = apply_patch()
    assert applied.named("unknown") == FIXES
    assert status().named("unknown") == FIXES


@pytest.mark.parametrize("ask_again", [status, apply_patch, remove_patch])
async def test_wrapper_that_calls_the_package_during_a_probe_does_not_hang(ask_again: Any) -> None:
    async def asks(call: Any) -> Any:
        statuses.append(ask_again())
        statuses.append(await asyncio.to_thread(ask_again))
        return await call

    statuses: list[Any] = []
    wrap(asks)
    applied = apply_patch()
    assert applied.named(WITH) == FIXES
    assert len(statuses) == (4 if AFFECTED else 2)
    for each in statuses:
        assert each.named("unknown") == FIXES
        assert "get_response is being run against stubs right now" in each.summary


async def test_wrapper_may_call_status_in_each_call() -> None:
    async def asks(call: Any) -> Any:
        statuses.append(status())
        return await call

    statuses: list[Any] = []
    wrap(asks)
    apply_patch()
    statuses.clear()
    result = await ask(make_model(Recording(event())))
    assert tokens(result.usage) == TOKENS
    # The last status is from the call; the others are from runs of the probe.
    assert [len(each.named(WITH)) for each in statuses] == [0] * (len(statuses) - 1) + [len(FIXES)]
