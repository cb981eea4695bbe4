"""When a step of the patch fails, the call returns the original result and logs one line."""

from __future__ import annotations

import inspect
import logging
from typing import Any

import pytest

from agentex_usage_patch import apply_patch
from agentex_usage_patch._patching import wrapper
from agentex_usage_patch._patching.call import state

from .. import calls
from ..calls import AFFECTED, make_model, tokens
from ..clients import TOKENS, Recording, ask, event, package_log, typed
from ..faults import MESSAGE, fail
from ..wire import completed, text

pytestmark = pytest.mark.body

#: The tokens of a call when the step that fails loses the usage.
LOST = [0] * 5 if AFFECTED else TOKENS
OUTPUT = event().response.output


async def call_model(model: Any) -> tuple[Any, list[Any]]:
    """Make a call, and return its result and what it streams to the user."""
    with calls.messages() as streamed:
        result = await model.get_response(**calls.arguments(conversation_id="conv_1"))
    return result, streamed.seen


async def unpatched_stream() -> tuple[list[Any], list[Any]]:
    """Return the events of a text, and what the unpatched call streams to the user."""
    events = await typed(*text("Hello ", "world"), completed())
    _, streamed = await call_model(make_model(Recording(*events)))
    assert [each[0] for each in streamed].count("update") >= 2
    return events, streamed


class Refusing(type):
    """A class for which isinstance raises."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return bool(fail())


class Uncheckable(metaclass=Refusing):
    pass


#: Step → what is replaced (module, name), its replacement, and the tokens of the call.
STEPS: dict[str, tuple[Any, str, Any, list[int]]] = {
    "preparing the call": (wrapper, "Call", fail, LOST),
    "adding the forwarded fields to the request": (state, "add_fields", fail, TOKENS),
    "reading an event": (state, "ResponseCompletedEvent", Uncheckable, LOST),
    "reading the usage": (state, "read_tokens", fail, LOST),
    "correcting the result": (state, "fill", fail, LOST),
}


@pytest.mark.parametrize("step", STEPS)
async def test_failing_step_loses_no_answer_and_sends_no_second_request(
    step: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    events, unpatched = await unpatched_stream()
    apply_patch()
    module, name, broken, counted = STEPS[step]
    monkeypatch.setattr(module, name, broken)
    caplog.set_level(logging.DEBUG, logger="agentex_usage_patch")
    client = Recording(*events)
    model = make_model(client)
    for count in (1, 2):
        result, streamed = await call_model(model)
        assert result.output == OUTPUT
        assert streamed == unpatched
        assert tokens(result.usage) == counted
        assert len(client.requests) == count
    if not AFFECTED:  # the patch does not run
        assert package_log(caplog) == []
        return
    warning, *again = package_log(caplog)
    assert warning.levelno == logging.WARNING
    assert {each.levelno for each in again} == {logging.DEBUG}
    assert warning.getMessage().startswith(f"{step} failed with LookupError")
    assert MESSAGE not in caplog.text
    assert "2 times" in again[0].getMessage()


@pytest.mark.parametrize("step", list(STEPS)[:2])  # the others come after the server's answer
async def test_server_error_has_no_context_from_the_patch(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refused(Recording):
        async def create(self, **request: Any) -> Any:
            raise ConnectionError("refused")

    apply_patch()
    module, name, broken, _ = STEPS[step]
    monkeypatch.setattr(module, name, broken)
    with pytest.raises(ConnectionError) as raised:
        await ask(make_model(Refused()), conversation_id="conv_1")
    assert raised.value.__context__ is None


class RaisingSpan(calls.Span):
    """A span whose output raises when the patch reads or sets it."""

    raises_on = "set"

    @property
    def output(self) -> Any:
        if self.raises_on == "read":
            fail()
        return vars(self).get("kept")

    @output.setter
    def output(self, output: Any) -> None:
        if self.raises_on == "set" and AFFECTED and "usage" in (output or {}):
            fail()
        self.kept = output

    async def __aexit__(self, *raised: Any) -> None:
        self.exit_arguments = raised


@pytest.mark.parametrize("raises_on", ["read", "set"])
async def test_span_that_raises_does_not_break_the_call(
    raises_on: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    events, unpatched = await unpatched_stream()
    apply_patch()
    monkeypatch.setattr(RaisingSpan, "raises_on", raises_on)
    monkeypatch.setattr(calls, "Span", RaisingSpan)
    client = Recording(*events)
    model = make_model(client)
    result, streamed = await call_model(model)
    assert streamed == unpatched
    assert (tokens(result.usage), result.output) == (TOKENS, OUTPUT)
    assert len(client.requests) == 1
    (span,) = model.tracer.spans
    assert span.exit_arguments == (None, None, None)
    assert [each.getMessage().partition(" with ")[0] for each in package_log(caplog)] == [
        "adding usage to the span failed"
    ] * AFFECTED


async def test_create_is_called_unchanged_when_its_signature_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Unread(Recording):
        async def create(self, **request: Any) -> Any:
            return await super().create(**request)

    events, unpatched = await unpatched_stream()
    apply_patch()
    monkeypatch.setattr(inspect, "signature", fail)
    client = Unread(*events)
    result, streamed = await call_model(make_model(client))
    assert streamed == unpatched
    assert tokens(result.usage) == TOKENS
    assert len(client.requests) == 1
    if not AFFECTED:
        assert package_log(caplog) == []
        return
    (warning,) = package_log(caplog)
    assert warning.getMessage().startswith("adding the forwarded fields to the request failed")


async def test_failing_log_handler_does_not_break_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
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
