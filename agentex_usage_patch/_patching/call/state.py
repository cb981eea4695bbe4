"""One patched call: the fields that it sends, and the responses that correct its result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openai.types.responses import ResponseCompletedEvent
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails
from pydantic import BaseModel

from ..._upstream import RESPONSE_ID, USAGE
from ..log import log_failure
from .request import add_fields, is_empty, is_invented, text_or_none
from .usage import NO_TOKENS, Tokens, read_tokens


def _stores_plainly(kind: Any) -> bool:
    """Say whether pydantic only stores what is assigned to a field of this class."""
    config = kind.model_config
    watched = config.get("validate_assignment") or config.get("frozen")
    return kind.__setattr__ is BaseModel.__setattr__ and not watched


#: openai's classes of a usage's details, if pydantic does not validate what is assigned.
_PLAIN = {each for each in (InputTokensDetails, OutputTokensDetails) if _stores_plainly(each)}


def fill(usage: Any, tokens: Tokens) -> None:
    """Set the numbers on the `agents.Usage` that the SDK's body made for this call.

    In place: a new one would be validated, which takes longer than the rest of the patch.
    ``requests`` stays 0, as in 0.10.5.
    """
    usage.input_tokens = tokens["input_tokens"]
    usage.output_tokens = tokens["output_tokens"]
    usage.total_tokens = tokens["total_tokens"]
    inputs, outputs = usage.input_tokens_details, usage.output_tokens_details
    if type(inputs) in _PLAIN and type(outputs) in _PLAIN:
        # The body has set both fields, so an assignment would change nothing else, and
        # pydantic's takes eight times as long.
        inputs.__dict__["cached_tokens"] = tokens["cached_input_tokens"]
        outputs.__dict__["reasoning_tokens"] = tokens["reasoning_tokens"]
    else:
        inputs.cached_tokens = tokens["cached_input_tokens"]
        outputs.reasoning_tokens = tokens["reasoning_tokens"]


class Capture:
    """The last completed response of one stream.

    ``items`` are the response's output items. ``tokens`` is None until they are read.
    ``earlier`` is the capture of the stream before it in the same call. No method raises.
    """

    response: Any = None
    items: Any = ()
    tokens: Tokens | None = None
    earlier: Capture | None = None

    def observe(self, event: Any, skipped: set[type]) -> None:
        """Remember a completed event's response; add the type of another event to ``skipped``.

        ``isinstance`` decides, because mocks and proxies only claim to be of the class. It
        is slow for pydantic's classes, so the caller skips the types in ``skipped``.
        """
        try:
            if isinstance(event, ResponseCompletedEvent):
                response = getattr(event, "response", None)
                if response is not None:
                    self.response = response
                    self.items = getattr(response, "output", None) or ()
            elif event.__class__ is type(event):
                skipped.add(type(event))
        except Exception as error:  # noqa: BLE001 - a third-party event can raise anything
            log_failure("reading an event", error)

    def read(self) -> Tokens:
        """Read the response's tokens: zeros without a completed response."""
        try:
            self.tokens = read_tokens(getattr(self.response, "usage", None))
        except Exception as error:  # noqa: BLE001 - a server's usage can hold anything
            log_failure("reading the usage", error)
            self.tokens = NO_TOKENS
        return self.tokens


class Call:
    """The state of one `get_response`, from its request to its result.

    A third-party wrapper beneath the patch may open several streams in one call: ``last`` is
    the capture of the last one. ``span`` is the span that was entered last, while it is open.
    ``open`` is False once the call has ended.

    ``kwargs`` are the keywords of the call. No method raises: one that fails warns once, and
    leaves the rest unchanged.
    """

    open = True
    last: Capture | None = None
    span: Any = None

    def __init__(self, fixes: frozenset[str], kwargs: Mapping[str, Any]) -> None:
        self.fixes = fixes
        self.kwargs = kwargs

    def prepare(self, request: dict[str, Any], create: Any) -> Capture:
        """Add the forwarded fields to the keywords for ``create``; return its stream's capture.

        The capture belongs to the span that was entered last. A wrapper beneath the patch
        may run the body several times at once. No body awaits anything between entering its
        span and sending its request, so each request finds its own span.
        """
        capture = Capture()
        capture.earlier = self.last
        self.last = capture
        if self.span is not None:
            self.span.capture = capture
        try:
            add_fields(request, self.kwargs, self.fixes, create)
        except Exception as error:  # noqa: BLE001 - a third-party client can raise anything
            log_failure("adding the forwarded fields to the request", error)
        return capture

    def finish(self, result: Any) -> Any:
        """Correct the result's usage and response_id in place, and return it.

        The result is corrected from the response that its output items belong to. One that
        a third-party wrapper did not take from a stream of this call is left as it is.
        """
        capture = self.last
        if capture is None:
            return result
        try:
            # Every body returns the response's own items, in a new list.
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
        except Exception as error:  # noqa: BLE001 - a third-party result can hold anything
            log_failure("correcting the result", error)
        return result

    def _without_items(self, result: Any) -> Capture | None:
        """Return the capture for a result that holds no item of a response, None if unclear.

        For a response without items the bodies return an empty message; without a completed
        response they return items of other events. It is unclear if the result is not as the
        SDK makes it, or if streams without items have different responses.
        """
        if USAGE in self.fixes and result.usage.total_tokens:
            return None
        if RESPONSE_ID in self.fixes and not is_invented(result.response_id):
            return None
        found, capture = None, self.last
        while capture is not None:
            if not capture.items:
                if found is not None and found.response is not capture.response:
                    return None
                found = capture
            capture = capture.earlier
        if found is None or found.response is None or is_empty(result.output):
            return found
        return None
