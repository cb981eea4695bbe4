"""Patched old = fixed new: the patch passes to any ``create`` only names that it accepts."""

from __future__ import annotations

import gc
import inspect
from types import SimpleNamespace
from typing import Any

import pytest
import wrapt
from openai import NOT_GIVEN
from openai.resources.responses import AsyncResponses

from agentex_usage_patch._patching.call import request as forwarding

from .. import goldens
from ..calls import AFFECTED, make_model, tokens
from ..clients import TOKENS, Recording, ask, assert_conversation_forwarded, event
from ..wire import Wire, completed

pytestmark = [pytest.mark.usefixtures("patched"), pytest.mark.body]


class Callable:
    """A ``create`` that is an object without a hash, so its signature cannot be cached."""

    __hash__ = None  # type: ignore[assignment]  # how Python says unhashable

    def __init__(self, client: Recording) -> None:
        self.client = client

    async def __call__(self, **request: Any) -> Any:
        return await Recording.create(self.client, **request)


class Opaque(Callable):
    """A ``create`` whose signature Python cannot read."""

    __signature__ = 7


class Unreferable:
    """A ``create`` that has a hash and does not allow weak references."""

    __slots__ = ("client",)

    def __init__(self, client: Recording) -> None:
        self.client = client

    async def __call__(self, **request: Any) -> Any:
        return await Recording.create(self.client, **request)


class Forwarding:
    """A custom client that passes all arguments on to the openai SDK's ``create``."""

    def __init__(self, wire: Wire) -> None:
        self.responses = self
        self.real = wire.client().responses

    async def create(self, **keywords: Any) -> Any:
        return await self.real.create(**keywords)


@pytest.mark.body
@pytest.mark.parametrize("conversation", [None, "conv_1"])
async def test_create_that_forwards_to_the_openai_sdk_gets_only_names_it_accepts(
    conversation: str | None,
) -> None:
    wire = Wire([completed()])
    result = await ask(make_model(Forwarding(wire)), conversation_id=conversation)
    assert tokens(result.usage) == TOKENS
    assert wire.bodies[0].get("conversation") == conversation


@pytest.mark.parametrize("kind", [Callable, Unreferable])
async def test_callable_object_as_create_gets_what_it_accepts(kind: Any) -> None:
    client: Any = Recording(event())
    client.create = kind(client)
    for _ in range(2):
        result = await ask(make_model(client), conversation_id="conv_1")
        assert tokens(result.usage) == TOKENS
    for request in client.requests:
        assert_conversation_forwarded(request)


async def test_create_without_a_readable_signature_gets_fields_in_extra_body() -> None:
    client: Any = Recording(event())
    client.create = Opaque(client)
    result = await ask(make_model(client), conversation_id="conv_1")
    assert tokens(result.usage) == TOKENS
    (request,) = client.requests
    if AFFECTED:
        assert not set(goldens.FIELDS) & set(request)
        assert request["extra_body"] == {"conversation": "conv_1"}
    else:
        assert request["conversation"] == "conv_1"


async def test_create_behind_a_tracer_gets_what_the_openai_sdk_accepts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    create = AsyncResponses.create
    requests: list[dict[str, Any]] = []

    async def traced(self: Any, *args: Any, **kwargs: Any) -> Any:
        requests.append(kwargs)
        return await create(self, *args, **kwargs)

    monkeypatch.setattr(AsyncResponses, "create", traced)
    wire = Wire([completed()])
    result = await ask(make_model(wire.client()), conversation_id="conv_1")
    assert tokens(result.usage) == TOKENS
    assert wire.bodies[0]["conversation"] == "conv_1"
    declared = inspect.signature(create).parameters
    assert ("conversation" in requests[0]) is ("conversation" in declared)
    assert requests[0]["previous_response_id"] is NOT_GIVEN


async def test_create_behind_a_wrapt_wrapper_gets_what_it_accepts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def traced(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return await wrapped(*args, **kwargs)

    monkeypatch.setattr(
        AsyncResponses, "create", wrapt.FunctionWrapper(AsyncResponses.create, traced)
    )
    wire = Wire([completed()])
    result = await ask(make_model(wire.client()), conversation_id="conv_1")
    assert tokens(result.usage) == TOKENS
    assert wire.bodies[0]["conversation"] == "conv_1"


def test_cached_signature_is_freed_with_its_create() -> None:
    gc.collect()  # other tests' clients
    before = len(forwarding._declared)
    clients = [SimpleNamespace(create=lambda *, prompt: prompt) for _ in range(100)]
    assert {forwarding.declared_names(each.create) for each in clients} == {frozenset({"prompt"})}
    assert len(forwarding._declared) == before + len(clients)
    clients.clear()
    gc.collect()
    assert len(forwarding._declared) <= before
