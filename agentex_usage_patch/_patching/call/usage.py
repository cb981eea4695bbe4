"""Numbers: from a Responses usage object to `agents.Usage` and to the span's dict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..log import warn_once

#: The tokens of one model call by name, as in the span's ``usage``.
Tokens = dict[str, int]

#: The path to each number in a Responses usage object.
_PATHS = {
    "input_tokens": ("input_tokens",),
    "output_tokens": ("output_tokens",),
    "total_tokens": ("total_tokens",),
    "cached_input_tokens": ("input_tokens_details", "cached_tokens"),
    "reasoning_tokens": ("output_tokens_details", "reasoning_tokens"),
}
_INTEGERS = [int] * len(_PATHS)
NO_TOKENS: Tokens = dict.fromkeys(_PATHS, 0)


def read_tokens(usage: Any) -> Tokens:
    """Read the five numbers as agentex-sdk 0.10.5 does; None means zero tokens.

    A part that is missing, null or not a number counts as 0, and one warning names it.
    0.10.5 ignores some of these and raises for others, after the model was paid for. Never
    raises.
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
        if [*map(type, tokens.values())] == _INTEGERS:
            return tokens
    except Exception:  # noqa: BLE001 - then each part is read alone
        pass
    return _read_piecemeal(usage)


def _read_piecemeal(usage: Any) -> Tokens:
    tokens = NO_TOKENS.copy()
    unread = []
    for name, path in _PATHS.items():
        try:
            tokens[name] = _as_int(_part(usage, path))
        except Exception:  # noqa: BLE001 - a server can send anything
            unread.append(".".join(path))
    if unread:
        warn_once(
            "unreadable usage",
            "the model server's usage could not be read in %s: those parts count as 0 tokens",
            ", ".join(unread),
        )
    return tokens


def _part(usage: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        usage = usage[name] if isinstance(usage, Mapping) else getattr(usage, name)
    return usage


def _as_int(value: Any) -> int:
    # 0.10.5 builds agents.Usage, a pydantic dataclass, so pydantic's lax rule is its rule.
    # Imported here: the probe imports this module before the SDK has imported pydantic.
    from pydantic import TypeAdapter

    number: int = TypeAdapter(int).validate_python(value)
    return number
