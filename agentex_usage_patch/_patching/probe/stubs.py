"""The stubs that the probe runs a `get_response` against: client, tracer and messages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, Self

from ..call.usage import NO_TOKENS

#: The id and the tokens of the one response that is streamed.
STREAMED_ID = "resp_agentex_usage_patch_probe"
TOKENS = dict(zip(NO_TOKENS, (11, 7, 18, 5, 3), strict=True))


class Responses:
    """``client.responses``: records the request, and streams one completed event."""

    def __init__(self, request: dict[str, Any], event: Any) -> None:
        self._request = request
        self._event = event

    async def create(self, **request: Any) -> AsyncIterator[Any]:
        """Record the keywords, and return the stream."""
        self._request.update(request)
        return self._stream()

    async def _stream(self) -> AsyncIterator[Any]:
        yield self._event


def make_tracer(span: Any) -> Any:
    """Return a tracer of which every trace has this one span."""
    trace = SimpleNamespace(span=lambda *_, **__: nullcontext(span))
    return SimpleNamespace(trace=lambda *_, **__: trace)


class Adk:
    """``adk`` for the bodies of 0.5.1 … 0.6.4, which open a message through it."""

    task_message: Any = None

    @property
    def streaming(self) -> Adk:
        """The part that opens messages."""
        return self

    def streaming_task_message_context(self, **_: Any) -> Adk:
        """Return a message that is sent nowhere."""
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


def completed_event() -> Any:
    """Return the completed event, with one output item and with usage."""
    from openai.types.responses import (
        Response,
        ResponseCompletedEvent,
        ResponseOutputMessage,
        ResponseUsage,
    )
    from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

    input_tokens, output_tokens, total_tokens, cached_tokens, reasoning_tokens = TOKENS.values()
    usage = _made(
        ResponseUsage,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        total_tokens=total_tokens,
        input_tokens_details=_made(InputTokensDetails, cached_tokens=cached_tokens),
        output_tokens_details=_made(OutputTokensDetails, reasoning_tokens=reasoning_tokens),
    )
    message = _made(
        ResponseOutputMessage,
        id="msg_agentex_usage_patch_probe",
        content=[],
        role="assistant",
        status="completed",
        type="message",
    )
    response = _made(Response, id=STREAMED_ID, output=[message], usage=usage)
    return _made(ResponseCompletedEvent, type="response.completed", response=response)


def _made(kind: Any, **fields: Any) -> Any:
    # pydantic's own model_construct: openai's first builds the validators of everything
    # that a response can hold, which doubles the time of apply_patch(). Other required
    # fields are None, as openai leaves them: a third-party get_response may read them.
    from pydantic import BaseModel

    unset = {name: None for name, field in kind.model_fields.items() if field.is_required()}
    construct = BaseModel.model_construct.__func__  # type: ignore[attr-defined]
    return construct(kind, set(fields), **unset | fields)
