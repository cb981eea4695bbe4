"""Random streams of events as JSON: hypothesis draws them, and the goldens store them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from .cases import CALLS
from .wire import (
    FUNCTION_CALL,
    MESSAGE,
    REASONING,
    USAGE,
    Event,
    Wire,
    completed,
    ended,
    function_call,
    reasoning,
    response,
    text,
)

_WORDS = st.lists(st.text(st.characters(codec="utf-8"), max_size=8), max_size=4)
_NUMBERS = st.integers(-1, 10**7)
_STRANGE = st.one_of(
    st.none(), st.booleans(), _NUMBERS, st.floats(0, 9, width=16), st.sampled_from(["", "7", "x"])
)
_DETAILS = st.one_of(
    st.fixed_dictionaries({}, optional={"cached_tokens": _NUMBERS, "reasoning_tokens": _NUMBERS}),
    st.dictionaries(st.sampled_from(["cached_tokens", "reasoning_tokens", "x"]), _STRANGE),
)
_TOP = dict.fromkeys(("input_tokens", "output_tokens", "total_tokens"), _NUMBERS)
_SOUND = st.fixed_dictionaries(
    {
        **_TOP,
        "input_tokens_details": st.fixed_dictionaries({"cached_tokens": _NUMBERS}),
        "output_tokens_details": st.fixed_dictionaries({"reasoning_tokens": _NUMBERS}),
    }
)
_ODD = st.dictionaries(st.sampled_from([*USAGE, "cost"]), st.one_of(_STRANGE, _DETAILS), max_size=6)
_USAGE = st.one_of(_SOUND, _SOUND, st.none(), _ODD, st.just(7))
_ID = st.one_of(st.none(), st.sampled_from(["resp_0a1b2c3d", "resp_" + "f" * 300, ""]))
_PART = st.one_of(
    st.tuples(st.just("text"), _WORDS),
    st.tuples(st.just("reasoning"), _WORDS),
    st.just(("function_call",)),
    st.tuples(st.just("completed"), _USAGE, _ID, st.sampled_from(["completed", "failed"])),
    st.tuples(st.sampled_from(["incomplete", "failed", "created", "queued"]), _USAGE),
    st.just(("completed without a response",)),
)

#: The parts of a stream, the number of events after which it is cut, and the call.
STREAMS = st.fixed_dictionaries(
    {
        "parts": st.lists(_PART, max_size=6),
        "cut": st.one_of(st.none(), st.none(), st.integers(0, 12)),
        "call": st.sampled_from(sorted(CALLS)),
    }
)


def wire(stream: dict[str, Any]) -> Wire:
    """Return a wire that sends this stream."""
    events = [event for part in stream["parts"] for event in _events(*part)]
    return Wire(events, cut_after=stream["cut"])


def _events(kind: str, *given: Any) -> list[Event]:
    if kind == "text":
        return text(*given[0])
    if kind == "reasoning":
        return reasoning(*given[0])
    if kind == "function_call":
        return function_call()
    if kind == "completed":
        usage, response_id, status = given
        output = [REASONING, MESSAGE, FUNCTION_CALL]
        return [completed(usage=usage, id=response_id, status=status, output=output)]
    if kind == "completed without a response":
        return [{"type": "response.completed", "response": None}]
    if kind in ("created", "queued"):
        return [{"type": f"response.{kind}", "response": response(usage=given[0])}]
    return [ended(kind, usage=given[0])]
