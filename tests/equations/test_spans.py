"""The span of a call gets the usage and changes in nothing else; no span breaks a call."""

from __future__ import annotations

import contextlib
import logging
from typing import Any

import pytest

from agentex_usage_patch import _upstream, apply_patch
from agentex_usage_patch._patching.call.model import Tracer
from agentex_usage_patch._patching.call.state import Call
from agentex_usage_patch._patching.call.usage import NO_TOKENS

from .. import calls
from ..calls import AFFECTED, make_model, tokens
from ..clients import TOKENS, Recording, ask, event, package_log
from ..faults import MESSAGE, fail

pytestmark = pytest.mark.body


async def test_other_spans_of_the_tracer_are_unchanged() -> None:
    seen: list[Any] = []

    original = calls.sdk.TemporalStreamingModel.get_response

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        async with self.tracer.trace("id").span(name="third-party", input={}) as span:
            result = await original(self, *args, **kwargs)
            seen.append(span)
        return result

    calls.sdk.TemporalStreamingModel.get_response = get_response
    apply_patch()
    real = make_model(Recording(event()))
    await ask(real)
    third_party, upstream = real.tracer.spans
    assert seen[-1] is third_party
    assert third_party.output is None
    assert upstream.output["usage"]["input_tokens"] == TOKENS[0]


async def test_call_works_when_the_tracer_returns_no_span(caplog: pytest.LogCaptureFixture) -> None:
    class Off(calls.Tracer):
        @contextlib.asynccontextmanager
        async def span(self, **opened: Any) -> Any:  # type: ignore[override]  # yields None
            yield None

    apply_patch()
    model = make_model(Recording(event()))
    model.tracer = Off()
    result = await ask(model)
    assert tokens(result.usage) == TOKENS
    assert package_log(caplog) == []


async def test_span_with_a_positional_name_gets_the_usage() -> None:
    # Every release passes the name as a keyword; a tracer may still allow both.
    call = Call(frozenset(_upstream.FIXES), {})
    tracer = calls.Tracer()

    class Positional:
        def trace(self, trace_id: str) -> Any:
            return self

        def span(self, name: str) -> Any:
            return tracer.span(name=name)

    async with Tracer(Positional(), call).trace("id").span(_upstream.SPAN):
        call.prepare({}, Recording())
    assert tracer.spans[0].output == {"usage": NO_TOKENS}


async def test_span_that_refuses_usage_does_not_break_the_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Full(calls.Span):
        """A span that refuses usage, as a span with its own schema may."""

        kept: Any = None

        @property
        def output(self) -> Any:
            return self.kept

        @output.setter
        def output(self, output: Any) -> None:
            if AFFECTED and "usage" in (output or {}):
                fail()
            self.kept = output

    class FullTracer(calls.Tracer):
        def span(self, **opened: Any) -> Any:
            self.spans.append(Full(opened))
            return self.spans[-1]

    apply_patch()
    client = Recording(event())
    model = make_model(client)
    model.tracer = FullTracer()
    result = await ask(model)
    assert tokens(result.usage) == TOKENS
    assert len(client.requests) == 1
    (span,) = model.tracer.spans
    assert span.raised is None and span.output_at_exit == span.kept
    assert [record.levelno for record in package_log(caplog)] == [logging.WARNING] * AFFECTED
    for warning in package_log(caplog):
        assert "adding usage to the span failed with LookupError" in warning.getMessage()
        assert MESSAGE not in warning.getMessage()


async def test_span_with_unreadable_output_does_not_break_the_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class WriteOnly(calls.Span):
        written: Any = None
        output = property(fail, lambda self, output: setattr(self, "written", output))

        async def __aexit__(self, *raised: Any) -> None:
            return None

    class WritingTracer(calls.Tracer):
        def span(self, **opened: Any) -> Any:
            return WriteOnly(opened)

    apply_patch()
    model = make_model(Recording(event()))
    model.tracer = WritingTracer()
    result = await ask(model)
    assert tokens(result.usage) == TOKENS
    for warning in package_log(caplog):
        assert "adding usage to the span failed with LookupError" in warning.getMessage()
    assert len(package_log(caplog)) == AFFECTED


async def test_span_that_stores_text_keeps_upstreams_output() -> None:
    class TextSpan(calls.Span):
        text: Any = None
        output = property(
            lambda self: self.text,
            lambda self, output: setattr(self, "text", output and repr(output)),
        )

    class TextTracer(calls.Tracer):
        def span(self, **opened: Any) -> Any:
            self.spans.append(TextSpan(opened))
            return self.spans[-1]

    async def output() -> Any:
        model = make_model(Recording(event()))
        model.tracer = TextTracer()
        await ask(model)
        (span,) = model.tracer.spans
        return span.output_at_exit

    before = await output()
    apply_patch()
    after = await output()
    if before is None:  # 0.5.1 … 0.6.1 set no output, so the patch may add one
        assert after.startswith("{'usage': {")
    else:
        assert after == before
