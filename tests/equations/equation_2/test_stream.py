"""Patched old = old: the client and the stream of a call behave as the openai SDK's own."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from openai import AsyncStream

import agentex_usage_patch
from agentex_usage_patch._patching.call.model import Stream
from agentex_usage_patch._patching.call.state import Capture

from ... import calls
from ...calls import make_model, tokens
from ...clients import TOKENS, Recording, ask, assert_conversation_forwarded, event
from ...wire import Wire, completed, text

pytestmark = pytest.mark.body

EVENTS = [*text("Hello "), completed()]


async def streams(wire: Wire) -> tuple[Any, Any, Capture]:
    """Return an openai stream, the stand-in that observes it, and its capture."""
    inner = await wire.client().responses.create(model="gpt-4o", input="Hi", stream=True)
    capture = Capture()
    return inner, Stream(inner, capture), capture


async def test_observed_stream_looks_like_the_openai_stream() -> None:
    wire = Wire(EVENTS)
    inner, stream, _ = await streams(wire)
    assert isinstance(stream, AsyncStream)
    assert stream.__class__ is type(inner)
    assert stream.response is inner.response
    await stream.close()
    assert wire.closed == 1
    assert inner.response.is_closed


async def read_with_for(stream: Any, count: int) -> list[str]:
    kinds = []
    if count:
        async for each in stream:
            kinds.append(each.type)
            if len(kinds) == count:
                break
    return kinds


async def read_with_anext(stream: Any, count: int) -> list[str]:
    return [(await anext(stream)).type for _ in range(count)]


async def read_and_aclose(stream: Any, count: int) -> list[str]:
    iterator = aiter(stream)
    kinds = [(await anext(iterator)).type for _ in range(count)]
    await iterator.aclose()
    return kinds


async def read_in_async_with(stream: Any, count: int) -> list[str]:
    async with stream as entered:
        assert entered is stream
        return await read_with_anext(entered, count)


async def read_in_two_iterations(stream: Any, count: int) -> list[str]:
    first = await read_with_for(stream, count // 2)
    return first + await read_with_for(stream, count - count // 2)


READERS = [
    read_with_for, read_with_anext, read_and_aclose, read_in_async_with, read_in_two_iterations
]  # fmt: skip


@pytest.mark.parametrize("count", range(len(EVENTS) + 1))
@pytest.mark.parametrize("read", READERS)
async def test_partly_read_stream_is_closed_as_without_the_patch(read: Any, count: int) -> None:
    outcomes = []
    for observed in (False, True):
        wire = Wire(EVENTS)
        inner, stream, capture = await streams(wire)
        used = stream if observed else inner
        kinds = await read(used, count)
        closed = [wire.closed, inner.response.is_closed]
        await used.close()
        outcomes.append((kinds, closed, wire.closed))
    assert outcomes[0] == outcomes[1]
    assert outcomes[1][0] == [each["type"] for each in EVENTS[:count]]
    assert [*capture.read().values()] == (TOKENS if count == len(EVENTS) else [0] * 5)


async def test_exhausted_stream_raises_stop_async_iteration() -> None:
    _, stream, _ = await streams(Wire(EVENTS))
    assert len([each async for each in stream]) == len(EVENTS)
    assert [each async for each in stream] == []
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_error_in_async_with_closes_the_stream() -> None:
    wire = Wire(EVENTS)
    _, stream, _ = await streams(wire)
    with pytest.raises(RuntimeError, match="mine"):
        async with stream:
            raise RuntimeError("mine")
    assert wire.closed == 1


def wrapped_by(before: Any = None, after: Any = None) -> None:
    """Install a third-party wrapper that runs code before and after each call."""
    original = calls.sdk.TemporalStreamingModel.get_response

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        if before is not None:
            await before(self)
        result = await original(self, *args, **kwargs)
        if after is not None:
            await after(self)
        return result

    calls.sdk.TemporalStreamingModel.get_response = get_response


class Answering(Recording):
    """A client that answers a request without ``stream`` with a plain response."""

    async def create(self, **request: Any) -> Any:
        stream = await super().create(**request)
        return stream if request.get("stream") else event(id="resp_plain").response


async def test_request_without_stream_is_passed_through() -> None:
    answers: list[Any] = []

    async def moderate(model: Any) -> None:
        answers.append(await model.client.responses.create(model="small", input="Safe?"))

    wrapped_by(before=moderate, after=moderate)
    agentex_usage_patch.apply_patch()
    answers.clear()
    client = Answering(event())
    result = await ask(make_model(client), conversation_id="conv_1")
    first, asked, last = client.requests
    assert first == last == {"model": "small", "input": "Safe?"}
    assert_conversation_forwarded(asked)
    assert [answer.id for answer in answers] == ["resp_plain"] * 2
    assert type(answers[0]) is type(event().response)
    assert result.response_id == event().response.id
    assert tokens(result.usage) == TOKENS


async def test_client_kept_after_the_call_is_no_longer_observed() -> None:
    kept: list[Any] = []

    async def keep(model: Any) -> None:
        kept.append(model.client)

    wrapped_by(before=keep)
    agentex_usage_patch.apply_patch()
    kept.clear()
    client = Recording(event())
    result = await ask(make_model(client), conversation_id="conv_1")
    (kept_client,) = kept
    late = event(id="resp_late", usage=None)
    client.events = (late,)
    stream = await kept_client.responses.create(stream=True, model="small")
    assert client.requests[-1] == {"stream": True, "model": "small"}
    assert [each async for each in stream] == [late]
    assert inspect.isasyncgen(stream)
    assert tokens(result.usage) == TOKENS
    assert result.response_id == event().response.id
