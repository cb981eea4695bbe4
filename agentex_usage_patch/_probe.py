"""What the installed `get_response` does with each of the fixes, seen by running it.

Once, against stubs: no network, no event loop, no log line, no change that others see.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
import threading
import types
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from . import _upstream
from ._log import muted
from ._probe_stubs import RESPONSE_ID, TOKENS, Adk, Responses, Tracer
from ._usage import read_tokens

_NAME = "agentex-usage-patch-probe"
_KEYWORDS: dict[str, Any] = {
    "previous_response_id": "resp_agentex_usage_patch_probe_before",
    "conversation_id": "conv_agentex_usage_patch_probe",
    "prompt": {"id": "pmpt_agentex_usage_patch_probe"},
}


@dataclass(frozen=True)
class Observation:
    """The fixes that were seen to work, or the problem that kept them from being seen.

    ``pending`` when the problem is only that the SDK's model is not imported yet.
    """

    working: frozenset[str] = frozenset()
    problem: str | None = None
    pending: bool = False


def observe(module: Any, model_class: Any, found: Any) -> Observation:
    """Run what was found as `get_response` once, and say which fixes it does.

    ``found`` is the class's attribute, unbound. Never raises: whatever keeps it from
    running to its end is the ``problem``. Somebody's wrapper runs as well, and gets a
    model named ``agentex-usage-patch-probe``.
    """
    try:
        quiet = _quiet(module, found)
        if quiet is None:
            problem = "this release cannot be run alone beneath somebody else's wrapper"
            return Observation(problem=problem)
        return contextvars.copy_context().run(_observe, module, model_class, quiet)
    except Exception as error:  # noqa: BLE001 - any code may stand in for get_response
        return Observation(problem=f"running it raised {type(error).__name__}")


def _quiet(module: Any, found: Any) -> Any:
    """Return what was found with the SDK's logger and messages cut off, where that can be.

    None where it opens a real message and somebody's wrapper hides the function.
    """
    # type(), since a wrapper is a function to isinstance too.
    if type(found) is types.FunctionType and found.__globals__ is vars(module):
        silent = logging.Logger(_NAME)  # noqa: LOG001 - one that nobody else can find
        silent.disabled = True
        function = types.FunctionType(
            found.__code__,
            {**found.__globals__, "logger": silent, "adk": Adk()},
            found.__name__,
            found.__defaults__,
            found.__closure__,
        )
        function.__kwdefaults__ = found.__kwdefaults__
        return function
    if hasattr(type(found), "over"):  # ours: the same wrapper, over a quiet original
        original = _quiet(module, found.__wrapped__)
        return original and found.over(original)
    if _upstream.within(_upstream.sdk_version(), _upstream.OPENS_MESSAGE_FIRST):
        return None
    return found


def _observe(module: Any, model_class: Any, get_response: Any) -> Observation:
    names = vars(module)
    for variable in ("streaming_task_id", "streaming_trace_id", "streaming_parent_span_id"):
        names[variable].set(_NAME)
    request: dict[str, Any] = {}
    span = SimpleNamespace(output=None, data=None)
    model = object.__new__(model_class)
    vars(model).update(
        client=SimpleNamespace(responses=Responses(request)),
        tracer=Tracer(span),
        model_name=_NAME,
        use_responses_api=True,
        streaming_mode="off",
    )
    with _no_running_loop(), muted(), _no_log_line(names.get("logger")):
        result = _run(
            get_response.__get__(model, model_class)(
                system_instructions=None,
                input="",
                model_settings=names["ModelSettings"](),
                tools=[],
                output_schema=None,
                handoffs=[],
                tracing=None,
                **_KEYWORDS,
            )
        )
    return Observation(working=frozenset(_working(request, span, result)))


def _working(request: dict[str, Any], span: Any, result: Any) -> Iterator[str]:
    if read_tokens(result.usage) == TOKENS:
        yield _upstream.USAGE
    if result.response_id == RESPONSE_ID:
        yield _upstream.RESPONSE_ID
    if isinstance(span.output, dict) and span.output.get("usage") == TOKENS:
        yield _upstream.SPAN_USAGE
    for keyword, name in _upstream.FORWARDED.items():
        if request.get(name) == _KEYWORDS[keyword]:
            yield keyword
    if _upstream.PROMPT_CACHE_KEY in request:
        yield _upstream.PROMPT_CACHE_KEY


def _run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Drive a coroutine by hand to its result; one that waits for something is closed."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    coroutine.close()
    raise _WaitsError


class _WaitsError(Exception):
    """get_response waited for something that the stubs do not provide."""


@contextmanager
def _no_running_loop() -> Iterator[None]:
    # apply_patch() may be called from a coroutine. Nothing of the probe may reach that
    # loop, and another thread cannot be used: an import lock may be held in this one.
    loop = asyncio._get_running_loop()
    hooks = sys.get_asyncgen_hooks()
    asyncio._set_running_loop(None)
    sys.set_asyncgen_hooks(None, None)
    try:
        yield
    finally:
        sys.set_asyncgen_hooks(*hooks)
        asyncio._set_running_loop(loop)


@contextmanager
def _no_log_line(logger: logging.Logger | None) -> Iterator[None]:
    # Beneath somebody's wrapper the SDK's function logs to its own logger.
    if not isinstance(logger, logging.Logger):
        yield
        return
    here = threading.get_ident()

    def elsewhere(record: logging.LogRecord) -> bool:
        return record.thread != here

    logger.addFilter(elsewhere)
    try:
        yield
    finally:
        logger.removeFilter(elsewhere)
