"""Measure what tracers cost on the same stream, each without the patch."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from typing import Any

from openai import AsyncOpenAI
from openai.resources.responses import AsyncResponses

from . import worker
from .rounds import cpu_time, interleave

EVENTS = 1_000
#: Enough for the interval of the differences, which is drawn. A round takes a second.
ROUNDS = 200

#: How many spans each tracer ended: one that sees nothing costs nothing.
ended: Counter[str] = Counter()


def ddtrace() -> None:
    """Start ddtrace's openai integration, which drops complete traces here."""
    os.environ.setdefault("DD_REMOTE_CONFIGURATION_ENABLED", "false")
    import ddtrace
    from ddtrace.trace import TraceFilter, tracer

    class Drop(TraceFilter):  # type: ignore[misc,unused-ignore]  # Any without ddtrace
        def process_trace(self, trace: Any) -> None:
            ended["ddtrace"] += 1

    tracer.configure(trace_processors=[Drop()])
    ddtrace.patch(openai=True)


def openinference() -> None:
    """Start OpenInference's openai instrumentation, without an exporter."""
    from openinference.instrumentation.openai import OpenAIInstrumentor
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

    class Drop(SpanProcessor):  # type: ignore[misc,unused-ignore]  # Any without it
        def on_end(self, span: Any) -> None:
            ended["openinference"] += 1

    provider = TracerProvider()
    provider.add_span_processor(Drop())
    OpenAIInstrumentor().instrument(tracer_provider=provider, raise_exception_on_conflict=True)


def traced_by(start: Callable[[], None]) -> Callable[[int], AsyncOpenAI]:
    """Start a tracer; return what makes clients with it in them, and in no others.

    What it put into the client's classes is moved into subclasses of them.
    """
    classes = (AsyncOpenAI, AsyncResponses)
    before = [dict(vars(each)) for each in classes]
    start()
    traced: list[Any] = []
    for each, names in zip(classes, before, strict=True):
        put = {name: value for name, value in vars(each).items() if names.get(name) is not value}
        traced.append(type(each.__name__, (each,), put))
        for name in put:
            if name in names:
                setattr(each, name, names[name])
            else:
                delattr(each, name)

    def make(count: int) -> AsyncOpenAI:
        client = worker.answered(count, traced[0])
        vars(client)["responses"] = traced[1](client)  # a property that keeps itself here
        return client

    return make


async def main() -> None:
    original, patched = worker.start()
    makers = {start.__name__: traced_by(start) for start in (ddtrace, openinference)}
    variants = {
        "original": worker.call(original, worker.answered(EVENTS)),
        "patched": worker.call(patched, worker.answered(EVENTS)),
        **{name: worker.call(original, make(EVENTS)) for name, make in makers.items()},
    }
    for name in makers:
        await variants[name]()
    assert set(ended) == set(makers), ended
    await interleave(f"client stream of {EVENTS} events", variants, cpu_time, rounds=ROUNDS)


if __name__ == "__main__":
    asyncio.run(main())
    os._exit(0)  # their exporters wait for servers that are not there
