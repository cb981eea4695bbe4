"""Concurrent calls keep their own tokens, and no call is half patched."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import json
import threading
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from agentex_usage_patch import apply_patch, remove_patch

from .. import calls
from ..calls import AFFECTED, arguments, make_model, tokens
from ..wire import Wire, completed, text


def numbers(call: int) -> list[int]:
    """Return the tokens of a call, in the order of `calls.tokens`."""
    return [call + 1, 2 * call + 2, 3 * call + 3, call // 2, call]


class Numbered(Wire):
    """A wire that answers each call with the tokens of its number, and interleaves the events."""

    def __init__(self) -> None:
        super().__init__([])
        self.chained: dict[int, str | None] = {}

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        call = int(body["metadata"]["call"])
        assert call not in self.chained
        self.chained[call] = body.get("previous_response_id")
        given, taken, total, cached, reasoned = numbers(call)
        usage = {
            "input_tokens": given,
            "output_tokens": taken,
            "total_tokens": total,
            "input_tokens_details": {"cached_tokens": cached},
            "output_tokens_details": {"reasoning_tokens": reasoned},
        }
        events = [*text("one", "two"), completed(id=f"resp_of_call_{call}", usage=usage)]
        return httpx.Response(
            200, headers={"content-type": "text/event-stream"}, stream=_Yielding(events)
        )


class _Yielding(httpx.AsyncByteStream):
    def __init__(self, events: list[Any]) -> None:
        self._events = events

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for event in self._events:
            yield f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
            await asyncio.sleep(0)  # let the other calls run


async def make_call(template: Any, call: int) -> tuple[Any, ...]:
    """Make one call, and return its tokens, its id, and the usage in its span.

    The call uses a copy of a model, since a new model creates a client, which takes 20 ms.
    """
    model = copy.copy(template)
    model.tracer = calls.Tracer()
    settings = calls.sdk.ModelSettings(metadata={"call": str(call)})
    result = await model.get_response(
        **arguments(model_settings=settings, previous_response_id=f"resp_before_call_{call}")
    )
    (span,) = model.tracer.spans
    return tokens(result.usage), result.response_id, (span.output_at_exit or {}).get("usage")


def expected(call: int) -> tuple[Any, ...]:
    names = (
        "input_tokens",
        "output_tokens",
        "total_tokens",
        "cached_input_tokens",
        "reasoning_tokens",
    )
    own = numbers(call)
    return own, f"resp_of_call_{call}", dict(zip(names, own, strict=True))


async def test_thousand_calls_over_one_client_keep_their_own_tokens() -> None:
    apply_patch()
    wire = Numbered()
    model = make_model(wire.client())
    with calls.messages():
        seen = await asyncio.gather(*(make_call(model, call) for call in range(1000)))
    assert seen == [expected(call) for call in range(1000)]
    assert wire.chained == {call: f"resp_before_call_{call}" for call in range(1000)}


def test_calls_in_eight_threads_keep_their_own_tokens() -> None:
    apply_patch()

    async def run(first: int) -> list[Any]:
        model = make_model(Numbered().client())
        return list(await asyncio.gather(*(make_call(model, first + n) for n in range(50))))

    def thread(number: int, context: contextvars.Context) -> list[Any]:
        return context.run(asyncio.run, run(number * 50))

    with calls.messages(), ThreadPoolExecutor(8) as threads:
        running = [threads.submit(thread, n, contextvars.copy_context()) for n in range(8)]
        seen = [each for one in running for each in one.result()]
    assert seen == [expected(call) for call in range(400)]


async def test_no_call_is_half_patched_while_the_patch_is_applied_and_removed() -> None:
    wire = Numbered()
    model = make_model(wire.client())
    done = threading.Event()
    turning = threading.Lock()
    # A lock is not fair: without this event the thread could keep it for minutes.
    free = threading.Event()
    free.set()
    turns = 0

    def apply_and_remove() -> None:
        nonlocal turns
        while not done.is_set():
            free.wait()
            with turning:
                apply_patch()
                remove_patch()
                turns += 1

    async def begin(batch: Iterable[int]) -> list[asyncio.Task[tuple[Any, ...]]]:
        pending = [asyncio.create_task(make_call(model, call)) for call in batch]
        await asyncio.sleep(0)
        return pending

    # This loop applies and removes between two events, and the thread at any moment.
    thread = threading.Thread(target=apply_and_remove)
    with calls.messages():
        thread.start()
        try:
            seen = []
            for first in range(0, 400, 20):
                free.clear()
                with turning:
                    apply_patch()
                    pending = await begin(range(first, first + 5))
                    remove_patch()
                    pending += await begin(range(first + 5, first + 10))
                free.set()
                pending += await begin(range(first + 10, first + 20))
                seen += await asyncio.gather(*pending)
        finally:
            done.set()
            free.set()
            thread.join()
    assert turns
    kinds: dict[int, str] = {}
    for call, (counted, response_id, in_span) in enumerate(seen):
        if wire.chained[call] is not None:
            kinds[call] = "patched"
            assert (counted, response_id, in_span) == expected(call)
        else:
            kinds[call] = "original"
            assert (counted[:4], in_span) == ([0] * 4, None)
            assert len(response_id) == len("resp_") + 8
    assert {kinds[call] for call in range(400) if call % 20 < 5} == {"patched"}
    outside = {kinds[call] for call in range(400) if 5 <= call % 20 < 10}
    assert outside == {"original" if AFFECTED else "patched"}
