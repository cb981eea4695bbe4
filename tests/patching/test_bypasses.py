"""Classes whose calls do not reach the patch: status names them, and no others."""

from __future__ import annotations

import functools
import gc
from collections.abc import Iterator
from typing import Any
from weakref import ref

import pytest
import wrapt

from agentex_usage_patch import apply_patch, remove_patch, status
from agentex_usage_patch._patching import place
from agentex_usage_patch._patching.bypasses import third_party
from agentex_usage_patch._patching.wrapper import GetResponse
from agentex_usage_patch._upstream import FIXES

from .. import calls
from ..calls import AFFECTED

pytestmark = pytest.mark.companions

MODEL: Any = calls.sdk.TemporalStreamingModel
NAME = f"{MODEL.__module__}.TemporalStreamingModel"


@pytest.fixture(autouse=True)
def _no_subclass_left() -> Iterator[None]:
    yield
    gc.collect()


def named(sentence: str) -> None:
    """Assert that a status names this bypass alone, where anything is patched at all."""
    assert status().bypasses == ((sentence,) if AFFECTED else ())
    if AFFECTED:
        assert f"Bypasses the patch: {sentence}." in status().summary
        assert status().advice == "Let these classes call TemporalStreamingModel.get_response."
        assert status().complete


def test_the_model_alone_has_no_bypass() -> None:
    apply_patch()
    assert status().bypasses == ()


def test_a_subclass_that_overrides_without_calling_is_named() -> None:
    class Own(MODEL):  # type: ignore[misc]  # Any
        async def get_response(self, *args: Any, **kwargs: Any) -> None: ...

    class Beneath(Own):
        pass

    apply_patch()
    name = f"{__name__}.{Own.__qualname__}"
    named(f"subclass {name} overrides get_response without calling it")
    del Beneath


def test_a_bypass_is_logged_as_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    class Own(MODEL):  # type: ignore[misc]  # Any
        async def get_response(self, *args: Any, **kwargs: Any) -> None: ...

    caplog.set_level("INFO", logger="agentex_usage_patch")
    applied = apply_patch()
    assert len(applied.bypasses) == AFFECTED
    assert [each.levelname for each in caplog.records if each.name == "agentex_usage_patch"] == [
        "WARNING" if AFFECTED else "INFO"
    ]
    del Own


def by_super() -> Any:
    class Calling(MODEL):  # type: ignore[misc]  # Any
        async def get_response(self, *args: Any, **kwargs: Any) -> Any:
            return await super().get_response(*args, **kwargs)

    return Calling


def in_an_inner_function() -> Any:
    class Calling(MODEL):  # type: ignore[misc]  # Any
        async def get_response(self, *args: Any, **kwargs: Any) -> Any:
            async def call() -> Any:
                return await MODEL.get_response(self, *args, **kwargs)

            return await call()

    return Calling


def beneath_a_decorator() -> Any:
    def counted(function: Any) -> Any:
        @functools.wraps(function)
        async def get_response(*args: Any, **kwargs: Any) -> Any:
            return await function(*args, **kwargs)

        return get_response

    class Calling(MODEL):  # type: ignore[misc]  # Any
        @counted
        async def get_response(self, *args: Any, **kwargs: Any) -> Any:
            return await super().get_response(*args, **kwargs)

    return Calling


def beneath_a_wrapt_decorator() -> Any:
    @wrapt.decorator
    async def through(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return await wrapped(*args, **kwargs)

    class Calling(MODEL):  # type: ignore[misc]  # Any
        @through
        async def get_response(self, *args: Any, **kwargs: Any) -> Any:
            return await super().get_response(*args, **kwargs)

    return Calling


@pytest.mark.parametrize(
    "make", [by_super, in_an_inner_function, beneath_a_decorator, beneath_a_wrapt_decorator]
)
def test_a_subclass_that_calls_the_model_is_not_named(make: Any) -> None:
    subclass = make()
    apply_patch()
    assert status().bypasses == ()
    del subclass


def test_a_class_from_before_a_reload_is_named() -> None:
    (base,) = MODEL.__bases__
    older = type("TemporalStreamingModel", (base,), {"__module__": MODEL.__module__})
    apply_patch()
    named(f"an older {NAME}, from before a reload, is not patched")
    del older


def test_without_the_patch_there_is_no_bypass() -> None:
    class Own(MODEL):  # type: ignore[misc]  # Any
        async def get_response(self, *args: Any, **kwargs: Any) -> None: ...

    apply_patch()
    assert remove_patch().bypasses == ()
    del Own


def test_a_patched_class_that_a_reload_replaced_can_be_collected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(place, "_placed", [])
    model_class: Any = type("TemporalStreamingModel", (), {"get_response": lambda self: None})
    place.place(model_class, GetResponse(model_class.get_response, FIXES))
    assert [owner for owner, _ in place.placed()] == [model_class]
    replaced = ref(model_class)
    del model_class
    gc.collect()
    assert replaced() is None
    assert place.placed() == []


def test_only_third_party_functions_are_named() -> None:
    async def counted(self: Any, *args: Any, **kwargs: Any) -> None: ...

    counted.__wrapped__ = calls.class_attribute()  # type: ignore[attr-defined]
    (named,) = third_party(counted)
    assert named.startswith(f"{__name__}.{counted.__qualname__} ({__file__}:")
