"""Two copies of this package in one process: each tells what the other did, neither repeats it."""

from __future__ import annotations

import asyncio
import gc
import importlib
import sys
from typing import Any
from weakref import ref

import pytest

import agentex_usage_patch
from agentex_usage_patch import apply_patch, remove_patch
from agentex_usage_patch._patching import in_place
from agentex_usage_patch._patching.wrapper import GetResponse
from agentex_usage_patch._upstream import FIXES

from .. import calls
from ..calls import AFFECTED, make_model, tokens
from ..clients import TOKENS, Recording, ask, event
from ..status.test_status_truth import WITH, WITHOUT, hide

MODEL: Any = calls.sdk.TemporalStreamingModel


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> Any:
    """This package once more, as when its modules were dropped and imported again."""
    for name in [each for each in sys.modules if each.startswith("agentex_usage_patch")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", sys.meta_path.copy())
    again = importlib.import_module("agentex_usage_patch")
    assert again is not agentex_usage_patch
    return again


def in_the_class() -> Any:
    return vars(MODEL)["get_response"]


async def count() -> list[int]:
    return tokens((await ask(make_model(Recording(event())))).usage)


def test_what_another_copy_patched_is_not_called_native(other: Any) -> None:
    apply_patch()
    observed = other.status()
    assert observed.named(WITH) == FIXES
    for text in (observed.summary, *(fix.evidence for fix in observed.fixes)):
        assert ("by another copy of this package" in text) is AFFECTED
    assert observed.advice.startswith("Nothing now; after" if AFFECTED else "Nothing is needed")
    assert observed.bypasses == ()
    assert "another copy" not in agentex_usage_patch.status().summary


async def test_what_another_copy_patched_is_wrapped_once_and_removed(other: Any) -> None:
    original = in_the_class()
    apply_patch()
    theirs = in_the_class()
    assert other.apply_patch().named(WITH) == FIXES
    assert in_the_class() is theirs
    assert other.remove_patch().named(WITHOUT) == FIXES
    assert in_the_class() is original
    assert agentex_usage_patch.status().named(WITHOUT) == FIXES
    assert apply_patch().named(WITH) == FIXES
    assert await count() == TOKENS


async def test_another_copys_is_found_and_removed_beneath_somebody_who_hides_it(
    other: Any,
) -> None:
    apply_patch()
    theirs = hide()
    assert other.status().named(WITH) == FIXES
    other.apply_patch()
    assert in_the_class() is theirs
    assert await count() == TOKENS
    other.remove_patch()
    assert in_the_class() is theirs
    assert await count() == ([0] * 5 if AFFECTED else TOKENS)


async def test_what_another_copy_removed_is_applied_again_where_it_stands(other: Any) -> None:
    apply_patch()
    beneath = in_the_class()

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await beneath.__get__(self)(*args, **kwargs)

    get_response.__wrapped__ = beneath  # type: ignore[attr-defined]
    MODEL.get_response = get_response
    other.remove_patch()
    assert await count() == ([0] * 5 if AFFECTED else TOKENS)
    other.apply_patch()
    assert in_the_class() is get_response
    assert await count() == TOKENS
    remove_patch()
    assert await count() == ([0] * 5 if AFFECTED else TOKENS)


async def test_a_call_under_way_through_another_copys_does_not_go_past_the_patch(
    other: Any,
) -> None:
    under_way, go_on = asyncio.Event(), asyncio.Event()

    class Held(Recording):
        async def create(self, **request: Any) -> Any:
            under_way.set()
            await go_on.wait()
            return await super().create(**request)

    apply_patch()
    call = asyncio.create_task(ask(make_model(Held(event()))))
    await under_way.wait()
    assert other.status().bypasses == ()
    go_on.set()
    assert tokens((await call).usage) == TOKENS


def test_a_patched_class_that_nobody_uses_any_more_is_let_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(in_place, "_put", [])
    # As a reload leaves it behind.
    model_class: Any = type("TemporalStreamingModel", (), {"get_response": lambda self: None})
    in_place.put(model_class, GetResponse(model_class.get_response, FIXES))
    assert [owner for owner, _ in in_place.placed()] == [model_class]
    left_behind = ref(model_class)
    del model_class
    gc.collect()
    assert left_behind() is None
    assert in_place.placed() == []
