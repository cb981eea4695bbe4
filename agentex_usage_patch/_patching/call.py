"""One patched call: the stand-ins that it is made through and what they observe."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Self

from openai.types.responses import ResponseCompletedEvent

from .._upstream import RESPONSE_ID, SPAN, SPAN_USAGE, USAGE
from .log import failed
from .request import forwarded_fields, is_empty, is_invented, text_or_none, with_fields
from .standin import StandIn
from .usage import NO_TOKENS, Tokens, fill, read_tokens


class Capture:
    """The last completed response of one stream, with its output items.

    ``tokens`` are its tokens once they are read, ``earlier`` is the capture of the stream
    before, of the same call. Contract: see `Call`.
    """

    response: Any = None
    items: Any = ()
    tokens: Tokens | None = None
    earlier: Capture | None = None

    def observe(self, event: Any, others: set[type]) -> None:
        """Remember the response of a completed event; note a type that never is one.

        An event is recognised by isinstance, since mocks and proxies only claim to be
        of the class. That is slow for pydantic's classes, so a type whose instances do
        not claim anything is asked once for each stream.
        """
        try:
            if isinstance(event, ResponseCompletedEvent):
                response = getattr(event, "response", None)
                if response is not None:
                    self.response = response
                    self.items = getattr(response, "output", None) or ()
            elif event.__class__ is type(event):
                others.add(type(event))
        except Exception as error:  # noqa: BLE001 - see the contract
            failed("reading an event", error)

    def read(self) -> Tokens:
        """Read the tokens of the last completed response, zeros when there was none."""
        try:
            self.tokens = read_tokens(getattr(self.response, "usage", None))
        except Exception as error:  # noqa: BLE001 - see the contract
            failed("reading the usage", error)
            self.tokens = NO_TOKENS
        return self.tokens


class Call:
    """Everything that the patch knows of one `get_response`, from its request to its result.

    A third-party wrapper beneath the patch may make several streams in one call. ``last``
    is the capture of the last one, and ``span`` the span that was entered last.

    Contract: no method raises, each leaves things as upstream's body made them when it
    fails, and says so once.
    """

    open = True
    last: Capture | None = None
    span: SpanContext | None = None

    def __init__(self, fixes: frozenset[str], kwargs: Mapping[str, Any]) -> None:
        self.fixes = fixes
        self.fields = forwarded_fields(fixes, kwargs)

    def request(self, request: dict[str, Any], responses: Any) -> dict[str, Any]:
        """Return the keywords for create, and begin a capture of its stream.

        It belongs to the span that was entered last: no body waits for anything between
        entering its span and its request, so calls side by side keep to their own.
        """
        capture = Capture()
        capture.earlier = self.last
        self.last = capture
        if self.span is not None:
            self.span.capture = capture
        try:
            return with_fields(request, self.fields, responses)
        except Exception as error:  # noqa: BLE001 - see the contract
            failed("adding the forwarded fields to the request", error)
            return request

    def finish(self, result: Any) -> Any:
        """Correct the result's usage and response_id in place, and return it.

        Only with the response that it is made of: what a third-party wrapper answered from
        elsewhere is returned as it came.
        """
        capture = self.last
        if capture is None:
            return result
        try:
            # Every body hands on the response's own items, in a list of its own.
            items = {*map(id, result.output)}
            while not (items and items.issubset(map(id, capture.items))):
                capture = capture.earlier
                if capture is None:
                    capture = self._without_items(result)
                    if capture is None:
                        return result
                    break
            if USAGE in self.fixes:
                fill(result.usage, capture.tokens or capture.read())
            if RESPONSE_ID in self.fixes:
                response_id = getattr(capture.response, "id", None)
                if response_id.__class__ is not str:
                    response_id = text_or_none(response_id)
                result.response_id = response_id
        except Exception as error:  # noqa: BLE001 - see the contract
            failed("correcting the result", error)
        return result

    def _without_items(self, result: Any) -> Capture | None:
        """Return the capture of a result that has no item of a response, where it is certain.

        The bodies make up an empty message where the response has no items, and hand on the
        items of other events where no response was completed. It is certain when no two
        streams without items differ, and the result is as the SDK makes it.
        """
        if USAGE in self.fixes and result.usage.total_tokens:
            return None
        if RESPONSE_ID in self.fixes and not is_invented(result.response_id):
            return None
        certain, capture = None, self.last
        while capture is not None:
            if not capture.items:
                if certain is not None and certain.response is not capture.response:
                    return None
                certain = capture
            capture = capture.earlier
        if certain is None or certain.response is None or is_empty(result.output):
            return certain
        return None


class Model(StandIn):
    """`TemporalStreamingModel` whose client and tracer are those of one call."""

    __slots__ = ()

    @property
    def client(self) -> Client:
        """The model's client as it is now, since it may be replaced during the call."""
        return Client(self._patch_target.client, self._patch_observer)

    @property
    def tracer(self) -> Tracer:
        """The model's tracer as it is now."""
        return Tracer(self._patch_target.tracer, self._patch_observer)


