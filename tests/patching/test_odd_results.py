"""Unexpected ids, usage and results: a call returns what can be read, and raises nothing."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from agentex_usage_patch import _upstream, apply_patch

from .. import calls
from ..calls import AFFECTED, make_model, tokens
from ..clients import TOKENS, Recording, ask, event, package_log

pytestmark = pytest.mark.body


@pytest.mark.parametrize("odd", [12345, 1.5, True, ["resp_1"], {"id": "resp_1"}])
async def test_id_that_is_not_a_string_becomes_none(
    odd: Any, caplog: pytest.LogCaptureFixture
) -> None:
    apply_patch()
    model = make_model(Recording(event(id=odd)))
    if not AFFECTED:
        with pytest.raises(ValueError, match="string"):
            await ask(model)
        return
    for _ in range(2):
        result = await ask(model)
        assert (tokens(result.usage), result.response_id) == (TOKENS, None)
    (warning,) = package_log(caplog)
    assert warning.getMessage() == (
        f"the model server's response id is of type {type(odd).__name__} and counts as none"
    )


async def test_id_of_a_str_subclass_is_kept() -> None:
    class Identifier(str):
        __slots__ = ()

    apply_patch()
    result = await ask(make_model(Recording(event(id=Identifier("resp_kept")))))
    assert result.response_id == "resp_kept"


async def test_usage_in_a_dictionary_is_read(caplog: pytest.LogCaptureFixture) -> None:
    # Some third-party clients return dictionaries; 0.10.5 requires attributes.
    apply_patch()
    finished = event()
    finished.response.usage = {
        "input_tokens": 1, "output_tokens": "2", "total_tokens": 3.0,
        "input_tokens_details": {"cached_tokens": 4}, "output_tokens_details": {},
    }  # fmt: skip
    asked = ask(make_model(Recording(finished)))
    if not AFFECTED:
        with pytest.raises(AttributeError):
            await asked
        return
    assert tokens((await asked).usage) == [1, 2, 3, 4, 0]
    (warning,) = package_log(caplog)
    assert "output_tokens_details.reasoning_tokens" in warning.getMessage()


def patch_on_top_of_a_cache(result: Any) -> None:
    """Install a third-party wrapper that returns a cached result, then apply the patch."""

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        async with self.tracer.trace("id").span(name=_upstream.SPAN) as span:
            span.output = {"from": "cache"}
        return result

    calls.sdk.TemporalStreamingModel.get_response = get_response
    apply_patch()


async def test_call_without_a_request_keeps_its_result_and_its_span() -> None:
    cached = await ask(make_model(Recording(event())))
    before = (tokens(cached.usage), cached.response_id)
    patch_on_top_of_a_cache(cached)
    model = make_model(Recording())
    assert await ask(model) is cached
    assert (tokens(cached.usage), cached.response_id) == before
    (span,) = model.tracer.spans
    assert span.output_at_exit == {"from": "cache"}


async def test_result_that_replaces_a_failed_stream_is_unchanged() -> None:
    original = calls.sdk.TemporalStreamingModel.get_response
    instead = await ask(make_model(Recording(event())))
    instead.usage.total_tokens, instead.response_id = 7, "resp_of_another_request"

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return await original(self, *args, **kwargs)
        except ConnectionError:
            return instead

    class Cut(Recording):
        async def _stream(self) -> Any:
            raise ConnectionError
            yield

    calls.sdk.TemporalStreamingModel.get_response = get_response
    apply_patch()
    result = await ask(make_model(Cut()))
    assert result is instead
    assert (result.usage.total_tokens, result.response_id) == (7, "resp_of_another_request")


def replace_result(result: Any) -> None:
    """Install a third-party wrapper that returns this result instead of the original's."""
    original = calls.sdk.TemporalStreamingModel.get_response

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        await original(self, *args, **kwargs)
        return result

    calls.sdk.TemporalStreamingModel.get_response = get_response


@pytest.mark.parametrize("result", [None, "text", ("a", "tuple")])
async def test_result_of_another_type_is_returned_unchanged(
    result: Any, caplog: pytest.LogCaptureFixture
) -> None:
    replace_result(result)
    apply_patch()
    client = Recording(event())
    assert await ask(make_model(client)) is result
    assert len(client.requests) == 1
    assert [each.getMessage().partition(";")[0] for each in package_log(caplog)] == [
        "correcting the result failed with AttributeError"
    ] * AFFECTED


async def test_failures_during_the_probe_are_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    replace_result(None)
    caplog.set_level(logging.DEBUG, logger="agentex_usage_patch")
    apply_patch()
    assert package_log(caplog) == []
    await ask(make_model(Recording(event())))
    assert [record.levelno for record in package_log(caplog)] == [logging.WARNING] * AFFECTED
