"""A fake model server for the openai client: it receives bodies and sends events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
from openai import AsyncOpenAI

Event = dict[str, Any]

MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Hello world", "annotations": []}],
}
REASONING = {
    "id": "rs_1",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "Thinking it over"}],
}
FUNCTION_CALL = {
    "id": "fc_1",
    "type": "function_call",
    "call_id": "call_1",
    "name": "get_weather",
    "arguments": '{"city": "Paris"}',
    "status": "completed",
}
USAGE = {
    "input_tokens": 1234,
    "output_tokens": 56,
    "total_tokens": 1290,
    "input_tokens_details": {"cached_tokens": 987},
    "output_tokens_details": {"reasoning_tokens": 42},
}


def response(**fields: Any) -> dict[str, Any]:
    """Return a response object, as events of a stream contain it."""
    return {
        "id": "resp_" + "0a1b2c3d" * 6,
        "object": "response",
        "created_at": 1,
        "model": "gpt-4o",
        "status": "completed",
        "output": [MESSAGE],
        "usage": USAGE,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        **fields,
    }


def completed(**fields: Any) -> Event:
    """Return the ``response.completed`` event, with these fields in its response."""
    return {"type": "response.completed", "response": response(**fields)}


def ended(kind: str, **fields: Any) -> Event:
    """Return an event of another end: ``response.incomplete``, ``response.failed``."""
    return {"type": f"response.{kind}", "response": response(status=kind, **fields)}


def text(*deltas: str, item: dict[str, Any] = MESSAGE) -> list[Event]:
    """Return the events of a message, streamed in these deltas."""
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    return [
        {"type": "response.created", "response": response(status="in_progress", usage=None)},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        *({"type": "response.output_text.delta", "delta": delta, **at} for delta in deltas),
        {"type": "response.output_item.done", "output_index": 0, "item": item},
    ]


def reasoning(*deltas: str) -> list[Event]:
    """Return the events of a reasoning item: its summary in these deltas, then its text."""
    at = {"item_id": "rs_1", "output_index": 0}
    part = {"type": "summary_text", "text": ""}
    return [
        {"type": "response.output_item.added", "output_index": 0, "item": REASONING},
        {"type": "response.reasoning_summary_part.added", "summary_index": 0, "part": part, **at},
        *(
            {
                "type": "response.reasoning_summary_text.delta",
                "summary_index": 0,
                "delta": delta,
                **at,
            }
            for delta in deltas
        ),
        {
            "type": "response.reasoning_text.delta",
            "content_index": 0,
            "delta": "sixteen letters!",
            **at,
        },
        {"type": "response.reasoning_summary_part.done", "summary_index": 0, "part": part, **at},
        {"type": "response.output_item.done", "output_index": 0, "item": REASONING},
    ]


def function_call(item: dict[str, Any] = FUNCTION_CALL) -> list[Event]:
    """Return the events of a tool call, its arguments in two deltas."""
    at = {"item_id": "fc_1", "output_index": 0}
    delta = {"type": "response.function_call_arguments.delta", **at}
    return [
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {**item, "arguments": ""},
        },
        {**delta, "delta": item["arguments"][:9]},
        {**delta, "delta": item["arguments"][9:]},
        {
            "type": "response.function_call_arguments.done",
            "arguments": item["arguments"],
            **at,
        },
        {"type": "response.output_item.done", "output_index": 0, "item": item},
    ]


class Wire:
    """A transport for the real openai client: record each request's body, stream events.

    Each response streams ``events``. ``cut_after`` breaks the connection after that many
    events. A ``status`` other than 200 refuses the request. ``closed`` counts the closed
    response bodies.
    """

    def __init__(self, events: list[Event], *, cut_after: int | None = None, status: int = 200):
        self.events = events
        self.cut_after = cut_after
        self.status = status
        self.bodies: list[dict[str, Any]] = []
        self.closed = 0

    def client(self, make: Callable[..., AsyncOpenAI] = AsyncOpenAI, **options: Any) -> AsyncOpenAI:
        """Return a real client that sends its requests to this wire."""
        http_client = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))
        return make(api_key="sk-test", max_retries=0, http_client=http_client, **options)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(json.loads(request.content))
        if self.status != 200:
            error = {"message": "refused", "type": "invalid_request_error", "code": "refused"}
            return httpx.Response(self.status, json={"error": error})
        return httpx.Response(
            200, headers={"content-type": "text/event-stream"}, stream=_Body(self)
        )


class _Body(httpx.AsyncByteStream):
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for number, event in enumerate(self._wire.events):
            if number == self._wire.cut_after:
                raise httpx.ReadError("connection cut")
            yield f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()

    async def aclose(self) -> None:
        self._wire.closed += 1
