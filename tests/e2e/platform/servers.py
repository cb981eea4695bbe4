"""The HTTP server of an agent: a Responses API and an Agentex API in one."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from agentex_usage_patch._verify.server import Server, in_stream, refusal, refuse

from .answers import Answer, Json, tokens
from .parts import HANGS


@dataclass
class Task:
    """The requests for one task, and the answers.

    ``answers`` are taken by its requests one by one; then the default is given. ``known``
    are the ids that may be chained to.
    ``api_fails``: route → so many of its requests are answered with 500.
    """

    answers: list[Answer] = field(default_factory=list)
    api_fails: Counter[str] = field(default_factory=Counter)
    requests: list[Json] = field(default_factory=list)
    issued: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    given: list[Json] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    messages: dict[str, Json] = field(default_factory=dict)
    workers: list[str] = field(default_factory=list)


def numbers_of_turn(turn: int, *, chained: bool) -> Json:
    """Return the default usage in the answer to a task's request of this number."""
    cached = 1024 if chained else 0
    return tokens(1100 + cached // 8 + turn, 60 + turn, cached, 20 + turn)


class Backend(Server):
    """The five routes of the Agentex API, and a Responses API that remembers its ids.

    A task's requests to the model carry its id in their metadata, those to the Agentex
    API in their body or as the id of their trace. Each worker has a base URL of its own:
    requests without metadata belong to the task in ``task_of`` that worker.
    """

    def __init__(self) -> None:
        super().__init__([])
        self.tasks: defaultdict[str, Task] = defaultdict(Task)
        self.task_of: dict[str, str] = {}
        self.registered: set[str] = set()
        self._changed = asyncio.Event()

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Give each worker a URL of its own."""
        router.add_post("/{worker}/v1/responses", self._respond)
        router.add_post("/agents/register", self._register)
        router.add_post("/messages", self._create_message)
        router.add_put("/messages/{id}", self._update_message)
        router.add_post("/spans", self._start_span)
        router.add_patch("/spans/{id}", self._update_span)

    def environment_of(self, worker: str) -> dict[str, str]:
        """Return the variables that make a worker use this server."""
        return {"OPENAI_BASE_URL": f"{self.url}/{worker}/v1", "AGENTEX_BASE_URL": self.url}

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until a condition holds."""
        async with asyncio.timeout(HANGS):
            while not holds():
                await self._changed.wait()

    def _tell(self) -> None:
        # Not asyncio.Condition: the notifier would wait for its lock, and was seen to hang there.
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def ended_spans(self, task: str, name: str) -> list[Json]:
        """Return the task's ended spans of this name, in the order of their start."""
        spans = [
            each
            for each in self.spans.values()
            if (each["trace_id"], each["name"]) == (task, name) and each.get("end_time")
        ]
        return sorted(spans, key=lambda span: str(span["start_time"]))

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        worker = request.match_info["worker"]
        task = self.tasks[self.task_of.get(worker) or body["metadata"]["task"]]
        task.requests.append(body)
        task.workers.append(worker)
        self._tell()
        refused = refusal(body, task.known)
        if refused is not None:
            task.refused.append(refused.status)
            return refused
        answer = task.answers.pop(0) if task.answers else Answer()
        answer.worker = task.workers[-1]
        if answer.status != 200:
            task.refused.append(answer.status)
            response = refuse("told to", "model", "told_to", answer.status)
            response.headers.update(answer.headers)
            return response
        chained = body.get("previous_response_id") is not None
        usage = answer.usage or numbers_of_turn(len(task.issued), chained=chained)
        task.issued.append(f"resp_{secrets.token_hex(24)}")
        task.known.append(task.issued[-1])
        task.given.append(usage)
        return await self._stream(request, answer, answer.stream(task.issued[-1], usage))

    async def _stream(
        self, request: web.Request, answer: Answer, events: list[Json]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        if request.match_info["worker"] in self.task_of:
            # This worker keeps the __del__ of openai's client, which closes an idle
            # connection in whatever loop collects the client (openai-python#2440).
            response.force_close()
        await response.prepare(request)
        for number, event in enumerate(events):
            if number == answer.hold_after and not await self._held(response, answer):
                return response
            if number == answer.cut_after:
                assert request.transport is not None
                request.transport.abort()
                return response
            await response.write(in_stream(event, number))
        await response.write_eof()
        return response

    async def _held(self, response: web.StreamResponse, answer: Answer) -> bool:
        """Wait until the test goes on; return whether the client is still connected."""
        answer.held.set()
        while not answer.go_on.is_set():
            try:
                # A comment, as servers send to keep a stream alive.
                await response.write(b": still here\n\n")
            except ConnectionError:
                answer.left.set()
                return False
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(answer.go_on.wait(), 0.05)
        return True

    async def _register(self, request: web.Request) -> web.Response:
        name = (await request.json())["name"]
        self.registered.add(name)
        self._tell()
        return web.json_response({"id": "agent", "name": name, "agent_api_key": "unused"})

    async def _create_message(self, request: web.Request) -> web.Response:
        body = await request.json()
        if self._fails(body["task_id"], "messages"):
            return web.json_response({"detail": "told to"}, status=500)
        message = {**body, "id": f"message-{secrets.token_hex(8)}"}
        self.tasks[body["task_id"]].messages[message["id"]] = message
        self._tell()
        return web.json_response(message)

    async def _update_message(self, request: web.Request) -> web.Response:
        body = await request.json()
        if self._fails(body["task_id"], "messages"):
            return web.json_response({"detail": "told to"}, status=500)
        message = self.tasks[body["task_id"]].messages[request.match_info["id"]]
        message.update(body)
        return web.json_response(message)

    def _fails(self, task: str, route: str) -> bool:
        fails = self.tasks[task].api_fails
        failing = fails[route] > 0
        fails[route] -= failing
        return failing

    async def _start_span(self, request: web.Request) -> web.Response:
        answer = await super()._start_span(request)
        self._tell()
        return answer

    async def _update_span(self, request: web.Request) -> web.Response:
        answer = await super()._update_span(request)
        self._tell()
        return answer


class Proxy:
    """A TCP proxy between a worker and a server that can be cut."""

    def __init__(self, behind: str) -> None:
        """Forward to the server at this ``host:port``."""
        self._behind = behind
        self._server: asyncio.Server | None = None
        self._port = 0
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def address(self) -> str:
        """The ``host:port`` for the worker."""
        return f"127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Listen on the same port as before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Reset connections and refuse new ones, as a server that went away does."""
        assert self._server is not None
        self._server.close()
        for writer in self._open:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = {writer}
        self._open.add(writer)
        try:
            host, _, port = self._behind.rpartition(":")
            there_reader, there_writer = await asyncio.open_connection(host, port)
            writers.add(there_writer)
            self._open.add(there_writer)
            await asyncio.gather(_pump(reader, there_writer), _pump(there_reader, writer))
        finally:
            self._open -= writers
            for each in writers:
                each.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()
