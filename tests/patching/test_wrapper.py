"""The wrapper looks and behaves like the function that it wraps."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import pytest

from agentex_usage_patch import apply_patch, status
from agentex_usage_patch._patching.call.model import Model
from agentex_usage_patch._patching.call.state import Call
from agentex_usage_patch._patching.wrapper import GetResponse
from agentex_usage_patch._upstream import FIXES

from .. import calls
from ..calls import AFFECTED, make_model, tokens
from ..clients import TOKENS, Recording, ask, event
from ..status.test_status_truth import WITH

pytestmark = pytest.mark.companions

MODEL: Any = calls.sdk.TemporalStreamingModel


def seen(function: Any) -> list[Any]:
    """Return what introspection shows of a function or method."""
    return [
        inspect.signature(function),
        inspect.getfullargspec(function),
        inspect.iscoroutinefunction(function),
        inspect.ismethod(function),
        *(getattr(function, f"__{name}__") for name in ("name", "qualname", "module", "doc")),
    ]


def test_wrapper_looks_like_the_original_on_class_and_model() -> None:
    model = make_model(Recording())
    before = [seen(MODEL.get_response), seen(model.get_response)]
    apply_patch()
    assert [seen(MODEL.get_response), seen(model.get_response)] == before
    assert model.get_response == model.get_response
    assert model.get_response.__self__ is model


@pytest.mark.parametrize("named", [False, True], ids=["a model", "a model by name"])
async def test_wrapper_can_be_called_through_the_class_with(named: bool) -> None:
    apply_patch()
    model: Any = make_model(Recording(event()))

    class Called:
        @staticmethod
        async def get_response(**kwargs: Any) -> Any:
            if named:
                return await MODEL.get_response(self=model, **kwargs)
            return await MODEL.get_response(model, **kwargs)

    assert tokens((await ask(Called)).usage) == TOKENS


async def test_wrapper_calls_the_function_in_its_wrapped_attribute() -> None:
    first, second = (functools.partial(answer, name) for name in ("first", "second"))
    wrapper = GetResponse(Described(first), FIXES)
    assert await bound(wrapper)() == "first"
    wrapper.__wrapped__ = Described(second)
    assert await bound(wrapper)() == "second"


async def test_wrapped_descriptor_gets_the_class_of_the_model_as_owner() -> None:
    described = Described(functools.partial(answer, ""))
    wrapper = GetResponse(described, FIXES)
    model = make_model(Recording())
    await wrapper.__get__(model, MODEL)()
    await wrapper.__get__(Model(model, Call(frozenset(), {})), MODEL)()
    wrapper._self_switch.off = True
    await wrapper.__get__(model, MODEL)()
    assert described.owners == [MODEL, MODEL, MODEL]


def test_wrapper_with_odd_attributes_is_patched() -> None:
    original = vars(MODEL)["get_response"]

    class Odd(Described):
        __name__: Any = 7
        __signature__ = "none"

    MODEL.get_response = Odd(original.__get__)
    apply_patch()
    assert "failed" not in status().summary
    assert isinstance(vars(MODEL)["get_response"], GetResponse) is AFFECTED
    assert status().named(WITH) == FIXES


class Described:
    """A third-party wrapper with its own ``__get__``."""

    def __init__(self, bind: Any) -> None:
        self.bind = bind
        self.owners: list[Any] = []

    def __get__(self, model: Any, owner: Any) -> Any:
        self.owners.append(owner)
        return self.bind(model) if model is not None else self

    def __call__(self, model: Any, *args: Any, **kwargs: Any) -> Any:
        return self.bind(model)(*args, **kwargs)


def answer(name: str, model: Any) -> Any:
    async def get_response() -> str:
        return name

    return get_response


def bound(wrapper: Any) -> Any:
    return wrapper.__get__(make_model(Recording()), MODEL)
