"""The stand-ins of one call: the model, and what its `get_response` reaches from it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Self

from ..._upstream import SPAN, SPAN_USAGE
from ..log import log_failure
from .standin import StandIn
from .state import Call, Capture


class Model(StandIn):
    """`TemporalStreamingModel` with the client and the tracer of one call."""

    __slots__ = ()

    @property
    def client(self) -> Client:
        """The model's current client; it may be replaced during the call."""
        return Client(self._patch_target.client, self._patch_observer)

    @property
    def tracer(self) -> Tracer:
        """The model's current tracer."""
        return Tracer(self._patch_target.tracer, self._patch_observer)


class Client(StandIn):
    """The openai client with the ``responses`` of one call."""

    __slots__ = ()

    @property
    def responses(self) -> Responses:
        """The client's responses."""
        return Responses(self._patch_target.responses, self._patch_observer)


class Responses(StandIn):
    """``client.responses`` with a ``create`` that sends the forwarded fields."""

    __slots__ = ()

    async def create(self, /, *args: Any, **request: Any) -> Any:
        """Send the request with the forwarded fields, and return the observed stream."""
        # A third-party wrapper may use the client for other requests, or keep it.
        call, create = self._patch_observer, self._patch_target.create
        if not (call.open and request.get("stream")):
            return await create(*args, **request)
        capture = call.prepare(request, create)
        return Stream(await create(*args, **request), capture)


class Stream(StandIn):
    """A stream whose events are observed as the body reads them.

    Each iteration is a new generator over the real stream, so the real stream is closed by
    the same code and at the same time as without the patch.
    """

    __slots__ = ()

    async def __aiter__(self) -> AsyncIterator[Any]:
        capture = self._patch_observer
        skipped: set[type] = set()
        async for event in self._patch_target:
            if type(event) not in skipped:
                capture.observe(event, skipped)
            yield event

    async def __anext__(self) -> Any:
        event = await self._patch_target.__anext__()
        self._patch_observer.observe(event, set())
        return event

    async def __aenter__(self) -> Self:
        await self._patch_target.__aenter__()
        return self

    async def __aexit__(self, *raised: object) -> Any:
        return await self._patch_target.__aexit__(*raised)


class Tracer(StandIn):
    """The tracer with observed traces."""

    __slots__ = ()

    def trace(self, /, *args: Any, **kwargs: Any) -> Trace:
        """Return the tracer's trace, observed."""
        return Trace(self._patch_target.trace(*args, **kwargs), self._patch_observer)


class Trace(StandIn):
    """A trace that observes the span of `get_response`."""

    __slots__ = ()

    def span(self, /, *args: Any, **kwargs: Any) -> Any:
        """Return the context manager of a span; that of `get_response` adds the usage."""
        context = self._patch_target.span(*args, **kwargs)
        if kwargs.get("name") != SPAN and SPAN not in args[:1]:
            return context
        return SpanContext(context, self._patch_observer)


class SpanContext:
    """The context manager of the span: adds the usage to its output before the span ends.

    The usage is that of ``capture``, the stream requested within the span. Without one
    nothing is added.
    """

    capture: Capture | None = None
    _output_before: Any = None

    def __init__(self, context: Any, call: Call) -> None:
        self._context = context
        self._call = call

    async def __aenter__(self) -> Any:
        self._span = span = await self._context.__aenter__()
        self._call.span = self
        try:
            self._output_before = getattr(span, "output", None)
        except Exception as error:  # noqa: BLE001 - a third-party span can raise anything
            log_failure("adding usage to the span", error)
        return span

    def __aexit__(self, kind: Any, error: Any, traceback: Any) -> Any:
        call, capture = self._call, self.capture
        call.span = None
        if capture is not None and kind is None and SPAN_USAGE in call.fixes:
            try:
                span = self._span
                if span:
                    output = span.output
                    if isinstance(output, dict):
                        # A copy: the span's owner may change its own.
                        span.output = {**output, "usage": {**capture.read()}}
                    elif output is self._output_before:  # the body sets none
                        span.output = {"usage": {**capture.read()}}
            except Exception as ours:  # noqa: BLE001 - a third-party span can raise anything
                log_failure("adding usage to the span", ours)
        return self._context.__aexit__(kind, error, traceback)
