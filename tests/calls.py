"""Make one call of the installed `get_response`, and record everything about it."""

from __future__ import annotations

import copy
import gc
import importlib
import logging
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from agentex_usage_patch import _upstream

from .authority import first_authority

# Freeze the SDK's objects: the tests' gc.collect() then skips them and stays fast.
for _name in ("agents", "openai", "agentex.lib.adk"):
    importlib.import_module(_name)
gc.freeze()
sdk: Any = importlib.import_module(_upstream.MODULE)
AFFECTED = _upstream.within(_upstream.sdk_version(), _upstream.AFFECTED)

_INVENTED = re.compile(r"\b(msg|resp)_[0-9a-f]{8}\b")


def enter_task() -> list[tuple[Any, Any]]:
    """Set what ContextInterceptor sets from the headers of a Temporal activity.

    Returns each ContextVar with the token that resets it.
    """
    variables = [getattr(sdk, name) for name in _upstream.CONTEXT_VARIABLES]
    return [(each, each.set("id")) for each in variables]


class Messages:
    """Stand in for ``adk``: record what the model streams to the user, in order."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    @property
    def streaming(self) -> Messages:
        return self

    def streaming_task_message_context(self, **opened: Any) -> _Message:
        return _Message(self.seen, opened)


class _Message:
    def __init__(self, seen: list[Any], opened: dict[str, Any]) -> None:
        self._seen = seen
        self._opened = opened
        # The API returns the stored message; updates refer to it.
        types = importlib.import_module("agentex.types.task_message")
        self.task_message = types.TaskMessage(task_id="task", content=opened["initial_content"])

    async def __aenter__(self) -> _Message:
        self._seen.append(("open", _plain(self._opened)))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def stream_update(self, update: Any) -> Any:
        self._seen.append(("update", _plain(update)))
        return update

    async def close(self) -> None:
        self._seen.append(("close",))


class Tracer:
    """A tracer that records its spans, and how each of them ended."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def trace(self, trace_id: str) -> Tracer:
        return self

    def span(self, **opened: Any) -> Span:
        self.spans.append(Span(opened))
        return self.spans[-1]


class Span:
    def __init__(self, opened: dict[str, Any]) -> None:
        self.opened = opened
        self.output: Any = None
        self.data: Any = None
        self.output_at_exit: Any = "never left"
        self.raised: BaseException | None = None

    async def __aenter__(self) -> Span:
        return self

    async def __aexit__(self, kind: Any, raised: BaseException | None, trace: Any) -> None:
        self.output_at_exit = self.output
        self.raised = raised


#: The only certificate authority of the HTTP clients that a model creates.
_AUTHORITY = tempfile.NamedTemporaryFile(suffix=".pem")  # noqa: SIM115 - closed at exit
_AUTHORITY.write(first_authority())
_AUTHORITY.flush()


def make_model(client: Any, cls: Any = None) -> Any:
    """Return a real model with this client and a tracer that records its spans."""
    with mock.patch.dict(os.environ, SSL_CERT_FILE=_AUTHORITY.name):
        model = (cls or sdk.TemporalStreamingModel)(model_name="gpt-4o")
    model.client = client
    model.tracer = Tracer()
    return model


def arguments(**changed: Any) -> dict[str, Any]:
    """Return the keyword arguments of a plain call, as temporalio's activity passes them."""
    return {
        "system_instructions": "Be brief.",
        "input": "Hi",
        "model_settings": sdk.ModelSettings(),
        "tools": [],
        "output_schema": None,
        "handoffs": [],
        "tracing": None,
        "previous_response_id": None,
        "conversation_id": None,
        "prompt": None,
        **changed,
    }


async def observe(wire: Any, settings: dict[str, Any], keywords: dict[str, Any]) -> dict[str, Any]:
    """Make one call over a `wire.Wire`, and return everything observable about it as JSON.

    Releases invent message and response ids of 8 hex digits; these are masked.
    """
    model = make_model(wire.client())
    model_settings = sdk.ModelSettings(**copy.deepcopy(settings))
    seen: dict[str, Any] = {}
    with messages() as streamed, sdk_log() as lines:
        try:
            result = await model.get_response(
                **arguments(model_settings=model_settings, **copy.deepcopy(keywords))
            )
        except Exception as error:
            seen["raised"] = [type(error).__name__, str(error)]
        else:
            seen["output"] = [_plain(item) for item in result.output]
            seen["usage"] = tokens(result.usage)
            seen["requests"] = result.usage.requests
            seen["response_id"] = result.response_id
    (span,) = model.tracer.spans
    seen["bodies"] = wire.bodies
    seen["closed"] = wire.closed
    seen["span"] = [_plain(span.opened), _plain(span.output_at_exit), repr(span.raised)]
    seen["streamed"] = streamed.seen
    seen["log"] = lines
    seen["settings"] = repr(model_settings) == repr(sdk.ModelSettings(**settings))
    return mask_invented_ids(seen)  # type: ignore[no-any-return]


def class_attribute() -> Any:
    """Return `get_response` as it is stored in the model's class, unbound."""
    return vars(sdk.TemporalStreamingModel)["get_response"]


@contextmanager
def messages() -> Iterator[Messages]:
    """Record what the model streams to the user, instead of sending it to Redis."""
    real, sdk.adk = sdk.adk, Messages()
    try:
        yield sdk.adk
    finally:
        sdk.adk = real


@contextmanager
def sdk_log() -> Iterator[list[str]]:
    """Record the lines of the SDK's own logger, at every level."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    level = sdk.logger.level
    sdk.logger.addHandler(handler)
    sdk.logger.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        sdk.logger.removeHandler(handler)
        sdk.logger.setLevel(level)


def tokens(usage: Any) -> list[int]:
    """Return the tokens of a usage: input, output, total, cached input, reasoning."""
    return [
        usage.input_tokens,
        usage.output_tokens,
        usage.total_tokens,
        usage.input_tokens_details.cached_tokens,
        usage.output_tokens_details.reasoning_tokens,
    ]


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", warnings=False)
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value


def mask_invented_ids(value: Any) -> Any:
    """Replace the ids that a release invents, which differ between two calls."""
    if isinstance(value, str):
        return _INVENTED.sub(r"invented \1", value)
    if isinstance(value, dict):
        return {key: mask_invented_ids(each) for key, each in value.items()}
    if isinstance(value, list):
        return [mask_invented_ids(each) for each in value]
    if isinstance(value, tuple):
        return tuple(mask_invented_ids(each) for each in value)
    return value
