"""The request: which forwarded fields reach ``responses.create``, and how."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from openai import NOT_GIVEN
from openai.types.responses.response_create_params import ResponseCreateParamsBase

from .._upstream import FORWARDED, PROMPT_CACHE_KEY
from .log import warn_once

#: The response_id that affected releases invent; no server issues ids this short.
_INVENTED_ID = re.compile(r"resp_[0-9a-f]{8}")
#: The id of the empty message that they return for a response without output.
_INVENTED_MESSAGE_ID = re.compile(r"msg_[0-9a-f]{8}")

#: Fix → the parameter of ``responses.create`` that it sends.
_NAMES = {**FORWARDED, PROMPT_CACHE_KEY: PROMPT_CACHE_KEY}
_ALL = frozenset(_NAMES.values())
_NOTHING = [None] * len(FORWARDED)

# Reading a signature takes some 50 µs, so each function's is read once.
_declared: WeakKeyDictionary[Callable[..., Any], frozenset[str]] = WeakKeyDictionary()


def forwarded_fields(fixes: frozenset[str], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields to send, by ``create``'s names, for the fixes to apply.

    A field that is None or absent is ``NOT_GIVEN``. So is an invented previous_response_id:
    a workflow that ran before the patch holds such ids, and the API refuses them.
    """
    unset = _unset(fixes)
    values = [*map(kwargs.get, FORWARDED)]
    if values == _NOTHING:
        return unset
    fields = {**unset}
    for keyword, value in zip(FORWARDED, values, strict=True):
        if value is not None and keyword in fixes:
            fields[FORWARDED[keyword]] = value
    if is_invented(fields.get("previous_response_id")):
        fields["previous_response_id"] = NOT_GIVEN
        warn_once(
            "invented previous_response_id",
            "a previous_response_id that agentex-sdk invented before it was patched is not sent; "
            "the call continues unchained, and the next turn can chain to its response_id",
        )
    return fields


@cache
def _unset(fixes: frozenset[str]) -> Mapping[str, Any]:
    return {name: NOT_GIVEN for fix, name in _NAMES.items() if fix in fixes}


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


def with_fields(request: dict[str, Any], fields: Mapping[str, Any], create: Any) -> dict[str, Any]:
    """Return the keywords for ``create``, with the fields as agentex-sdk 0.10.5 sends them.

    A set field that ``create`` does not declare is sent in ``extra_body``, where the
    caller's own values win, as they do in the openai client. An unset field is ``NOT_GIVEN``,
    or left out if ``create`` does not declare it. A field that ``extra_args`` put into the
    request stays, unless the keyword is set as well.
    """
    declared = declared_names(create)
    if declared.issuperset(fields) and request.keys().isdisjoint(fields):
        request |= fields
        return request
    request = dict(request)
    body: dict[str, Any] = {}
    for name, given in fields.items():
        there = request.pop(name, NOT_GIVEN)
        value = there if given is NOT_GIVEN else given
        if there is not NOT_GIVEN and there != value:
            warn_once(
                f"{name} given twice",
                "%s is set both by keyword and in model_settings.extra_args: the keyword is sent. "
                "Remove it from extra_args; agentex-sdk 0.10.5 raises a TypeError there",
                next(keyword for keyword, sent_as in FORWARDED.items() if sent_as == name),
            )
        if name in declared:
            request[name] = value
        elif value is not NOT_GIVEN:
            body[name] = value
    if body:
        request["extra_body"] = {**body, **(request.get("extra_body") or {})}
    return request


def declared_names(create: Any) -> frozenset[str]:
    """Return which forwarded names ``responses.create`` accepts.

    A create that takes any keyword may pass all of them to the openai SDK, so it accepts
    what that declares: openai 1.99.9 raises TypeError for a name that it does not know.
    Nothing is passed to a create that cannot be inspected.
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
