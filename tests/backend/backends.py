"""Responses APIs on loopback that support some fields, or none, or misbehave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NoReturn

from aiohttp import web

Json = dict[str, Any]
Answer = Callable[["Server", web.Request, Json], Awaitable[web.StreamResponse]]

USAGE: Json = {
    "input_tokens": 20,
    "output_tokens": 5,
    "total_tokens": 25,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens_details": {"reasoning_tokens": 3},
}
_ADDRESS = "http://127.0.0.1:{}"


class Server:
    """Answer each request in the same way, and record the bodies and the headers."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.bodies: list[Json] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """Record the request, and answer it."""
        self.bodies.append(await request.json())
        self.headers.append(dict(request.headers))
        return await self.answer(self, request, self.bodies[-1])


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[Server]:
    """Serve on a free port of loopback. At the end, do not wait for open connections."""
    server = Server(answer)
    app = web.Application()
    app.router.add_post("/v1/responses", server.respond)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"{_ADDRESS.format(runner.addresses[0][1])}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()


def response(server: Server, **fields: Any) -> Json:
    """Return a response with an id of its own and usage; ``fields`` replace parts of it."""
    return {
        "id": f"resp_{len(server.bodies):048}",
        "object": "response",
        "status": "completed",
        "output": [],
        "usage": USAGE,
        **fields,
    }


def text(words: str) -> Json:
    """Return an output with these words in a message, among other items."""
    part = {"type": "output_text", "text": words}
    return {"output": [{"type": "reasoning"}, "odd", {"type": "message", "content": [part, 1]}]}


async def stream(
    request: web.Request, *events: Json | str, cut: bool = False
) -> web.StreamResponse:
    """Stream events. ``cut`` aborts the connection instead of ending the stream."""
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
    await answer.prepare(request)
    for event in events:
        line = event if isinstance(event, str) else json.dumps(event)
        await answer.write(f"data: {line}\n\n".encode())
    if cut:
        assert request.transport is not None
        request.transport.abort()
    return answer


async def completed(server: Server, request: web.Request, **fields: Any) -> web.StreamResponse:
    """Stream a completed response, between other events and noise."""
    done = {"type": "response.completed", "response": response(server, **fields)}
    begun = {"type": "response.created", "response": {}}
    return await stream(request, begun, "no json", "[]", done, "[DONE]")


def refused(status: int, error: Any) -> web.Response:
    """Refuse a request with this error."""
    return web.json_response(error, status=status)


async def openai(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
    """Support every field: chain turns, and refuse ids that do not exist."""
    for name, made_up in (("conversation", body.get("conversation")),
                          ("prompt", body.get("prompt", {}).get("id"))):  # fmt: skip
        if made_up:
            message = f"{name.title()} with id '{made_up}' not found."
            return refused(404, {"error": {"message": message, "type": "invalid_request_error",
                                           "param": name, "code": None}})  # fmt: skip
    return await completed(server, request, **known(server, body),
                           prompt_cache_key=body.get("prompt_cache_key"))  # fmt: skip


def known(server: Server, body: Json) -> Json:
    """Return the first turn's word, if the request is chained to the first turn."""
    if body.get("previous_response_id") == f"resp_{1:048}":
        return text(f"It was {server.bodies[0]['input'].split()[3].rstrip('.')}, I believe.")
    return text("OK.")


async def dropping(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
    """Ignore every stateful field."""
    return await completed(server, request, **text("Which word?"))


async def never(server: Server, request: web.Request, body: Json) -> NoReturn:
    """Never answer."""
    await asyncio.Event().wait()
    raise AssertionError
