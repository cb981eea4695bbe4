"""A process with tracers in it: what they and a call say of each other, as one JSON line.

``python -m tests.company TRACERS ORDER``: tracers joined by ``+``; ORDER is ``without``,
``before`` (ours, then theirs) or ``after``.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import re
import sys
from collections.abc import Callable
from typing import Any

import httpx

#: What happened, in order: events read, bodies closed, spans ended, calls over.
happened: list[Any] = []


class OnEnd:
    """An OpenTelemetry span processor that keeps each span of a tracer when it ends."""

    def __init__(self, tracer: str) -> None:
        self._tracer = tracer

    def on_start(self, *_: Any, **__: Any) -> None: ...

    def _on_ending(self, *_: Any) -> None: ...

    def on_end(self, span: Any) -> None:
        attributes = {name: str(value) for name, value in (span.attributes or {}).items()}
        events = [each.name for each in span.events]
        happened.append([self._tracer, span.name, attributes, span.status.status_code.name, events])

    def shutdown(self) -> None: ...

    def force_flush(self, *_: Any) -> bool:
        return True


def _provider(tracer: str) -> Any:
    from opentelemetry.sdk.trace import TracerProvider

    provider = TracerProvider()
    provider.add_span_processor(OnEnd(tracer))
    return provider


def ddtrace() -> None:
    import ddtrace

    ddtrace.patch(openai=True)
    ddtrace_run()


def ddtrace_run() -> None:
    """``ddtrace-run`` has patched already, before anything of the worker ran."""
    from ddtrace._trace.processor import SpanProcessor

    class Keep(SpanProcessor):  # type: ignore[misc,unused-ignore]  # Any without ddtrace
        def on_span_start(self, span: Any) -> None: ...

        def on_span_finish(self, span: Any) -> None:
            tags = {name: str(value) for name, value in span.get_tags().items()}
            happened.append(["ddtrace", span.name, tags, span.resource, span.error])

    Keep().register()


def openinference() -> None:
    from openinference.instrumentation.openai import OpenAIInstrumentor
    from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor

    # On a conflict of versions it would log, and not be there.
    options = {"tracer_provider": _provider("openinference"), "raise_exception_on_conflict": True}
    OpenAIInstrumentor().instrument(**options)
    OpenAIAgentsInstrumentor().instrument(**options)


def sentry() -> None:
    import sentry_sdk
    from sentry_sdk.integrations.openai import OpenAIIntegration
    from sentry_sdk.integrations.openai_agents import OpenAIAgentsIntegration
    from sentry_sdk.tracing import Span

    sentry_sdk.init(
        dsn="http://key@127.0.0.1:9/1",
        traces_sample_rate=1.0,
        send_default_pii=True,
        transport=lambda _: None,
        integrations=[OpenAIIntegration(), OpenAIAgentsIntegration()],
    )
    finish = Span.finish

    def keep(span: Any, *args: Any, **kwargs: Any) -> Any:
        held = {name: str(value) for name, value in span._data.items()}
        # Its spans of connections and processes do not show that it sees the call.
        tracer = "sentry" if span.op.startswith("gen_ai") else "sentry's others"
        happened.append([tracer, span.op, held, span.status])
        return finish(span, *args, **kwargs)

    Span.finish = keep
    sentry_sdk.start_transaction(name="test").__enter__()


def logfire() -> None:
    import logfire

    logfire.configure(
        send_to_logfire=False, console=False, additional_span_processors=[OnEnd("logfire")]
    )
    # By default it silences OpenInference beneath it.
    logfire.instrument_openai(suppress_other_instrumentation=False)
    logfire.instrument_openai_agents()


def langfuse() -> None:
    import langfuse

    langfuse.Langfuse(
        public_key="pk-lf-test",
        secret_key="sk-lf-test",
        base_url="http://127.0.0.1:9",
        tracer_provider=_provider("langfuse"),
    )
    importlib.import_module("langfuse.openai")


def traceloop() -> None:
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    options = {"tracer_provider": _provider("traceloop"), "raise_exception_on_conflict": True}
    OpenAIInstrumentor().instrument(**options)


TRACERS: dict[str, Callable[[], None]] = {
    each.__name__: each
    for each in (ddtrace, ddtrace_run, openinference, sentry, logfire, langfuse, traceloop)
}


def start(tracers: str) -> None:
    for name in tracers.split("+"):
        if name != "none":
            TRACERS[name]()


def run(tracers: str, order: str) -> dict[str, Any]:
    """Start the tracers and ours in this order, and make a call that ends in each way."""
    import agentex_usage_patch

    if order == "before":
        agentex_usage_patch.apply_patch()
    start(tracers)
    from . import calls

    if order == "after":
        agentex_usage_patch.apply_patch()
    for name in ("streaming_task_id", "streaming_trace_id", "streaming_parent_span_id"):
        getattr(calls.sdk, name).set("id")
    said: dict[str, Any] = {"states": sorted({f.state for f in agentex_usage_patch.status().fixes})}
    for ending in (whole, cut, consumer_error, cancelled, chained):
        happened.clear()
        said[ending.__name__] = asyncio.run(ending())
        gc.collect()
        said[f"{ending.__name__} happened"] = _without_chance(happened)
    said["stream"] = asyncio.run(stream())
    return said


async def _call(wire: Any, **keywords: Any) -> dict[str, Any]:
    from . import calls

    model = calls.make_model(wire.client())
    said: dict[str, Any] = {}
    with calls.messages():
        try:
            result = await model.get_response(**calls.arguments(**keywords))
        except BaseException as error:
            said["raised"] = [type(error).__name__, str(error)]
            happened.append("call raised")
        else:
            said["usage"] = calls.tokens(result.usage)
            said["response_id"] = result.response_id
            happened.append("call over")
    (span,) = model.tracer.spans
    said["span"] = (span.output_at_exit or {}) if isinstance(span.output_at_exit, dict) else None
    said["bodies"] = wire.bodies
    said["closed"] = wire.closed
    await asyncio.sleep(0)
    happened.append("loop turned")
    return calls._without_invented(json.loads(json.dumps(said, default=str)))  # type: ignore[no-any-return]


def _wire(**options: Any) -> Any:
    from .wire import Wire, completed, text

    class Telling(Wire):
        async def _answer(self, request: httpx.Request) -> httpx.Response:
            answer = await super()._answer(request)
            answer.stream = _Telling(answer.stream)
            return answer

    return Telling([*text("Hello ", "world"), completed()], **options)


class _Telling(httpx.AsyncByteStream):
    def __init__(self, body: Any) -> None:
        self._body = body

    async def __aiter__(self) -> Any:
        async for chunk in self._body:
            happened.append("chunk")
            yield chunk

    async def aclose(self) -> None:
        happened.append("closed")
        await self._body.aclose()


async def whole() -> Any:
    return await _call(_wire())


async def chained() -> Any:
    return await _call(_wire(), previous_response_id="resp_abcdef123456", conversation_id="conv_1")


async def cut() -> Any:
    return await _call(_wire(cut_after=3))


async def consumer_error() -> Any:
    from . import calls

    async def refuse(*_: Any) -> None:
        raise RuntimeError("the user's stream is gone")

    message: Any = calls._Message
    kept = message.stream_update, message.__aenter__
    message.stream_update = message.__aenter__ = refuse
    try:
        return await _call(_wire())
    finally:
        message.stream_update, message.__aenter__ = kept


async def cancelled() -> Any:
    from .clients import Waiting
    from .wire import text

    wire = Waiting(text("Hello"))
    task = asyncio.create_task(_call(wire))
    silent = asyncio.create_task(wire.silent.wait())
    # A tracer that fails has ended the call already.
    await asyncio.wait([task, silent], return_when=asyncio.FIRST_COMPLETED)
    silent.cancel()
    task.cancel()
    return await task


async def stream() -> Any:
    """Look at the stream as the body of `get_response` meets it."""
    from openai import AsyncStream

    import agentex_usage_patch

    from . import calls

    seen: dict[str, Any] = {}

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        asked = {"model": "gpt-4o", "input": "Hi", "stream": True}
        events = await self.client.responses.create(**asked)
        seen["isinstance"] = isinstance(events, AsyncStream)
        async with events as entered:
            seen["types"] = [each.type async for each in entered]
        seen["close"] = await events.close()

    model_class: Any = calls.sdk.TemporalStreamingModel
    model_class.get_response = get_response
    if agentex_usage_patch._patch._wanted:
        agentex_usage_patch.apply_patch()
    with calls.messages():
        await calls.make_model(_wire().client()).get_response(**calls.arguments())
    return seen


def _without_chance(value: Any) -> Any:
    """Leave out what differs between two runs of the same: times, ids, addresses.

    And where logfire says it was called from: the first frame outside of site-packages,
    which is in this editable install ours.
    """
    text = json.dumps(value)
    text = re.sub(r'"(code\.\w+|thread\.id)": "[^"]*"', r'"\1": "…"', text)
    text = re.sub(r"took \d+\.\d+s", "took …", text)
    text = re.sub(r"\b\d+\.\d{4,}\b|0x[0-9a-f]+|\b1[67]\d{8,}\b|\b[0-9a-f]{16,32}\b", "…", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)?", "…", text)
    return json.loads(re.sub(r"\bresp_[0-9a-f]{8}\b", "invented", text))


if __name__ == "__main__":
    os.environ.setdefault("OPENAI_API_KEY", "sk-test")
    print(json.dumps(run(*sys.argv[1:])), flush=True)
    os._exit(0)  # their exporters wait for servers that are not there
