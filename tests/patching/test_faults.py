"""Whatever step of ours fails, the call answers as agentex-sdk made it, and one line says so."""

from __future__ import annotations

import inspect
import logging
from typing import Any

import pytest

from agentex_usage_patch import (
    _upstream,
    apply_patch,
)
from agentex_usage_patch._patching import call

from .. import calls
from ..calls import AFFECTED, make_model, tokens
from ..clients import TOKENS, Recording, ask, event, ours, typed
from ..wire import completed, text

pytestmark = pytest.mark.body

#: What an unpatched call counts, where the model's usage cannot be known.
LOST = [0] * 5 if AFFECTED else TOKENS
OUTPUT = event().response.output


def fail(*_: Any, **__: Any) -> Any:
    raise LookupError("not for anybody's eyes")


async def answered(model: Any) -> tuple[Any, list[Any]]:
    """Make a call, and return its result and what was streamed to the user."""
    with calls.messages() as streamed:
        result = await model.get_response(**calls.arguments(conversation_id="conv_1"))
    return result, streamed.seen


async def streaming() -> tuple[list[Any], list[Any]]:
    """Return the events of a streamed text, and what the user sees of them unpatched."""
    events = await typed(*text("Hello ", "world"), completed())
    _, streamed = await answered(make_model(Recording(*events)))
    assert [each[0] for each in streamed].count("update") >= 2
    return events, streamed


class Refusing(type):
    """A class that cannot be asked what its instances are."""

    def __instancecheck__(cls, instance: Any) -> bool:
        raise LookupError("not for anybody's eyes")


class Unaskable(metaclass=Refusing):
    pass


#: Step → what of ours is broken, with what, and what the call counts then.
STEPS = {
    "preparing the call": ("forwarded_fields", fail, LOST),
    "adding the forwarded fields to the request": ("with_fields", fail, TOKENS),
    "reading an event": ("ResponseCompletedEvent", Unaskable, LOST),
    "reading the usage": ("read_tokens", fail, [0] * 5 if AFFECTED else TOKENS),
    "correcting the result": ("fill", fail, LOST),
}


