"""Patched new = new, and a removed patch leaves the original."""

from __future__ import annotations

import logging
import pickle
import threading
from typing import Any

import pytest

from agentex_usage_patch import (
    AgentexUsagePatchError,
    _upstream,
    apply_patch,
    remove_patch,
    status,
)
from agentex_usage_patch._upstream import FIXES

from .. import calls, cases
from ..calls import AFFECTED, class_attribute, make_model, observe, tokens
from ..clients import TOKENS, ask
from ..wire import Wire, completed

pytestmark = [pytest.mark.body, pytest.mark.companions]

#: The state of each fix with the patch, and without it.
WITH = "patched" if AFFECTED else "native"
WITHOUT = "missing" if AFFECTED else "native"


def states() -> set[str]:
    return {fix.state for fix in status().fixes}


async def counted() -> list[int]:
    """Make one call, and return the tokens of its result."""
    return tokens((await ask(make_model(Wire([completed()]).client()))).usage)


UNPATCHED = [0] * 5 if AFFECTED else TOKENS


def test_fixed_release_is_not_patched_and_the_summary_says_so() -> None:
    original = class_attribute()
    applied = apply_patch()
    assert (class_attribute() is original) is not AFFECTED
    assert [fix.name for fix in applied.fixes] == list(FIXES)
    assert {fix.state for fix in applied.fixes} == {WITH}
    assert applied.complete
    assert ("pip uninstall agentex-usage-patch" in applied.summary) is not AFFECTED
    assert ("0.10.5 or later" in applied.summary) is AFFECTED
    assert calls.mask_invented_ids(applied.summary).startswith(f"agentex-sdk {applied.sdk_version}")


@pytest.mark.parametrize("name", ["stream: text", "call: everything", "call: prompt cache key"])
async def test_removal_restores_the_original_and_its_behaviour(name: str) -> None:
    original = class_attribute()
    stream, call = cases.CASES[name]
    before = await observe(Wire(stream), call.settings, call.keywords)
    apply_patch()
    patched = await observe(Wire(stream), call.settings, call.keywords)
    removed = remove_patch()
    assert class_attribute() is original
    assert await observe(Wire(stream), call.settings, call.keywords) == before
    assert {fix.state for fix in removed.fixes} == {WITHOUT}
    assert (patched == before) is not AFFECTED
    if AFFECTED:
        assert before["response_id"] == "invented resp"
        assert before["usage"][:4] == [0] * 4
        assert "call apply_patch()" in removed.summary


async def test_patch_can_be_applied_again_after_removal() -> None:
    original = class_attribute()
    for _ in range(2):
        assert apply_patch().complete
        assert await counted() == TOKENS
        remove_patch()
        assert class_attribute() is original
        assert await counted() == UNPATCHED


async def test_applying_twice_installs_one_wrapper() -> None:
    original = class_attribute()
    apply_patch()
    first = class_attribute()
    assert apply_patch().complete
    assert class_attribute() is first
    if AFFECTED:
        assert first.__wrapped__ is original
        assert not hasattr(original, "__wrapped__")
    else:
        assert first is original
    assert await counted() == TOKENS
    remove_patch()
    assert class_attribute() is original


def test_needless_removal_does_nothing() -> None:
    original = class_attribute()
    remove_patch()
    assert class_attribute() is original
    apply_patch()
    remove_patch()
    again = remove_patch()
    assert class_attribute() is original
    assert {fix.state for fix in again.fixes} == {WITHOUT}


