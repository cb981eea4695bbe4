"""Patched new = new, and unpatched again = original."""

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
from ..calls import AFFECTED, make_model, observe, tokens
from ..clients import TOKENS, ask
from ..wire import Wire, completed

pytestmark = [pytest.mark.body, pytest.mark.companions]

#: Where a fix stands once the patch is applied, and before that.
WITH = "patched" if AFFECTED else "native"
WITHOUT = "missing" if AFFECTED else "native"


def in_the_class() -> Any:
    """Return what stands in the class, unbound."""
    return vars(calls.sdk.TemporalStreamingModel)["get_response"]


def states() -> set[str]:
    return {fix.state for fix in status().fixes}


async def answer() -> list[int]:
    """Return the tokens that one call counts."""
    return tokens((await ask(make_model(Wire([completed()]).client()))).usage)


UNPATCHED = [0] * 5 if AFFECTED else TOKENS


def test_on_a_fixed_release_nothing_is_replaced_and_the_summary_says_so() -> None:
    original = in_the_class()
    applied = apply_patch()
    assert (in_the_class() is original) is not AFFECTED
    assert [fix.name for fix in applied.fixes] == list(FIXES)
    assert {fix.state for fix in applied.fixes} == {WITH}
    assert applied.complete
    assert ("pip uninstall agentex-usage-patch" in applied.summary) is not AFFECTED
    assert ("0.10.5 or later" in applied.summary) is AFFECTED
    assert calls._without_invented(applied.summary).startswith(f"agentex-sdk {applied.sdk_version}")


@pytest.mark.parametrize("name", ["stream: text", "call: everything", "call: prompt cache key"])
async def test_once_removed_the_original_is_back_and_calls_are_as_before(name: str) -> None:
    original = in_the_class()
    stream, call = cases.CASES[name]
    before = await observe(Wire(stream), call.settings, call.keywords)
    apply_patch()
    patched = await observe(Wire(stream), call.settings, call.keywords)
    removed = remove_patch()
    assert in_the_class() is original
    assert await observe(Wire(stream), call.settings, call.keywords) == before
    assert {fix.state for fix in removed.fixes} == {WITHOUT}
    assert (patched == before) is not AFFECTED
    if AFFECTED:
        assert before["response_id"] == "invented resp"
        assert before["usage"][:4] == [0] * 4
        assert "call apply_patch()" in removed.summary


async def test_applied_removed_and_applied_again_it_works() -> None:
    original = in_the_class()
    for _ in range(2):
        assert apply_patch().complete
        assert await answer() == TOKENS
        remove_patch()
        assert in_the_class() is original
        assert await answer() == UNPATCHED


async def test_applied_twice_there_is_one_wrapper() -> None:
    original = in_the_class()
    apply_patch()
    first = in_the_class()
    assert apply_patch().complete
    assert in_the_class() is first
    if AFFECTED:
        assert first.__wrapped__ is original
        assert not hasattr(original, "__wrapped__")
    else:
        assert first is original
    assert await answer() == TOKENS
    remove_patch()
    assert in_the_class() is original


def test_removed_twice_or_without_having_been_applied_it_does_nothing() -> None:
    original = in_the_class()
    remove_patch()
    assert in_the_class() is original
    apply_patch()
    remove_patch()
    again = remove_patch()
    assert in_the_class() is original
    assert {fix.state for fix in again.fixes} == {WITHOUT}


async def test_a_wrapper_on_top_of_ours_survives_its_removal_and_return() -> None:
    apply_patch()
    ours = in_the_class()
    ran: list[str] = []

    async def theirs(self: Any, *args: Any, **kwargs: Any) -> Any:
        ran.append(self.model_name)
        return await ours(self, *args, **kwargs)

    theirs.__wrapped__ = ours  # type: ignore[attr-defined]  # as functools.wraps leaves it
    calls.sdk.TemporalStreamingModel.get_response = theirs
    assert await answer() == TOKENS
    assert ran == ["gpt-4o"]

    removed = remove_patch()
    assert in_the_class() is theirs
    assert not removed.named("patched")
    ran.clear()
    assert await answer() == UNPATCHED
    assert ran == ["gpt-4o"]

    apply_patch()
    assert in_the_class() is theirs
    ran.clear()
    assert await answer() == TOKENS
    assert ran == ["gpt-4o"]