@pytest.mark.parametrize("step", STEPS)
async def test_a_step_that_fails_costs_neither_the_answer_nor_a_second_request(
    step: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    events, unpatched = await streaming()
    apply_patch()
    name, broken, counted = STEPS[step]
    monkeypatch.setattr(call, name, broken)
    caplog.set_level(logging.DEBUG, logger="agentex_usage_patch")
    client = Recording(*events)
    model = make_model(client)
    for count in (1, 2):
        result, streamed = await answered(model)
        assert result.output == OUTPUT
        assert streamed == unpatched
        assert tokens(result.usage) == counted
        assert len(client.requests) == count
    if not AFFECTED:  # nothing of ours runs
        assert ours(caplog) == []
        return
    warning, *again = ours(caplog)
    assert warning.levelno == logging.WARNING
    assert {each.levelno for each in again} == {logging.DEBUG}
    assert warning.getMessage().startswith(f"{step} failed with LookupError")
    assert "eyes" not in caplog.text
    assert "2 times" in again[0].getMessage()


@pytest.mark.parametrize("step", STEPS)
async def test_an_error_of_the_server_has_no_context_of_ours(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refused(Recording):
        async def create(self, **request: Any) -> Any:
            raise ConnectionError("refused")

    apply_patch()
    name, broken, _ = STEPS[step]
    monkeypatch.setattr(call, name, broken)
    with pytest.raises(ConnectionError) as raised:
        await ask(make_model(Refused()), conversation_id="conv_1")
    assert raised.value.__context__ is None


@pytest.mark.parametrize("odd", [12345, 1.5, True, ["resp_1"], {"id": "resp_1"}])
async def test_an_id_that_is_no_string_counts_as_none(
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
    (warning,) = ours(caplog)
    assert warning.getMessage() == (
        f"the model server's response id is of type {type(odd).__name__} and counts as none"
    )


async def test_an_id_of_a_subclass_of_str_is_kept() -> None:
    class Identifier(str):
        __slots__ = ()

    apply_patch()
    result = await ask(make_model(Recording(event(id=Identifier("resp_kept")))))
    assert result.response_id == "resp_kept"


class Touchy(calls.Span):
    """A span that lets only the body touch its output."""

    touched = "set"

    @property
    def output(self) -> Any:
        if self.touched == "read":
            raise LookupError("not for anybody's eyes")
        return vars(self).get("kept")

    @output.setter
    def output(self, output: Any) -> None:
        if self.touched == "set" and AFFECTED and "usage" in (output or {}):
            raise LookupError("not for anybody's eyes")
        self.kept = output

    async def __aexit__(self, *raised: Any) -> None:
        self.left = raised


@pytest.mark.parametrize("touched", ["read", "set"])
async def test_a_span_that_cannot_be_touched_costs_nothing(
    touched: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    events, unpatched = await streaming()
    apply_patch()
    monkeypatch.setattr(Touchy, "touched", touched)
    monkeypatch.setattr(calls, "Span", Touchy)
    client = Recording(*events)
    model = make_model(client)
    result, streamed = await answered(model)
    assert streamed == unpatched
    assert (tokens(result.usage), result.output) == (TOKENS, OUTPUT)
    assert len(client.requests) == 1
    (span,) = model.tracer.spans
    assert span.left == (None, None, None)
    assert [each.getMessage().partition(" with ")[0] for each in ours(caplog)] == [
        "adding usage to the span failed"
    ] * AFFECTED


async def test_a_create_whose_signature_cannot_be_read_is_called_as_it_was(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Unread(Recording):
        async def create(self, **request: Any) -> Any:
            return await super().create(**request)

    events, unpatched = await streaming()
    apply_patch()
    monkeypatch.setattr(inspect, "signature", fail)
    client = Unread(*events)
    result, streamed = await answered(make_model(client))
    assert streamed == unpatched
    assert tokens(result.usage) == TOKENS
    assert len(client.requests) == 1
    if not AFFECTED:
        assert ours(caplog) == []
        return
    (warning,) = ours(caplog)
    assert warning.getMessage().startswith("adding the forwarded fields to the request failed")


def answering(result: Any) -> None:
    """Put somebody's wrapper in the class that answers from a cache: no request is made."""

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        async with self.tracer.trace("id").span(name=_upstream.SPAN) as span:
            span.output = {"from": "cache"}
        return result

    calls.sdk.TemporalStreamingModel.get_response = get_response
    apply_patch()


async def test_a_call_that_makes_no_request_keeps_its_result_and_its_span() -> None:
    cached = await ask(make_model(Recording(event())))
    before = (tokens(cached.usage), cached.response_id)
    answering(cached)
    model = make_model(Recording())
    assert await ask(model) is cached
    assert (tokens(cached.usage), cached.response_id) == before
    (span,) = model.tracer.spans
    assert span.output_at_exit == {"from": "cache"}


async def test_a_result_that_somebody_has_instead_of_a_failed_stream_is_theirs() -> None:
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


def returning(result: Any) -> None:
    """Put somebody's wrapper in the class that returns something else."""
    original = calls.sdk.TemporalStreamingModel.get_response

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        await original(self, *args, **kwargs)
        return result

    calls.sdk.TemporalStreamingModel.get_response = get_response


@pytest.mark.parametrize("result", [None, "text", ("a", "tuple")])
async def test_a_result_of_another_shape_is_handed_on(
    result: Any, caplog: pytest.LogCaptureFixture
) -> None:
    returning(result)
    apply_patch()
    client = Recording(event())
    assert await ask(make_model(client)) is result
    assert len(client.requests) == 1
    assert [each.getMessage().partition(";")[0] for each in ours(caplog)] == [
        "correcting the result failed with AttributeError"
    ] * AFFECTED


async def test_what_the_probe_stumbles_over_is_neither_logged_nor_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    returning(None)
    caplog.set_level(logging.DEBUG, logger="agentex_usage_patch")
    apply_patch()
    assert ours(caplog) == []
    await ask(make_model(Recording(event())))
    assert [record.levelno for record in ours(caplog)] == [logging.WARNING] * AFFECTED


async def test_a_log_handler_that_fails_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    apply_patch()
    handled = []

    class Failing(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            handled.append(record)
            raise OSError("disk full")

    logger = logging.getLogger("agentex_usage_patch")
    monkeypatch.setattr(logger, "handlers", [Failing()])
    client = Recording(event(usage=7, id="resp_of_odd_usage"))
    model = make_model(client)
    if not AFFECTED:
        with pytest.raises(AttributeError):
            await ask(model)
        return
    result = await ask(model, previous_response_id="resp_0a1b2c3d")
    assert result.response_id == "resp_of_odd_usage"
    assert len(handled) == 2
    assert len(client.requests) == 1


async def test_usage_that_is_a_plain_mapping_is_read(caplog: pytest.LogCaptureFixture) -> None:
    # As duck-typed clients return it; 0.10.5 wants attributes.
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
    (warning,) = ours(caplog)
    assert "output_tokens_details.reasoning_tokens" in warning.getMessage()
