"""Clients for a model, and one way to call it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from inspect import signature
from typing import Any

import httpx
import pytest
from openai import NOT_GIVEN
from openai.resources.responses import AsyncResponses
from openai.types.responses import ResponseCompletedEvent

from . import calls, goldens
from .calls import arguments
from .wire import Event, Wire, completed

#: The tokens of `wire.USAGE`, in the order of `calls.tokens`.
TOKENS = [1234, 56, 1290, 987, 42]

ABSENT: Any = object()


class Recording:
    """A client whose ``create`` accepts the forwarded names and records its arguments.

    It streams real events.
    """

    def __init__(self, *events: Any) -> None:
        self.responses = self
        self.events = events
        self.requests: list[dict[str, Any]] = []

    async def create(
        self, *, previous_response_id: Any = ABSENT, conversation: Any = ABSENT,
        prompt: Any = ABSENT, prompt_cache_key: Any = ABSENT, **request: Any,
    ) -> Any:  # fmt: skip
        known = {
            "previous_response_id": previous_response_id,
            "conversation": conversation,
            "prompt": prompt,
            "prompt_cache_key": prompt_cache_key,
        }
        given = {name: value for name, value in known.items() if value is not ABSENT}
        self.requests.append({**request, **given})
        return self._stream()

    async def _stream(self) -> Any:
        for event in self.events:
            yield event


class Declaring(Recording):
    """A client whose ``create`` accepts what 0.5.1 sends, and none of the forwarded names."""

    async def create(  # type: ignore[override]  # it takes less than Recording on purpose
        self, *, model: str, input: Any, stream: bool, instructions: Any, tools: Any,
        temperature: Any, max_output_tokens: Any, top_p: Any, reasoning: Any, tool_choice: Any,
        parallel_tool_calls: Any, truncation: Any, text: Any, include: Any, metadata: Any,
        store: Any, extra_headers: Any, extra_query: Any, extra_body: Any,
    ) -> Any:  # fmt: skip
        return await super().create(extra_body=extra_body)


class Waiting(Wire):
    """A wire that sets ``silent`` after its events and then hangs: for cancelled calls."""

    def __init__(self, events: list[Event]) -> None:
        super().__init__(events)
        self.silent = asyncio.Event()

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = await super()._answer(request)
        assert isinstance(answer.stream, httpx.AsyncByteStream)
        answer.stream = _Silent(self, answer.stream)
        return answer


class _Silent(httpx.AsyncByteStream):
    def __init__(self, wire: Waiting, body: httpx.AsyncByteStream) -> None:
        self._wire = wire
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._body:
            yield chunk
        self._wire.silent.set()
        await asyncio.Event().wait()

    async def aclose(self) -> None:
        await self._body.aclose()


def event(**fields: Any) -> Any:
    """Return a ``response.completed`` event as the openai client builds it, with these fields."""
    return ResponseCompletedEvent.construct(**completed(**fields))


async def typed(*events: Event) -> list[Any]:
    """Return events as the openai client builds them."""
    stream = await Wire(list(events)).client().responses.create(model="m", input="", stream=True)
    return [each async for each in stream]


#: The forwarded names that the installed openai SDK accepts.
KNOWN = {name for name in goldens.FIELDS if name in signature(AsyncResponses.create).parameters}


def assert_conversation_forwarded(request: dict[str, Any]) -> None:
    """Assert that ``create`` received the conversation, and no name that it does not accept."""
    assert {**request, **(request.get("extra_body") or {})}["conversation"] == "conv_1"
    named = {name for name in goldens.FIELDS if name in request}
    assert named == (KNOWN if calls.AFFECTED else {*goldens.FIELDS})
    assert all(request[name] is NOT_GIVEN for name in named - {"conversation"})


async def ask(model: Any, **keywords: Any) -> Any:
    """Call `get_response` of a model, and return its result."""
    with calls.messages():
        return await model.get_response(**arguments(**keywords))


def package_log(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return what this package logged, except the summaries of `apply_patch`."""
    return [
        record
        for record in caplog.records
        if record.name == "agentex_usage_patch" and "agentex-sdk" not in record.getMessage()[:11]
    ]
