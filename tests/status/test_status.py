"""The status: what was observed of the SDK and the patch, and how."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import pytest

from agentex_usage_patch import _upstream, apply_patch, remove_patch, status
from agentex_usage_patch._patching import install
from agentex_usage_patch._patching.probe import loop
from agentex_usage_patch._patching.probe.observe import Observation
from agentex_usage_patch._patching.status import describe
from agentex_usage_patch._upstream import FIXES

from .. import calls
from ..calls import AFFECTED, make_model, tokens
from ..clients import TOKENS, Recording, ask, event

pytestmark = [pytest.mark.body, pytest.mark.companions]

SEEN = "seen when get_response was run against stubs"


def evidence(observed: Any) -> str:
    """Return the evidence that all fixes have in common."""
    (common,) = {fix.evidence for fix in observed.fixes}
    return str(common)


def test_every_fix_has_its_state_and_evidence() -> None:
    version = _upstream.sdk_version()
    before = status()
    assert [fix.name for fix in before.fixes] == list(FIXES)
    assert before.sdk_version == version
    assert before.model == f"{_upstream.MODULE}.TemporalStreamingModel.get_response"
    assert before.model_file == calls.sdk.__file__
    if AFFECTED:
        assert before.named("missing") == FIXES
        assert evidence(before) == f"not {SEEN}; release {version} lacks it"
        assert not before.complete
    applied = apply_patch()
    assert applied.named("patched" if AFFECTED else "native") == FIXES
    assert evidence(applied) == SEEN
    assert applied.complete
    assert status() == applied
    json.dumps(asdict(applied))


class Partial:
    """An in-house patch that corrects results and forwards no field."""

    async def get_response(self, *args: Any, **kwargs: Any) -> Any:
        forwarded = {"previous_response_id", "conversation_id", "prompt"}
        model: Any = self
        stream = await model.client.responses.create(model=model.model_name, input="", stream=True)
        async for each in stream:
            response = each.response
        calls.sdk.logger.debug("%s answered at %s", response.model, response.created_at)
        assert forwarded <= kwargs.keys()
        usage = response.usage
        return calls.sdk.ModelResponse(
            output=[*response.output],
            usage=calls.sdk.Usage(
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                total_tokens=usage.total_tokens,
                input_tokens_details=calls.sdk.InputTokensDetails(
                    cached_tokens=dict(usage.input_tokens_details)["cached_tokens"]
                ),
                output_tokens_details=calls.sdk.OutputTokensDetails(
                    reasoning_tokens=dict(usage.output_tokens_details)["reasoning_tokens"]
                ),
            ),
            response_id=response.id,
        )


def other_body(monkeypatch: pytest.MonkeyPatch, body: Any) -> None:
    """Replace the body of `get_response`."""
    monkeypatch.setattr(calls.sdk.TemporalStreamingModel, "get_response", body)


async def test_only_the_fixes_that_an_in_house_patch_lacks_are_applied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other_body(monkeypatch, Partial.get_response)
    before = status()
    assert before.named("native") == ("usage", "response_id")
    applied = apply_patch()
    by_name = {fix.name: fix for fix in applied.fixes}
    for name in ("usage", "response_id"):
        assert by_name[name].state == "native"
        though = (
            f", although release {_upstream.sdk_version()} lacks it; "
            f"it goes through tests.status.test_status.Partial.get_response ({__file__}:"
        )
        assert by_name[name].evidence.startswith(SEEN + (though if AFFECTED else ""))
    # It opens no span, so there is none to put the usage into.
    assert by_name["span_usage"].state == "missing"
    assert applied.named("patched") == FIXES[3:]
    assert "usage, response_id native" not in applied.summary
    assert applied.summary.startswith(f"agentex-sdk {_upstream.sdk_version()}: span_usage missing")
    client = Recording(event())
    result = await ask(make_model(client), conversation_id="conv_1")
    assert tokens(result.usage) == TOKENS
    assert client.requests[0]["conversation"] == "conv_1"


def test_wrapper_over_a_removed_patch_is_reported_as_native(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    apply_patch()

    class Wrapping(Partial):
        async def get_response(self, *args: Any, **kwargs: Any) -> Any:
            return await Partial.get_response(self, *args, **kwargs)

    body: Any = Wrapping.get_response
    body.__wrapped__ = calls.sdk.TemporalStreamingModel.__dict__["get_response"]
    other_body(monkeypatch, body)
    removed = remove_patch()
    assert removed.named("native") == ("usage", "response_id")
    assert removed.named("missing") == FIXES[2:]


async def test_in_house_patch_of_the_result_is_completed() -> None:
    original = calls.sdk.TemporalStreamingModel.get_response

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = await original(self, *args, **kwargs)
        result.response_id = event().response.id
        return result

    calls.sdk.TemporalStreamingModel.get_response = get_response
    applied = apply_patch()
    client = Recording(event())
    result = await ask(make_model(client), previous_response_id="resp_abcdef123456")
    assert tokens(result.usage) == TOKENS
    assert result.response_id == event().response.id
    assert client.requests[0]["previous_response_id"] == "resp_abcdef123456"
    # The probe's response has an id of its own, which this patch would not return.
    assert applied.named("patched" if AFFECTED else "native", "patched") == FIXES


def test_version_decides_if_a_wrapper_cannot_be_observed() -> None:
    original = calls.sdk.TemporalStreamingModel.get_response

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        assert self.name_of_a_real_model
        return await original(self, *args, **kwargs)

    calls.sdk.TemporalStreamingModel.get_response = get_response
    applied = apply_patch()
    assert applied.named("unknown") == FIXES
    lacks = "lacks it" if AFFECTED else "is not one of those that lack it (<0.10.5,>=0.5.1)"
    assert evidence(applied) == (
        f"running it raised AttributeError; release {applied.sdk_version} {lacks}"
    )
    assert "could not be observed" in applied.summary
    in_the_class = vars(calls.sdk.TemporalStreamingModel)["get_response"]
    assert (in_the_class is get_response) is not AFFECTED


async def test_body_that_never_ends_is_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left: list[str] = []

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:  # and not GeneratorExit, when it is collected
            left.append("left")
            raise

    monkeypatch.setattr(loop, "LIMIT", 0.1)

    other_body(monkeypatch, get_response)
    observed = status()
    assert "running it took longer than" in evidence(observed)
    assert left == ["left"]


@pytest.mark.parametrize(
    "found", [None, 7, property(lambda self: None), staticmethod(print), classmethod(print)]
)
def test_attribute_that_is_not_a_method_is_not_wrapped(
    found: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls.sdk.TemporalStreamingModel, "get_response", found)
    applied = apply_patch()
    assert vars(calls.sdk.TemporalStreamingModel)["get_response"] is found
    assert applied.named("unknown") == FIXES


def test_a_status_that_fails_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise LookupError

    monkeypatch.setattr(install, "describe", fail)
    assert "failed (LookupError): whether agentex-sdk is patched is unknown." in status().summary


def test_object_in_place_of_the_class_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls.sdk, "TemporalStreamingModel", SimpleNamespace())
    assert "was not found" in apply_patch().summary
    assert "was not found" in remove_patch().summary


def test_summary_names_patched_and_native_fixes() -> None:
    seen = Observation(working=frozenset(FIXES), applied=frozenset(FIXES[:2]))
    mixed = describe(seen, model_file="model.py", wanted=True)
    assert mixed.complete
    assert mixed.summary.startswith(
        f"agentex-sdk {mixed.sdk_version}: usage, response_id patched, {', '.join(FIXES[2:])} "
        "native; remove this package after an upgrade to 0.10.5 or later."
    )


def test_a_release_with_every_fix_needs_no_patch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_upstream, "sdk_version", lambda: _upstream.FIXED_IN)
    monkeypatch.setattr(_upstream, "breaking_companions", list)
    native = describe(Observation(working=frozenset(FIXES)), model_file="model.py", wanted=True)
    assert native.named("native") == FIXES
    assert evidence(native) == SEEN
    assert native.summary == (
        "agentex-sdk 0.10.5: it has every fix, nothing is replaced; "
        "remove this package: delete its two lines, then pip uninstall agentex-usage-patch."
    )
    assert native.advice.startswith("Nothing is needed here: remove this package")


def test_another_patch_that_provides_every_fix_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_upstream, "sdk_version", lambda: "0.10.4")
    monkeypatch.setattr(_upstream, "breaking_companions", list)
    native = describe(
        Observation(working=frozenset(FIXES)),
        model_file="model.py",
        wanted=True,
        third_party=["app.fix.get_response (fix.py:3)"],
    )
    assert native.summary == (
        "agentex-sdk 0.10.4: another patch provides every fix, nothing is replaced."
    )
    assert evidence(native).endswith("it goes through app.fix.get_response (fix.py:3)")
    assert native.advice == "Remove that patch to use this package, or remove this package."
