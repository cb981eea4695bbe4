"""A fix is `patched` only if it works with the patch and not without it."""

from __future__ import annotations

import gc
import threading
from typing import Any

import pytest

from agentex_usage_patch import (
    _upstream,
    apply_patch,
    remove_patch,
    status,
)
from agentex_usage_patch._patching import place, wrapper
from agentex_usage_patch._patching.call import state
from agentex_usage_patch._patching.probe import loop, observe
from agentex_usage_patch._patching.status import State
from agentex_usage_patch._patching.wrapper import GetResponse
from agentex_usage_patch._upstream import FIXES

from .. import calls
from ..calls import AFFECTED, make_model, tokens
from ..clients import TOKENS, Recording, ask, event
from .test_status import Partial

pytestmark = [pytest.mark.body, pytest.mark.companions]

WITH: State = "patched" if AFFECTED else "native"
WITHOUT: State = "missing" if AFFECTED else "native"


def fail(*_: Any, **__: Any) -> Any:
    raise LookupError


@pytest.mark.parametrize(
    ("module", "name", "lost"),
    [
        (state, "fill", ("usage",)),
        (state, "add_fields", (*_upstream.FORWARDED, _upstream.PROMPT_CACHE_KEY)),
        (state, "ResponseCompletedEvent", ("usage", "response_id", "span_usage")),
        (wrapper, "Call", FIXES),
    ],
)
def test_broken_step_is_not_reported_as_patched(
    module: Any, name: str, lost: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert apply_patch().named(WITH) == FIXES
    broken = type("Broken", (), {}) if name == "ResponseCompletedEvent" else fail
    monkeypatch.setattr(module, name, broken)
    if not AFFECTED:
        assert status().named("native") == FIXES
        return
    observed = status()
    assert set(lost) <= set(observed.named("missing"))
    assert not observed.complete


def test_restored_original_is_not_reported_as_patched() -> None:
    model_class: Any = calls.sdk.TemporalStreamingModel
    original = vars(model_class)["get_response"]
    apply_patch()
    model_class.get_response = original
    assert status().named(WITHOUT) == FIXES
    assert apply_patch().named(WITH) == FIXES
    remove_patch()
    assert vars(model_class)["get_response"] is original


def hide() -> Any:
    """Wrap `get_response` in a function without ``__wrapped__``."""
    model_class: Any = calls.sdk.TemporalStreamingModel
    beneath = model_class.get_response

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await beneath(self, *args, **kwargs)

    model_class.get_response = get_response
    return get_response


def test_patch_beneath_a_wrapper_that_hides_it_is_reported() -> None:
    apply_patch()
    theirs = hide()
    assert status().named(WITH) == FIXES
    apply_patch()
    assert vars(calls.sdk.TemporalStreamingModel)["get_response"] is theirs
    assert remove_patch().named(WITHOUT) == FIXES
    assert apply_patch().named(WITH) == FIXES


async def test_calls_in_other_threads_stay_patched_while_status_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    apply_patch()
    counted: list[list[int]] = []
    run = loop.by_hand

    def call() -> None:
        calls.enter_task()
        result = run(lambda: ask(make_model(Recording(event()))))
        counted.append(tokens(result.usage))

    def run_beside_a_call(call_again: Any) -> Any:
        beside = threading.Thread(target=call)
        beside.start()
        beside.join()
        return run(call_again)

    monkeypatch.setattr(observe, "by_hand", run_beside_a_call)
    status()
    assert counted == [TOKENS] * (2 if AFFECTED else 1)


def test_fixes_of_a_wrapper_over_the_patch_are_reported_as_native(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    apply_patch()

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await Partial.get_response(self, *args, **kwargs)

    model_class: Any = calls.sdk.TemporalStreamingModel
    get_response.__wrapped__ = model_class.get_response  # type: ignore[attr-defined]
    model_class.get_response = get_response
    assert status().named("native") == ("usage", "response_id")


def test_removal_leaves_no_wrapper_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    # Apart from what other tests have left beneath functions that hide it.
    monkeypatch.setattr(place, "_placed", [])

    def left() -> int:
        gc.collect()
        return sum(type(each) is GetResponse for each in gc.get_objects())

    before = left()
    for _ in range(3):
        apply_patch()
        assert left() == before + AFFECTED
        remove_patch()
    assert left() == before