async def test_a_removed_wrapper_that_somebody_puts_back_only_passes_calls_on() -> None:
    apply_patch()
    ours = in_the_class()
    remove_patch()
    calls.sdk.TemporalStreamingModel.get_response = ours
    assert states() == {WITHOUT}
    assert await answer() == UNPATCHED


async def test_a_wrapper_that_hides_ours_is_not_wrapped_into_a_double_count() -> None:
    apply_patch()
    ours = in_the_class()

    async def theirs(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await ours(self, *args, **kwargs)

    calls.sdk.TemporalStreamingModel.get_response = theirs
    apply_patch()
    wire = Wire([completed()])
    result = await ask(make_model(wire.client()), conversation_id="conv_1")
    assert tokens(result.usage) == TOKENS
    assert len(wire.bodies) == 1
    assert wire.bodies[0]["conversation"] == "conv_1"
    remove_patch()
    calls.sdk.TemporalStreamingModel.get_response = theirs
    assert await answer() == UNPATCHED


async def test_a_call_under_way_ends_as_it_began_when_the_patch_is_removed() -> None:
    apply_patch()

    class Removing(Wire):
        async def _answer(self, request: Any) -> Any:
            remove_patch()
            return await super()._answer(request)

    wire = Removing([completed()])
    result = await ask(make_model(wire.client()), conversation_id="conv_1")
    assert tokens(result.usage) == TOKENS
    assert wire.bodies[0]["conversation"] == "conv_1"
    assert await answer() == UNPATCHED


async def test_applied_from_many_threads_at_once_there_is_one_wrapper() -> None:
    original = in_the_class()
    together = threading.Barrier(8)
    found = []

    def apply() -> None:
        together.wait()
        found.append((apply_patch().complete, in_the_class()))

    threads = [threading.Thread(target=apply) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [(True, in_the_class())] * 8
    assert getattr(in_the_class(), "__wrapped__", in_the_class()) is original
    assert await answer() == TOKENS


def test_what_was_applied_is_logged_once_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
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


def test_switched_off_by_the_environment_it_only_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    original = in_the_class()
    monkeypatch.setenv("AGENTEX_USAGE_PATCH_DISABLED", "1")
    observed = apply_patch(strict=True)
    assert in_the_class() is original
    assert "AGENTEX_USAGE_PATCH_DISABLED is set" in observed.summary
    assert {fix.state for fix in observed.fixes} == {WITHOUT}
    assert [each.getMessage() for each in caplog.records] == [observed.summary]


@pytest.mark.parametrize("value", ["", "0", "false", "False", "NO", "off", " no "])
async def test_a_switch_that_says_no_leaves_it_on(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTEX_USAGE_PATCH_DISABLED", value)
    assert apply_patch().complete
    assert await answer() == TOKENS


@pytest.mark.parametrize("value", ["1", "true", "TRUE", "yes", "on", "please"])
def test_a_switch_that_says_yes_or_something_else_turns_it_off(
    value: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    original = in_the_class()
    monkeypatch.setenv("AGENTEX_USAGE_PATCH_DISABLED", value)
    observed = apply_patch()
    assert in_the_class() is original
    *warned, summary = [each.getMessage() for each in caplog.records]
    assert summary == observed.summary
    assert len(warned) == (value == "please")
    assert all(each.endswith("no or off: taken as 1") for each in warned)


class NoMethod:
    """A model class of some future release that works otherwise."""


def test_strict_raises_with_the_status_when_a_fix_is_not_in_place(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(calls.sdk, "TemporalStreamingModel", NoMethod)
    with pytest.raises(AgentexUsagePatchError) as error:
        apply_patch(strict=True)
    observed = error.value.status
    assert observed == status()
    # Who, where, what was found, what to do.
    assert str(error.value) == (
        f"agentex-usage-patch looked at {_upstream.MODULE}.TemporalStreamingModel.get_response. "
        f"{observed.summary} {observed.advice}"
    )
    assert "TemporalStreamingModel.get_response was not found" in observed.summary
    assert not observed.complete
    elsewhere = pickle.loads(pickle.dumps(error.value))
    assert (str(elsewhere), elsewhere.status) == (str(error.value), observed)
    lenient = apply_patch()
    assert lenient == observed
    assert [each.levelno for each in caplog.records] == [logging.WARNING]
    monkeypatch.undo()
    assert apply_patch(strict=True).complete
