"""Patched old = old, everywhere else: somebody's wrapper beneath ours, and on top of it."""

from __future__ import annotations

import copy
import functools
import itertools
import pickle
from typing import Any

import pytest
import wrapt

import agentex_usage_patch
from agentex_usage_patch._patching.call import Call
from agentex_usage_patch._patching.model import Model

from .. import calls
from ..calls import make_model, tokens
from ..clients import TOKENS, Recording, ask, event
from ..wire import Wire, completed

pytestmark = pytest.mark.companions


def wrapped_by_a_function(meet: Any) -> None:
    """Replace get_response by a plain function that calls it, as people patch by hand."""
    original = calls.sdk.TemporalStreamingModel.get_response

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await original(meet(self), *args, **kwargs)

    calls.sdk.TemporalStreamingModel.get_response = get_response


def wrapped_by_wrapt(meet: Any) -> None:
    """Wrap get_response as tracers do."""
    original = vars(calls.sdk.TemporalStreamingModel)["get_response"]

    async def get_response(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        met = meet(instance)
        call = wrapped if met is instance else original.__get__(met, type(met))
        return await call(*args, **kwargs)

    wrapper = wrapt.FunctionWrapper(original, get_response)
    calls.sdk.TemporalStreamingModel.get_response = wrapper


def beneath(wrap: Any, meet: Any) -> None:
    """Wrap get_response, then patch; the probe is over when somebody meets a model."""
    probing = True

    def meet_callers(model: Any) -> Any:
        return model if probing else meet(model)

    wrap(meet_callers)
    agentex_usage_patch.apply_patch()
    probing = False


def on_top(wrap: Any, meet: Any) -> None:
    """Patch, then wrap get_response."""
    agentex_usage_patch.apply_patch()
    wrap(meet)


@pytest.fixture(
    params=itertools.product([wrapped_by_a_function, wrapped_by_wrapt], [beneath, on_top]),
    ids=lambda param: " ".join(each.__name__ for each in param),
)
def wrapped_by(request: pytest.FixtureRequest) -> Any:
    """A way to put a wrapper into the class, on either side of the patch."""
    wrap, side = request.param
    return functools.partial(side, wrap)


async def test_somebodys_wrapper_meets_the_model_once_per_call(
    wrapped_by: Any,
) -> None:
    met: list[Any] = []

    def meet(model: Any) -> Any:
        met.append((isinstance(model, calls.sdk.TemporalStreamingModel), model == real))
        return model

    wrapped_by(meet)
    wire = Wire([completed()])
    real = make_model(wire.client())
    for count in (1, 2):
        result = await ask(real, conversation_id="conv_1")
        assert met == [(True, True)] * count
        assert tokens(result.usage) == TOKENS
        assert len(wire.bodies) == count
        assert wire.bodies[-1]["conversation"] == "conv_1"


async def test_what_somebodys_wrapper_writes_and_deletes_is_on_the_real_model(
    wrapped_by: Any,
) -> None:
    def meet(model: Any) -> Any:
        assert vars(model) == vars(real)
        model.count = getattr(model, "count", 0) + 1
        del model.doomed
        vars(model)["through_vars"] = True
        assert sorted(dir(model)) == sorted(dir(real))
        assert (repr(model), str(model), bool(model)) == (repr(real), str(real), True)
        assert {real: "found"}[model] == "found"
        return model

    wrapped_by(meet)
    real = make_model(Recording(event()))
    real.doomed = True
    result = await ask(real)
    assert tokens(result.usage) == TOKENS
    assert real.count == 1
    assert not hasattr(real, "doomed")
    assert real.through_vars


@pytest.mark.parametrize("make_copy", [copy.copy, copy.deepcopy])
async def test_somebodys_wrapper_may_call_with_a_copy(wrapped_by: Any, make_copy: Any) -> None:
    class Deep(Recording):
        def __deepcopy__(self, memo: object) -> Deep:
            return self

    def meet(model: Any) -> Any:
        copied = make_copy(model)
        copied.model_name = "of the copy"
        return copied

    wrapped_by(meet)
    client = Deep(event())
    real = make_model(client)
    result = await ask(real, conversation_id="conv_1")
    assert tokens(result.usage) == TOKENS
    assert client.requests[0]["model"] == "of the copy"
    assert client.requests[0]["conversation"] == "conv_1"
    assert real.model_name == "gpt-4o"


async def test_methods_that_somebodys_wrapper_calls_run_on_the_real_model(wrapped_by: Any) -> None:
    class Introspective(calls.sdk.TemporalStreamingModel):  # type: ignore[misc]  # Any
        def itself(self) -> Any:
            return self

        @property
        def client(self) -> Any:
            return self.real_client

        @client.setter
        def client(self, client: Any) -> None:
            self.real_client = client

    met: list[Any] = []

    def meet(model: Any) -> Any:
        met.append(model.itself())
        return model

    wrapped_by(meet)
    real = make_model(Recording(event()), Introspective)
    result = await ask(real)
    assert met == [real] and met[0] is real
    assert type(met[0]) is Introspective
    assert tokens(result.usage) == TOKENS


async def test_a_client_may_be_replaced_during_the_call(wrapped_by: Any) -> None:
    second = Recording(event())

    def meet(model: Any) -> Any:
        model.client = second
        return model

    wrapped_by(meet)
    first = Recording()
    real = make_model(first)
    result = await ask(real, conversation_id="conv_1")
    assert tokens(result.usage) == TOKENS
    assert first.requests == []
    assert second.requests[0]["conversation"] == "conv_1"
    assert real.client is second


async def test_no_stand_in_is_left_in_the_state_of_the_model(wrapped_by: Any) -> None:
    def meet(model: Any) -> Any:
        model.client = model.client
        model.tracer = model.tracer
        return model

    wrapped_by(meet)
    client = Recording(event())
    real = make_model(client)
    tracer = real.tracer
    await ask(real)
    assert type(vars(real)["client"]) is Recording and real.client is client
    assert type(vars(real)["tracer"]) is calls.Tracer and real.tracer is tracer


def test_a_stand_in_pickles_as_what_it_stands_for() -> None:
    restored = pickle.loads(pickle.dumps(Model({"a": 1}, Call(frozenset(), {}))))
    assert restored == {"a": 1} and type(restored) is dict


def test_stand_ins_of_one_thing_are_equal_and_those_of_others_are_not() -> None:
    class Strict:
        def __eq__(self, other: object) -> bool:
            return type(other) is Strict

        __hash__ = None  # type: ignore[assignment]  # how Python says unhashable

    call = Call(frozenset(), {})
    assert Model(Strict(), call) == Model(Strict(), call)
    assert Model("a", call) == Model("a", call) == "a"
    assert Model("a", call) != Model("b", call)
    assert not Model("", call)
