"""What the installed `get_response` does with each of the fixes, seen by running it.

Against stubs: no network, no log line, nothing in the worker's event loop, no change that
others see.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import types
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from ... import _upstream
from ..log import probing
from ..usage import read_tokens
from .loop import LIMIT, apart, by_hand, in_a_loop
from .stubs import RESPONSE_ID, TOKENS, Adk, Responses, Tracer, completed_event

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


def observe(
    module: Any,
    model_class: Any,
    found: Any,
    without: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Observation:
    """Run what was found as `get_response` once, and say which fixes it does.

    ``found`` is the class's attribute, unbound; ``without`` makes a context manager that is
    entered around the run, in its thread. Never raises: whatever keeps it from running to
    its end is the ``problem``. Third-party wrappers run as well, in an event loop of the
    probe's own, with a model named ``agentex-usage-patch-probe``.
    """

    def run(drive: Callable[[Callable[[], Any]], Any], get_response: Any) -> Observation:
        context = contextvars.copy_context()
        context.run(probing.set, True)
        return context.run(_observe, module, model_class, drive, get_response, event, without)

    try:
        event = completed_event()  # now, since this thread may hold locks of imports
        alone = _alone(module, found)
        if alone is not None:
            try:
                return run(by_hand, alone)
            except RuntimeError:
                pass  # the body of a fork, which wants an event loop
        with _silenced(vars(module)):
            return apart(lambda: run(in_a_loop, alone or found))  # type: ignore[no-any-return]
    except TimeoutError:
        return Observation(problem=f"running it took longer than {LIMIT:.0f} seconds")
    # Any code may stand in for get_response.
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - see above
        return Observation(problem=f"running it raised {type(error).__name__}")


def _alone(module: Any, found: Any) -> Any:
    """Return what was found without the SDK's logger and messages, None where it is hidden.

    Hidden is the SDK's function beneath a third-party wrapper.
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
        original = _alone(module, found.__wrapped__)
        return original and found.over(original)
    return None


def _observe(
    module: Any,
    model_class: Any,
    drive: Callable[[Callable[[], Any]], Any],
    get_response: Any,
    event: Any,
    without: Callable[[], AbstractContextManager[None]],
) -> Observation:
    names = vars(module)
    for variable in ("streaming_task_id", "streaming_trace_id", "streaming_parent_span_id"):
        names[variable].set(_NAME)
    request: dict[str, Any] = {}
    span = SimpleNamespace(output=None, data=None)
    model = object.__new__(model_class)
    vars(model).update(
        client=SimpleNamespace(responses=Responses(request, event)),
        tracer=Tracer(span),
        model_name=_NAME,
        use_responses_api=True,
        streaming_mode="off",
    )

    def call() -> Any:
        return get_response.__get__(model, model_class)(
            system_instructions=None,
            input="",
            model_settings=names["ModelSettings"](),
            tools=[],
            output_schema=None,
            handoffs=[],
            tracing=None,
            **_KEYWORDS,
        )

    with without():
        result = drive(call)
    return Observation(working=frozenset(_working(request, span, result)))


def _working(request: dict[str, Any], span: Any, result: Any) -> Iterator[str]:
    if read_tokens(result.usage) == TOKENS:
        yield _upstream.USAGE
    if result.response_id == RESPONSE_ID:
        yield _upstream.RESPONSE_ID
    if isinstance(span.output, dict) and span.output.get("usage") == TOKENS:
        yield _upstream.SPAN_USAGE
    # What an older openai SDK does not know travels in the body.
    sent = {**(request.get("extra_body") or {}), **request}
    for keyword, name in _upstream.FORWARDED.items():
        if sent.get(name) == _KEYWORDS[keyword]:
            yield keyword
    if _upstream.PROMPT_CACHE_KEY in request:
        yield _upstream.PROMPT_CACHE_KEY


@contextmanager
def _silenced(names: dict[str, Any]) -> Iterator[None]:
    """Drop what the SDK and asyncio log, and the messages that the SDK's function opens.

    Only where the probe runs: meanwhile calls in other threads log and stream as ever.
    """
    adk, instead = names.get("adk"), _AdkElsewhere(names.get("adk"))
    candidates = [names.get("logger"), logging.getLogger("asyncio")]
    loggers = [each for each in candidates if isinstance(each, logging.Logger)]

    def elsewhere(_: logging.LogRecord) -> bool:
        return not probing.get()

    for logger in loggers:
        logger.addFilter(elsewhere)
    if adk is not None:
        names["adk"] = instead
    try:
        yield
    finally:
        if names.get("adk") is instead:
            names["adk"] = adk
        for logger in loggers:
            logger.removeFilter(elsewhere)


class _AdkElsewhere:
    """The SDK's ``adk``, apart from where the probe runs."""

    def __init__(self, adk: Any) -> None:
        self._adk = adk

    def __getattr__(self, name: str) -> Any:
        return getattr(Adk() if probing.get() else self._adk, name)
