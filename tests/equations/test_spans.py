"""The span of a call: it gets the usage, and otherwise stays as it was; it costs no answer."""

from __future__ import annotations

import contextlib
import logging
from typing import Any

import pytest

from agentex_usage_patch import _upstream, apply_patch
from agentex_usage_patch._patching.call import Call
from agentex_usage_patch._patching.model import Tracer
from agentex_usage_patch._patching.usage import NO_TOKENS

from .. import calls
from ..calls import AFFECTED, make_model, tokens
from ..clients import TOKENS, Recording, ask, event, ours

pytestmark = pytest.mark.body


def fail(*_: Any, **__: Any) -> Any:
    raise LookupError("not for anybody's eyes")


async def test_other_spans_of_the_tracer_are_left_alone() -> None:
    seen: list[Any] = []

    original = calls.sdk.TemporalStreamingModel.get_response

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        async with self.tracer.trace("id").span(name="somebody's", input={}) as span:
            result = await original(self, *args, **kwargs)
            seen.append(span)
        return result

    calls.sdk.TemporalStreamingModel.get_response = get_response
    apply_patch()
    real = make_model(Recording(event()))
    await ask(real)
    theirs, upstreams = real.tracer.spans
    assert seen[-1] is theirs
    assert theirs.output is None
    assert upstreams.output["usage"]["input_tokens"] == TOKENS[0]


async def test_a_span_that_is_not_recorded_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    class Off(calls.Tracer):
        @contextlib.asynccontextmanager
        async def span(self, **opened: Any) -> Any:  # type: ignore[override]  # a span of nothing
            yield None

    apply_patch()
    model = make_model(Recording(event()))
    model.tracer = Off()
    result = await ask(model)
    assert tokens(result.usage) == TOKENS
    assert ours(caplog) == []


async def test_a_span_given_by_position_gets_the_usage_too() -> None:
    # No release does so; a tracer's parameters are its own affair all the same.
    call = Call(frozenset(_upstream.FIXES), {})
    tracer = calls.Tracer()

    class Positional:
        def trace(self, trace_id: str) -> Any:
            return self

        def span(self, name: str) -> Any:
            return tracer.span(name=name)

    async with Tracer(Positional(), call).trace("id").span(_upstream.SPAN):
        call.request({}, Recording())
    assert tracer.spans[0].output == {"usage": NO_TOKENS}


async def test_a_span_that_takes_no_more_output_costs_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Full(calls.Span):
        """A span that refuses usage, as one with a schema of its own may."""

        kept: Any = None

        @property
        def output(self) -> Any:
            return self.kept

        @output.setter
        def output(self, output: Any) -> None:
            if AFFECTED and "usage" in (output or {}):
                raise LookupError("not for anybody's eyes")
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
    assert [record.levelno for record in ours(caplog)] == [logging.WARNING] * AFFECTED
    for warning in ours(caplog):
        assert "adding usage to the span failed with LookupError" in warning.getMessage()
        assert "eyes" not in warning.getMessage()


async def test_a_span_whose_output_cannot_be_read_costs_nothing_either(
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
    for warning in ours(caplog):
        assert "adding usage to the span failed with LookupError" in warning.getMessage()
    assert len(ours(caplog)) == AFFECTED


async def test_a_span_that_keeps_its_output_as_text_is_left_with_upstreams() -> None:
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
    if before is None:  # 0.5.1 … 0.6.1 set none, so that there is nothing to lose
        assert after.startswith("{'usage': {")
    else:
        assert after == before
