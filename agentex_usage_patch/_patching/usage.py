"""Numbers: a Responses usage object as `agents.Usage` fields and as the span's dict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from .log import warn_once


class Tokens(TypedDict):
    """Tokens of one model call, as they stand in the span's ``usage``."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    cached_input_tokens: int
    reasoning_tokens: int


#: Where each number stands in a Responses usage object.
_PATHS = {
    "input_tokens": ("input_tokens",),
    "output_tokens": ("output_tokens",),
    "total_tokens": ("total_tokens",),
    "cached_input_tokens": ("input_tokens_details", "cached_tokens"),
    "reasoning_tokens": ("output_tokens_details", "reasoning_tokens"),
}
NO_TOKENS: Tokens = {
    "input_tokens": 0,
    "output_tokens": 0,
    "total_tokens": 0,
    "cached_input_tokens": 0,
    "reasoning_tokens": 0,
}


def read_tokens(usage: Any) -> Tokens:
    """Read the five numbers as agentex-sdk 0.10.5 does; None is zero tokens.

    A part that is missing, null or no number is 0, and one warning names it. 0.10.5 does
    the same in silence for some of these and raises for others, when the model has been
    paid for. Never raises.
    """
    if usage is None:
        return NO_TOKENS
    try:
        tokens: Tokens = {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "total_tokens": usage.total_tokens,
            "cached_input_tokens": usage.input_tokens_details.cached_tokens,
            "reasoning_tokens": usage.output_tokens_details.reasoning_tokens,
        }
        if {*map(type, tokens.values())} == {int}:
            return tokens
    except Exception:  # noqa: BLE001 - whatever it is, it is looked at part by part
        pass
    return _read_piecemeal(usage)


def fill(usage: Any, tokens: Tokens) -> None:
    """Set the numbers on an `agents.Usage` that upstream's body made for this call.

    In place, since building one validates it and costs more than everything else the
    patch does. ``requests`` stays as it is, 0, as in 0.10.5.
    """
    usage.input_tokens = tokens["input_tokens"]
    usage.output_tokens = tokens["output_tokens"]
    usage.total_tokens = tokens["total_tokens"]
    # Models of pydantic, which take five times as long to write as to read.
    if usage.input_tokens_details.cached_tokens != tokens["cached_input_tokens"]:
        usage.input_tokens_details.cached_tokens = tokens["cached_input_tokens"]
    if usage.output_tokens_details.reasoning_tokens != tokens["reasoning_tokens"]:
        usage.output_tokens_details.reasoning_tokens = tokens["reasoning_tokens"]


def _read_piecemeal(usage: Any) -> Tokens:
    tokens = NO_TOKENS.copy()
    unread = []
    for name, path in _PATHS.items():
        try:
            tokens[name] = _as_int(_part(usage, path))  # type: ignore[literal-required]
        except Exception:  # noqa: BLE001 - a server may send anything here
            unread.append(".".join(path))
    if unread:
        warn_once(
            "unreadable usage",
            "the model server's usage could not be read in %s: counted as 0 tokens there",
            ", ".join(unread),
        )
    return tokens


def _part(usage: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        usage = usage[name] if isinstance(usage, Mapping) else getattr(usage, name)
    return usage


def _as_int(value: Any) -> int:
    # agents.Usage is a pydantic dataclass: pydantic's own lax rule is 0.10.5's rule. It
    # comes with the SDK, and only the odd usage object needs it.
    from pydantic import TypeAdapter

    number: int = TypeAdapter(int).validate_python(value)
    return number
