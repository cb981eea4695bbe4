"""The forwarded fields of a request, and the ids that affected releases invent."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from openai import NOT_GIVEN
from openai.types.responses.response_create_params import ResponseCreateParamsBase

from ..._upstream import FORWARDED, PROMPT_CACHE_KEY
from ..log import warn_once

#: The response_id that affected releases invent; no server issues ids this short.
_INVENTED_ID = re.compile(r"resp_[0-9a-f]{8}")
#: The id of the empty message that they return if a response has no output.
_INVENTED_MESSAGE_ID = re.compile(r"msg_[0-9a-f]{8}")

_PREVIOUS = "previous_response_id"
#: Keyword of `get_response` → ``create``'s name. prompt_cache_key has no keyword: the request
#: has it from ``extra_args``.
_NAMES = {**FORWARDED, "": PROMPT_CACHE_KEY}
_ALL = frozenset(_NAMES.values())

# Reading a signature takes some 50 µs, so each function's is read once.
_declared: WeakKeyDictionary[Callable[..., Any], frozenset[str]] = WeakKeyDictionary()


def is_invented(response_id: Any) -> bool:
    """Say whether affected releases invent ids like this one."""
    return isinstance(response_id, str) and _INVENTED_ID.fullmatch(response_id) is not None


def text_or_none(response_id: Any) -> str | None:
    """Return a server's response id; None, with a warning, if it is not a string.

    Temporal cannot decode a result with such an id, and the model has been paid for.
    """
    if response_id is None or isinstance(response_id, str):
        return response_id
    warn_once(
        "unreadable response id",
        "the model server's response id is of type %s and counts as none",
        type(response_id).__name__,
    )
    return None


def is_empty(output: Any) -> bool:
    """Say whether an output holds nothing but the empty message that the bodies add."""
    return all(_INVENTED_MESSAGE_ID.fullmatch(str(getattr(each, "id", ""))) for each in output)


def add_fields(
    request: dict[str, Any], kwargs: Mapping[str, Any], fixes: frozenset[str], create: Any
) -> None:
    """Add the forwarded fields to the keywords for ``create``, as agentex-sdk 0.10.5 does.

    ``kwargs`` are those of `get_response`. A set field that ``create`` does not declare is
    sent in ``extra_body``, where the caller's own values win, as they do in the openai
    client. An unset field is ``NOT_GIVEN``, or left out if ``create`` does not declare it. A
    field that ``extra_args`` put into the request stays, unless the keyword is set as well.
    """
    declared = declared_names(create)
    body: dict[str, Any] = {}
    for keyword, name in _forwarded(fixes):
        value = kwargs.get(keyword)
        if value is None or (keyword == _PREVIOUS and _warn_if_invented(value)):
            value = NOT_GIVEN
        if name in request:
            value = _one_of(request[name], value, keyword)
            del request[name]
        if name in declared:
            request[name] = value
        elif value is not NOT_GIVEN:
            body[name] = value
    if body:
        request["extra_body"] = {**body, **(request.get("extra_body") or {})}


@cache
def _forwarded(fixes: frozenset[str]) -> tuple[tuple[str, str], ...]:
    return tuple(each for each in _NAMES.items() if (each[0] or each[1]) in fixes)


def _warn_if_invented(response_id: Any) -> bool:
    """Return whether a previous_response_id is invented, and warn if so: the API refuses it.

    Workflows that ran before the patch keep such ids.
    """
    if not is_invented(response_id):
        return False
    warn_once(
        "invented previous_response_id",
        "a previous_response_id that agentex-sdk invented before it was patched is not sent; "
        "the call continues unchained, and the next turn can chain to its response_id",
    )
    return True


def _one_of(there: Any, value: Any, keyword: str) -> Any:
    """Return the value to send of a field that ``extra_args`` sets, too."""
    if value is NOT_GIVEN:
        return there
    if there is not NOT_GIVEN and there != value:
        warn_once(
            f"{keyword} given twice",
            "%s is set both by keyword and in model_settings.extra_args: the keyword is sent. "
            "Remove it from extra_args; agentex-sdk 0.10.5 raises a TypeError there",
            keyword,
        )
    return value


def declared_names(create: Any) -> frozenset[str]:
    """Return which forwarded names ``responses.create`` accepts.

    A ``create`` with ``**kwargs`` may pass them all to the openai SDK, so only the names that
    the installed SDK declares count: openai 1.99.9 raises TypeError for others. A ``create``
    that cannot be inspected counts as declaring none.
    """
    function = getattr(create, "__func__", create)
    try:
        return _declared[function]
    except (KeyError, TypeError):
        pass
    try:
        parameters = inspect.signature(create).parameters.values()
    except (TypeError, ValueError):
        return frozenset()
    names = _ALL.intersection(each.name for each in parameters)
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        names |= _ALL.intersection(ResponseCreateParamsBase.__annotations__)
    try:
        _declared[function] = names
    except TypeError:
        pass
    return names
