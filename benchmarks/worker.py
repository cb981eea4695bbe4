"""A worker with stubs around the installed model, with and without the patch."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import wrapt
from openai import AsyncOpenAI

import agentex_usage_patch
from agentex_usage_patch._patching.probe.stubs import Adk
from tests import calls
from tests.cost import counts

from .server import sent_events

Event = dict[str, Any]


class Messages(Adk):
    """``adk`` as the model uses it, which sends nothing and keeps nothing."""

    async def stream_update(self, update: object) -> object:
        return update

    async def close(self) -> None:
        return None


class Stub:
    """A client that does nothing but stream: some deltas, then the completed event.

    The events are ready-made. The completed one carries usage and its details.
    """

    def __init__(self, deltas: int, text: str = "Hello ") -> None:
        self.responses = self
        self._delta, self._completed = counts.events(2)
        self._delta.delta = text
        self._deltas = deltas

    async def create(self, **_: object) -> AsyncIterator[Any]:
        return self._stream()

    async def _stream(self) -> AsyncIterator[Any]:
        delta = self._delta
        for _ in range(self._deltas):
            yield delta
        yield self._completed


def start() -> tuple[type, type]:
    """Return the SDK's model as it is installed, and patched; its logger is at WARNING.

    On a release that has the fix both are the untouched model.
    """
    sdk = calls.sdk
    calls.enter_task()
    sdk.adk = Messages()
    sdk.logger.setLevel(logging.WARNING)
    model = sdk.TemporalStreamingModel
    original = type("Original", (model,), {"get_response": model.get_response})
    agentex_usage_patch.apply_patch(strict=True)
    assert isinstance(vars(model)["get_response"], wrapt.ObjectProxy) is calls.AFFECTED
    return original, model


def call(model_class: type, client: Any, **keywords: Any) -> Any:
    """Return a function that makes a call with this client, as temporalio's activity does."""
    model = calls.make_model(client, model_class)
    model.tracer = counts.Tracer()
    arguments = calls.arguments(**keywords)

    async def make() -> None:
        await model.get_response(**arguments)

    return make


def answered(count: int, make: type[AsyncOpenAI] = AsyncOpenAI) -> AsyncOpenAI:
    """Return a real client, answered in this process by a stream of that many events."""
    body = b"".join(sent_events(count))

    async def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=body)

    http_client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return make(api_key="unused", max_retries=0, http_client=http_client)