async def test_wrapper_on_top_survives_removal_and_reapplication() -> None:
    apply_patch()
    patch_wrapper = class_attribute()
    ran: list[str] = []

    async def third_party(self: Any, *args: Any, **kwargs: Any) -> Any:
        ran.append(self.model_name)
        return await patch_wrapper(self, *args, **kwargs)

    third_party.__wrapped__ = patch_wrapper  # type: ignore[attr-defined]  # as functools.wraps leaves it
    calls.sdk.TemporalStreamingModel.get_response = third_party
    assert await counted() == TOKENS
    assert ran == ["gpt-4o"]

    removed = remove_patch()
    assert class_attribute() is third_party
    assert not removed.named("patched")
    ran.clear()
    assert await counted() == UNPATCHED
    assert ran == ["gpt-4o"]

    apply_patch()
    assert class_attribute() is third_party
    ran.clear()
    assert await counted() == TOKENS
    assert ran == ["gpt-4o"]


async def test_removed_wrapper_that_is_installed_again_only_passes_calls_on() -> None:
    apply_patch()
    patch_wrapper = class_attribute()
    remove_patch()
    calls.sdk.TemporalStreamingModel.get_response = patch_wrapper
    assert states() == {WITHOUT}
    assert await counted() == UNPATCHED


async def test_wrapper_that_hides_the_patch_does_not_count_twice() -> None:
    apply_patch()
    patch_wrapper = class_attribute()

    async def third_party(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await patch_wrapper(self, *args, **kwargs)

    calls.sdk.TemporalStreamingModel.get_response = third_party
    apply_patch()
    wire = Wire([completed()])
    result = await ask(make_model(wire.client()), conversation_id="conv_1")
    assert tokens(result.usage) == TOKENS
    assert len(wire.bodies) == 1
    assert wire.bodies[0]["conversation"] == "conv_1"
    remove_patch()
    calls.sdk.TemporalStreamingModel.get_response = third_party
    assert await counted() == UNPATCHED


async def test_running_call_stays_patched_when_the_patch_is_removed() -> None:
    apply_patch()

    class Removing(Wire):
        async def _answer(self, request: Any) -> Any:
            remove_patch()
            return await super()._answer(request)

    wire = Removing([completed()])
    result = await ask(make_model(wire.client()), conversation_id="conv_1")
    assert tokens(result.usage) == TOKENS
    assert wire.bodies[0]["conversation"] == "conv_1"
    assert await counted() == UNPATCHED


async def test_applying_in_many_threads_installs_one_wrapper() -> None:
    original = class_attribute()
    together = threading.Barrier(8)
    found = []

    def apply() -> None:
        together.wait()
        found.append((apply_patch().complete, class_attribute()))

    threads = [threading.Thread(target=apply) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [(True, class_attribute())] * 8
    assert getattr(class_attribute(), "__wrapped__", class_attribute()) is original
    assert await counted() == TOKENS


def test_summary_is_logged_once_per_application_as_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, logger="agentex_usage_patch")
    applied = apply_patch()
    apply_patch()
    assert [(each.levelno, each.getMessage()) for each in caplog.records] == [
        (logging.INFO, applied.summary)
    ]
    assert "\n" not in applied.summary
    remove_patch()
    apply_patch()
    assert [each.getMessage() for each in caplog.records] == [applied.summary] * 2


class NoMethod:
    """A model class without `get_response`, as a future release may have."""


def test_strict_raises_an_error_with_the_status_when_a_fix_is_missing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(calls.sdk, "TemporalStreamingModel", NoMethod)
    with pytest.raises(AgentexUsagePatchError) as error:
        apply_patch(strict=True)
    observed = error.value.status
    assert observed == status()
    # The message says where the patch looked, what it found, and what to do.
    assert str(error.value) == (
        f"agentex-usage-patch looked at {_upstream.MODULE}.TemporalStreamingModel.get_response. "
        f"{observed.summary} {observed.advice}"
    )
    assert "TemporalStreamingModel.get_response was not found" in observed.summary
    assert not observed.complete
    unpickled = pickle.loads(pickle.dumps(error.value))
    assert (str(unpickled), unpickled.status) == (str(error.value), observed)
    lenient = apply_patch()
    assert lenient == observed
    assert [each.levelno for each in caplog.records] == [logging.WARNING]
    monkeypatch.undo()
    assert apply_patch(strict=True).complete
