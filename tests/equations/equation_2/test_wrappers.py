"""Patched old = old: a third-party wrapper works beneath the patch and on top of it."""

from __future__ import annotations

import copy
import functools
import itertools
import pickle
from typing import Any

import pytest
import wrapt

import agentex_usage_patch
from agentex_usage_patch._patching.call.model import Model
from agentex_usage_patch._patching.call.state import Call

from ... import calls
from ...calls import make_model, tokens
from ...clients import TOKENS, Recording, ask, event
from ...wire import Wire, completed

pytestmark = pytest.mark.companions


def plain_function(receive: Any) -> None:
    """Replace get_response by a function that calls it, as in a patch written by hand."""
    original = calls.sdk.TemporalStreamingModel.get_response

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await original(receive(self), *args, **kwargs)

    calls.sdk.TemporalStreamingModel.get_response = get_response


def wrapt_wrapper(receive: Any) -> None:
    """Wrap get_response with wrapt, as tracers do."""
    original = calls.class_attribute()

    async def get_response(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        model = receive(instance)
        call = wrapped if model is instance else original.__get__(model, type(model))
        return await call(*args, **kwargs)

    wrapper = wrapt.FunctionWrapper(original, get_response)
    calls.sdk.TemporalStreamingModel.get_response = wrapper


def beneath(wrap: Any, receive: Any) -> None:
    """Wrap get_response, then patch; the models of the probe are not passed to `receive`."""
    probing = True

    def receive_callers(model: Any) -> Any:
        return model if probing else receive(model)

    wrap(receive_callers)
    agentex_usage_patch.apply_patch()
    probing = False


def on_top(wrap: Any, receive: Any) -> None:
    """Patch, then wrap get_response."""
    agentex_usage_patch.apply_patch()
    wrap(receive)


@pytest.fixture(
    params=itertools.product([plain_function, wrapt_wrapper], [beneath, on_top]),
    ids=lambda param: " ".join(each.__name__ for each in param),
)
def wrapped_by(request: pytest.FixtureRequest) -> Any:
    """A function that installs a wrapper, beneath the patch or on top of it."""
    wrap, side = request.param
    return functools.partial(side, wrap)


async def test_wrapper_receives_the_model_once_per_call(wrapped_by: Any) -> None:
    received: list[Any] = []

    def receive(model: Any) -> Any:
        received.append((isinstance(model, calls.sdk.TemporalStreamingModel), model == real))
        return model

    wrapped_by(receive)
    wire = Wire([completed()])
    real = make_model(wire.client())
    for count in (1, 2):
        result = await ask(real, conversation_id="conv_1")
        assert received == [(True, True)] * count
        assert tokens(result.usage) == TOKENS
        assert len(wire.bodies) == count
        assert wire.bodies[-1]["conversation"] == "conv_1"


async def test_wrapper_writes_and_deletes_on_the_real_model(wrapped_by: Any) -> None:
    def receive(model: Any) -> Any:
        assert vars(model) == vars(real)
        model.count = getattr(model, "count", 0) + 1
        del model.doomed
        vars(model)["through_vars"] = True
        assert sorted(dir(model)) == sorted(dir(real))
        assert (repr(model), str(model), bool(model)) == (repr(real), str(real), True)
        assert {real: "found"}[model] == "found"
        return model

    wrapped_by(receive)
    real = make_model(Recording(event()))
    real.doomed = True
    result = await ask(real)
    assert tokens(result.usage) == TOKENS
    assert real.count == 1
    assert not hasattr(real, "doomed")
    assert real.through_vars


@pytest.mark.parametrize("make_copy", [copy.copy, copy.deepcopy])
async def test_wrapper_may_call_with_a_copy(wrapped_by: Any, make_copy: Any) -> None:
    class Deep(Recording):
        def __deepcopy__(self, memo: object) -> Deep:
            return self

    def receive(model: Any) -> Any:
        copied = make_copy(model)
        copied.model_name = "of the copy"
        return copied

    wrapped_by(receive)
    client = Deep(event())
    real = make_model(client)
    result = await ask(real, conversation_id="conv_1")
    assert tokens(result.usage) == TOKENS
    assert client.requests[0]["model"] == "of the copy"
    assert client.requests[0]["conversation"] == "conv_1"
    assert real.model_name == "gpt-4o"


async def test_methods_called_by_a_wrapper_run_on_the_real_model(wrapped_by: Any) -> None:
    class Introspective(calls.sdk.TemporalStreamingModel):  # type: ignore[misc]  # Any
        def itself(self) -> Any:
            return self

        @property
        def client(self) -> Any:
            return self.real_client

        @client.setter
        def client(self, client: Any) -> None:
            self.real_client = client

    received: list[Any] = []

    def receive(model: Any) -> Any:
        received.append(model.itself())
        return model

    wrapped_by(receive)
    real = make_model(Recording(event()), Introspective)
    result = await ask(real)
    assert received == [real] and received[0] is real
    assert type(received[0]) is Introspective
    assert tokens(result.usage) == TOKENS


async def test_wrapper_may_replace_the_client_during_the_call(wrapped_by: Any) -> None:
    second = Recording(event())

    def receive(model: Any) -> Any:
        model.client = second
        return model

    wrapped_by(receive)
    first = Recording()
    real = make_model(first)
    result = await ask(real, conversation_id="conv_1")
    assert tokens(result.usage) == TOKENS
    assert first.requests == []
    assert second.requests[0]["conversation"] == "conv_1"
    assert real.client is second


async def test_no_stand_in_remains_on_the_model(wrapped_by: Any) -> None:
    def receive(model: Any) -> Any:
        model.client = model.client
        model.tracer = model.tracer
        return model

    wrapped_by(receive)
    client = Recording(event())
    real = make_model(client)
    tracer = real.tracer
    await ask(real)
    assert type(vars(real)["client"]) is Recording and real.client is client
    assert type(vars(real)["tracer"]) is calls.Tracer and real.tracer is tracer


def test_stand_in_is_pickled_as_the_real_object() -> None:
    restored = pickle.loads(pickle.dumps(Model({"a": 1}, Call(frozenset(), {}))))
    assert restored == {"a": 1} and type(restored) is dict


def test_stand_ins_compare_as_the_real_objects_do() -> None:
    class Strict:
        def __eq__(self, other: object) -> bool:
            return type(other) is Strict

        __hash__ = None  # type: ignore[assignment]  # how Python says unhashable

    call = Call(frozenset(), {})
    assert Model(Strict(), call) == Model(Strict(), call)
    assert Model("a", call) == Model("a", call) == "a"
    assert Model("a", call) != Model("b", call)
    assert not Model("", call)