class Client(StandIn):
    """The openai client whose ``responses`` are those of one call."""

    __slots__ = ()

    @property
    def responses(self) -> Responses:
        """The client's responses."""
        return Responses(self._patch_target.responses, self._patch_observer)


class Responses(StandIn):
    """``client.responses`` whose ``create`` sends the forwarded fields."""

    __slots__ = ()

    async def create(self, /, *args: Any, **request: Any) -> Any:
        """Send the request with the forwarded fields, return the observed stream."""
        # Somebody's wrapper may use the client for a request of its own, or keep it.
        call = self._patch_observer
        if not (call.open and request.get("stream")):
            return await self._patch_target.create(*args, **request)
        request = call.request(request, self._patch_target)
        capture = call.last
        return Stream(await self._patch_target.create(*args, **request), capture)


class Stream(StandIn):
    """A stream of events that is observed as it is read.

    Each iteration is a generator of its own over the real stream, so what closes that
    one, and when, stays as it was without the patch.
    """

    __slots__ = ()

    async def __aiter__(self) -> AsyncIterator[Any]:
        capture = self._patch_observer
        others: set[type] = set()
        async for event in self._patch_target:
            if type(event) not in others:
                capture.observe(event, others)
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
    """The tracer whose traces are observed."""

    __slots__ = ()

    def trace(self, /, *args: Any, **kwargs: Any) -> Trace:
        """Return the tracer's trace, observed."""
        return Trace(self._patch_target.trace(*args, **kwargs), self._patch_observer)


class Trace(StandIn):
    """A trace that hands out the body's span in a `SpanContext`."""

    __slots__ = ()

    def span(self, /, *args: Any, **kwargs: Any) -> Any:
        """Return the ``async with`` of a span, observed if it is the body's."""
        context = self._patch_target.span(*args, **kwargs)
        if kwargs.get("name") != SPAN and SPAN not in args[:1]:
            return context
        return SpanContext(context, self._patch_observer)


class SpanContext:
    """The ``async with`` of a span that adds the usage to its output before the span ends.

    A body that sets no output gets one. The usage is that of ``capture``, of the stream that
    was requested in the span; without one nothing is added.
    """

    capture: Capture | None = None

    def __init__(self, context: Any, call: Call) -> None:
        self._context = context
        self._call = call

    async def __aenter__(self) -> Any:
        self._span = span = await self._context.__aenter__()
        self._call.span = self
        try:
            self._output_before = getattr(span, "output", None)
        except Exception as error:  # noqa: BLE001 - as in Call
            self._output_before = None
            failed("adding usage to the span", error)
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
                        # A copy: whoever gets the span may change it.
                        span.output = {**output, "usage": capture.read().copy()}
                    elif output is self._output_before:
                        span.output = {"usage": capture.read().copy()}
            except Exception as ours:  # noqa: BLE001 - as in Call
                failed("adding usage to the span", ours)
        return self._context.__aexit__(kind, error, traceback)
