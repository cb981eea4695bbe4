"""Run the installed `get_response` once against stubs, and see which fixes work.

The run of the SDK's body uses no network, logs nothing, and changes nothing for real calls.
Third-party wrappers around it run as they are: what they send and log is real.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from ... import _upstream
from ..call.usage import read_tokens
from ..log import probing, unpatched
from .loop import LIMIT, by_hand, in_a_loop, outside_a_loop
from .stubs import STREAMED_ID, TOKENS, Adk, Responses, completed_event, make_tracer

_NAME = "agentex-usage-patch-probe"
_KEYWORDS: dict[str, Any] = {
    "previous_response_id": "resp_agentex_usage_patch_probe_before",
    "conversation_id": "conv_agentex_usage_patch_probe",
    "prompt": {"id": "pmpt_agentex_usage_patch_probe"},
}


@dataclass(frozen=True)
class Observation:
    """The fixes that were seen to work, or the problem that prevented the observation.

    ``applied`` are the fixes that work only because of the patch. ``pending`` is True
    when the only problem is that the SDK's model is not imported yet.
    """

    working: frozenset[str] = frozenset()
    problem: str | None = None
    pending: bool = False
    applied: frozenset[str] = frozenset()


def observe(
    module: Any,
    model_class: Any,
    found: Any,
    *,
    patched: bool = True,
) -> Observation:
    """Run a `get_response` once, and return which fixes work.

    ``found`` is the class's attribute, unbound. Unless ``patched``, this package's wrapper
    in it only passes the call on. Never raises: what ends the run early is the ``problem``.
    Third-party wrappers run too, in an event loop of the probe's own, with a model named
    ``agentex-usage-patch-probe``.
    """

    def run(drive: Callable[[Callable[[], Any]], Any], get_response: Any) -> Observation:
        context = contextvars.copy_context()
        context.run(probing.set, True)
        context.run(unpatched.set, not patched)
        return context.run(_run, module, model_class, drive, get_response, event)

    try:
        # Built first: importing openai's types in the other thread could deadlock, since
        # this one may hold import locks.
        event = completed_event()
        isolated = _isolated(module, found)
        if isolated is not None:
            try:
                return run(by_hand, isolated)
            except RuntimeError:
                pass  # a fork's body that needs an event loop
        with _silenced(vars(module)):
            return outside_a_loop(lambda: run(in_a_loop, isolated or found))
    except TimeoutError:
        return Observation(problem=f"running it took longer than {LIMIT:.0f} seconds")
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - third-party code ran
        return Observation(problem=f"running it raised {type(error).__name__}")


def _isolated(module: Any, found: Any) -> Any:
    """Return the SDK's function with a silent logger and stub messages in its globals.

    None when a third-party wrapper hides that function. This package's wrapper is kept.
    """
    # type(): to isinstance, a wrapper is a function too.
    if type(found) is types.FunctionType and found.__globals__ is vars(module):
        silent = logging.Logger(_NAME)  # noqa: LOG001 - not registered, so nobody finds it
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
    if hasattr(type(found), "_patch_over"):  # this package's wrapper
        original = _isolated(module, found.__wrapped__)
        return original and found._patch_over(original)
    return None


def _run(
    module: Any,
    model_class: Any,
    drive: Callable[[Callable[[], Any]], Any],
    get_response: Any,
    event: Any,
) -> Observation:
    names = vars(module)
    for variable in _upstream.CONTEXT_VARIABLES:
        names[variable].set(_NAME)
    request: dict[str, Any] = {}
    span = SimpleNamespace(output=None, data=None)
    model = object.__new__(model_class)
    vars(model).update(
        client=SimpleNamespace(responses=Responses(request, event)),
        tracer=make_tracer(span),
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

    result = drive(call)
    return Observation(working=frozenset(_working(request, span, result)))


def _working(request: dict[str, Any], span: Any, result: Any) -> Iterator[str]:
    """Yield the fixes that the request, the span and the result show."""
    if read_tokens(result.usage) == TOKENS:
        yield _upstream.USAGE
    if result.response_id == STREAMED_ID:
        yield _upstream.RESPONSE_ID
    if isinstance(span.output, dict) and span.output.get("usage") == TOKENS:
        yield _upstream.SPAN_USAGE
    # A field that an older openai SDK does not declare is sent in extra_body.
    sent = {**(request.get("extra_body") or {}), **request}
    for keyword, name in _upstream.FORWARDED.items():
        if sent.get(name) == _KEYWORDS[keyword]:
            yield keyword
    if _upstream.PROMPT_CACHE_KEY in request:
        yield _upstream.PROMPT_CACHE_KEY


@contextmanager
def _silenced(names: dict[str, Any]) -> Iterator[None]:
    """Drop the probe's log lines and messages; calls in other threads keep theirs."""
    adk, instead = names.get("adk"), _AdkOutsideProbe(names.get("adk"))
    candidates = [names.get("logger"), logging.getLogger("asyncio")]
    loggers = [each for each in candidates if isinstance(each, logging.Logger)]

    def outside_probe(_: logging.LogRecord) -> bool:
        return not probing.get()

    for logger in loggers:
        logger.addFilter(outside_probe)
    if adk is not None:
        names["adk"] = instead
    try:
        yield
    finally:
        if names.get("adk") is instead:
            names["adk"] = adk
        for logger in loggers:
            logger.removeFilter(outside_probe)


class _AdkOutsideProbe:
    """The SDK's ``adk`` for other calls, a stub for the probe."""

    def __init__(self, adk: Any) -> None:
        self._adk = adk

    def __getattr__(self, name: str) -> Any:
        return getattr(Adk() if probing.get() else self._adk, name)
