"""The servers for ``verify``, on loopback: a Responses API, and the spans of the Agentex API."""

from __future__ import annotations

import json
from typing import Any, Self

from aiohttp import web

Json = dict[str, Any]


class Server:
    """Answer one process on a free port and record what it sends.

    ``bodies`` holds the model requests in order of arrival, ``spans`` the spans by their id
    with their updates applied.
    """

    def __init__(self, ids: list[str]) -> None:
        """Give these ids to the responses, in this order."""
        self.bodies: list[Json] = []
        self.spans: dict[str, Json] = {}
        self.url = ""
        self._ids = ids
        self._issued: list[str] = []
        app = web.Application()
        self.add_routes(app.router)
        self._runner = web.AppRunner(app, access_log=None)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the model's route, and the two to which the SDK sends its spans."""
        router.add_post("/v1/responses", self._respond)
        router.add_post("/spans", self._start_span)
        router.add_patch("/spans/{id}", self._update_span)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that direct the openai client and the SDK to this server."""
        return {"OPENAI_BASE_URL": f"{self.url}/v1", "AGENTEX_BASE_URL": self.url}

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.bodies.append(body)
        refused = refusal(body, self._issued)
        if refused is not None:
            return refused
        self._issued.append(self._ids[len(self._issued)])
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        chained = body.get("previous_response_id") is not None
        for number, event in enumerate(_events(self._issued[-1], usage(chained=chained))):
            await stream.write(in_stream(event, number))
        await stream.write_eof()
        return stream

    async def _start_span(self, request: web.Request) -> web.Response:
        span = await request.json()
        self.spans[span["id"]] = span
        return web.json_response(span)

    async def _update_span(self, request: web.Request) -> web.Response:
        span = self.spans[request.match_info["id"]]
        span.update(await request.json())
        return web.json_response(span)


def usage(*, chained: bool) -> Json:
    """Return the usage of a response, in tokens. A chained turn has cached input tokens."""
    input_tokens, output_tokens, cached, reasoning = (
        (1420, 73, 1024, 32) if chained else (1290, 61, 0, 24)
    )
    return {
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "total_tokens": input_tokens + output_tokens,
        "input_tokens_details": {"cached_tokens": cached},
        "output_tokens_details": {"reasoning_tokens": reasoning},
    }


def refusal(body: Json, issued: list[str]) -> web.Response | None:
    """Return the API's refusal of a request, or None. ``issued`` are the known response ids."""
    name = "previous_response_id"
    previous = body.get(name)
    if not body.get("stream"):
        return refuse("this server only streams", "stream", "unsupported_value")
    if previous is not None and body.get("conversation") is not None:
        message = f"{name} and conversation exclude each other"
        return refuse(message, name, "mutually_exclusive_parameters")
    if previous is not None and previous not in issued:
        message = f"response {previous!r} was not issued here"
        return refuse(message, name, "previous_response_not_found")
    return None


def refuse(message: str, parameter: str, code: str, status: int = 400) -> web.Response:
    """Return a refusal in the form that the openai client parses."""
    error = {"message": message, "type": "invalid_request_error", "param": parameter, "code": code}
    return web.json_response({"error": error}, status=status)


def in_stream(event: Json, number: int) -> bytes:
    """Encode an event as a server-sent event with this sequence number."""
    data = json.dumps({**event, "sequence_number": number})
    return f"event: {event['type']}\ndata: {data}\n\n".encode()


def _events(response_id: str, tokens: Json) -> list[Json]:
    text = "Four words of answer."
    part = {"type": "output_text", "text": text, "annotations": []}
    item = {"id": f"msg_{response_id}", "type": "message", "role": "assistant",
            "status": "completed", "content": [part]}  # fmt: skip
    response = {"id": response_id, "object": "response", "created_at": 0, "model": "verify",
                "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}  # fmt: skip
    started = {**response, "status": "in_progress", "output": []}
    completed = {**response, "status": "completed", "output": [item], "usage": tokens}
    at = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    empty = {**item, "status": "in_progress", "content": []}
    return [
        {"type": "response.created", "response": started},
        {"type": "response.output_item.added", "output_index": 0, "item": empty},
        {"type": "response.content_part.added", "part": {**part, "text": ""}, **at},
        {"type": "response.output_text.delta", "delta": text, "logprobs": [], **at},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": completed},
    ]
