"""One patched call: the stand-ins that it is made through and what they observe."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Self

from openai.types.responses import ResponseCompletedEvent

from ._log import failed
from ._request import forwarded_fields, is_invented, with_fields
from ._standin import StandIn
from ._upstream import RESPONSE_ID, SPAN, SPAN_USAGE, USAGE
from ._usage import NO_TOKENS, Tokens, fill, read_tokens


class Call:
    """Everything that the patch knows of one `get_response`, from its request to its result.

    Contract: no method raises, each leaves things as upstream's body made them when it
    fails, and says so once.
    """

    __slots__ = ("fields", "fixes", "open", "reached", "response", "tokens")

    def __init__(self, fixes: frozenset[str], kwargs: Mapping[str, Any]) -> None:
        self.fixes = fixes
        self.fields = forwarded_fields(fixes, kwargs)
        self.open = True
        self.reached = False
        self.response: Any = None
        self.tokens: Tokens | None = None

    def request(self, request: dict[str, Any], responses: Any) -> dict[str, Any]:
        """Return the keywords for create, and begin to observe its response anew."""
        self.reached = True
        self.response = self.tokens = None
        try:
            return with_fields(request, self.fields, responses)
        except Exception as error:  # noqa: BLE001 - see the contract
            failed("adding the forwarded fields to the request", error)
            return request

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
            elif event.__class__ is type(event):
                others.add(type(event))
        except Exception as error:  # noqa: BLE001 - see the contract
            failed("reading an event", error)

    def read(self) -> Tokens:
        """Return the tokens of the last completed response, zeros when there was none."""
        if self.tokens is None:
            try:
                self.tokens = read_tokens(getattr(self.response, "usage", None))
            except Exception as error:  # noqa: BLE001 - see the contract
                failed("reading the usage", error)
                self.tokens = NO_TOKENS
        return self.tokens

    def begin_span(self, span: Any) -> Any:
        """Return the output that the span has before the body sets one."""
        try:
            return getattr(span, "output", None)
        except Exception as error:  # noqa: BLE001 - see the contract
            failed("adding usage to the span", error)
            return None

    def finish_span(self, span: Any, output_before: Any) -> None:
        """Add the usage to the span's output; a body that sets no output gets one."""
        if not (self.reached and SPAN_USAGE in self.fixes):
            return
        try:
            if not span:
                return
            usage = self.read().copy()  # whoever gets the span may change it
            output = span.output
            if isinstance(output, dict):
                span.output = {**output, "usage": usage}
            elif output is output_before:
                span.output = {"usage": usage}
        except Exception as error:  # noqa: BLE001 - see the contract
            failed("adding usage to the span", error)

    def finish(self, result: Any) -> Any:
        """Correct the result's usage and response_id in place, and return it.

        Without a completed response, a result may come from somebody's wrapper that made
        up for it in another way: only what agentex-sdk itself says then is corrected,
        zero tokens and an invented id.
        """
        if not self.reached:
            return result
        completed = self.response is not None
        try:
            if USAGE in self.fixes and (completed or not result.usage.total_tokens):
                fill(result.usage, self.read())
            if RESPONSE_ID in self.fixes and (completed or is_invented(result.response_id)):
                result.response_id = getattr(self.response, "id", None)
        except Exception as error:  # noqa: BLE001 - see the contract
            failed("correcting the result", error)
        return result


class Model(StandIn):
    """`TemporalStreamingModel` whose client and tracer are those of one call."""

    __slots__ = ()

    @property
    def client(self) -> Client:
        """The model's client as it is now, since it may be replaced during the call."""
        return Client(self._patch_target.client, self._patch_call)

    @property
    def tracer(self) -> Tracer:
        """The model's tracer as it is now."""
        return Tracer(self._patch_target.tracer, self._patch_call)


class Client(StandIn):
    """The openai client whose ``responses`` are those of one call."""

    __slots__ = ()

    @property
    def responses(self) -> Responses:
        """The client's responses."""
        return Responses(self._patch_target.responses, self._patch_call)


class Responses(StandIn):
    """``client.responses`` whose ``create`` sends the forwarded fields."""

    __slots__ = ()

    async def create(self, /, *args: Any, **request: Any) -> Any:
        """Send the request with the forwarded fields, return the observed stream."""
        # Somebody's wrapper may use the client for a request of its own, or keep it.
        call = self._patch_call
        if not (call.open and request.get("stream")):
            return await self._patch_target.create(*args, **request)
        request = call.request(request, self._patch_target)
        return Stream(await self._patch_target.create(*args, **request), call)


class Stream(StandIn):
    """A stream of events that is observed as it is read.

    Each iteration is a generator of its own over the real stream, so what closes that
    one, and when, stays as it was without the patch.
    """

    __slots__ = ()

    async def __aiter__(self) -> AsyncIterator[Any]:
        call = self._patch_call
        others: set[type] = set()
        async for event in self._patch_target:
            if type(event) not in others:
                call.observe(event, others)
            yield event

    async def __anext__(self) -> Any:
        event = await self._patch_target.__anext__()
        self._patch_call.observe(event, set())
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
        return Trace(self._patch_target.trace(*args, **kwargs), self._patch_call)


class Trace(StandIn):
    """A trace that hands out the body's span in a `SpanContext`."""

    __slots__ = ()

    def span(self, /, *args: Any, **kwargs: Any) -> Any:
        """Return the ``async with`` of a span, observed if it is the body's."""
        context = self._patch_target.span(*args, **kwargs)
        if kwargs.get("name") != SPAN and SPAN not in args[:1]:
            return context
        return SpanContext(context, self._patch_call)


class SpanContext:
    """The ``async with`` of a span that adds the usage before the span ends."""

    __slots__ = ("_call", "_context", "_output_before", "_span")

    def __init__(self, context: Any, call: Call) -> None:
        self._context = context
        self._call = call

    async def __aenter__(self) -> Any:
        self._span = await self._context.__aenter__()
        self._output_before = self._call.begin_span(self._span)
        return self._span

    def __aexit__(self, *raised: object) -> Any:
        if raised[0] is None:
            self._call.finish_span(self._span, self._output_before)
        return self._context.__aexit__(*raised)
