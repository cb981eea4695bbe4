"""Start tracers as their documentation says, and record each of their spans when it ends."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable
from typing import Any

#: Everything that happened, in order: chunks read, bodies closed, spans and calls ended.
happened: list[Any] = []


class OnEnd:
    """An OpenTelemetry span processor that records each span of a tracer when it ends."""

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

    ddtrace.patch(openai=True, openai_agents=True)
    ddtrace_run()


def ddtrace_run() -> None:
    """Record ddtrace's spans; ``ddtrace-run`` has patched before the worker's code runs."""
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

    # By default it only logs when versions conflict, and then does not trace.
    options = {"tracer_provider": _provider("openinference"), "raise_exception_on_conflict": True}
    OpenAIInstrumentor().instrument(**options)
    # By default it replaces the other tracers of agents.
    OpenAIAgentsInstrumentor().instrument(**options, exclusive_processor=False)


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
        # Spans of connections and processes do not prove that sentry traces the call.
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
    # By default it suppresses OpenInference.
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


def masked(value: Any) -> Any:
    """Mask what differs between two equal runs: times, ids, addresses.

    The source location that logfire records is masked too: it is the first frame outside
    site-packages, and this package is installed in editable mode.
    """
    text = json.dumps(value)
    text = re.sub(r'"(code\.\w+|thread\.id)": "[^"]*"', r'"\1": "…"', text)
    text = re.sub(r"\btrace_[0-9a-f]{32}\b", "…", text)
    text = re.sub(r"took \d+\.\d+s", "took …", text)
    text = re.sub(r"\b\d+\.\d{4,}\b|0x[0-9a-f]+|\b1[67]\d{8,}\b|\b[0-9a-f]{16,32}\b", "…", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)?", "…", text)
    return json.loads(re.sub(r"\bresp_[0-9a-f]{8}\b", "invented", text))
