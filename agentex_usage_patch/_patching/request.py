"""The request: which of the forwarded fields reach ``responses.create``, and how."""

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

#: What the affected releases return as response_id; no server issues ids this short.
_INVENTED_ID = re.compile(r"resp_[0-9a-f]{8}")
#: And as the id of the empty message that they return for a response without output.
_INVENTED_MESSAGE_ID = re.compile(r"msg_[0-9a-f]{8}")

#: The fix → what ``responses.create`` calls what it sends.
_NAMES = {**FORWARDED, PROMPT_CACHE_KEY: PROMPT_CACHE_KEY}
_ALL = frozenset(_NAMES.values())
_NOTHING = [None] * len(FORWARDED)

# A signature costs some 50 µs to read, so it is read once for each function.
_declared: WeakKeyDictionary[Callable[..., Any], frozenset[str]] = WeakKeyDictionary()


def forwarded_fields(fixes: frozenset[str], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return create's name → what `get_response` was called with, for the fixes to apply.

    A field that is None or absent is ``NOT_GIVEN``, and so is an invented previous response
    id: it comes from a workflow that ran before the patch, and the API would refuse it.
    """
    unset = _unset(fixes)
    given = [*map(kwargs.get, FORWARDED)]
    if given == _NOTHING:
        return unset
    fields = {
        **unset,
        **{
            FORWARDED[keyword]: value
            for keyword, value in zip(FORWARDED, given, strict=True)
            if value is not None and keyword in fixes
        },
    }
    if is_invented(fields.get("previous_response_id")):
        fields["previous_response_id"] = NOT_GIVEN
        warn_once(
            "invented previous_response_id",
            "a previous_response_id invented by agentex-sdk before it was patched is not sent; "
            "the call goes on unchained, and the next turn can be chained to its response_id",
        )
    return fields


@cache
def _unset(fixes: frozenset[str]) -> Mapping[str, Any]:
    return {name: NOT_GIVEN for fix, name in _NAMES.items() if fix in fixes}


def is_invented(response_id: Any) -> bool:
    """Say whether an id is one that the affected releases invent."""
    return isinstance(response_id, str) and _INVENTED_ID.fullmatch(response_id) is not None


def text_or_none(response_id: Any) -> str | None:
    """Return a server's response id, None with a warning when it is no string.

    Temporal could not decode a result with such an id, after the model was paid for.
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
    """Say whether a result's output holds nothing but the message that the bodies make up."""
    return all(_INVENTED_MESSAGE_ID.fullmatch(str(getattr(each, "id", ""))) for each in output)


def with_fields(
    request: dict[str, Any], fields: Mapping[str, Any], responses: Any
) -> dict[str, Any]:
    """Return create's keywords, with the fields in them as agentex-sdk 0.10.5 sends them.

    An unset field is ``NOT_GIVEN``, or left out where create does not declare it. A set one
    that create does not declare travels in ``extra_body``, in which what the caller
    put there wins, as it does in the openai client. What is in the request already came
    from ``extra_args``: it is sent as it was, unless the keyword is set as well.
    """
    declared = declared_names(responses)
    if declared.issuperset(fields) and request.keys().isdisjoint(fields):
        request.update(fields)
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
                "Remove it from extra_args, which agentex-sdk 0.10.5 refuses with a TypeError",
                next(keyword for keyword, sent_as in FORWARDED.items() if sent_as == name),
            )
        if name in declared:
            request[name] = value
        elif value is not NOT_GIVEN:
            body[name] = value
    if body:
        request["extra_body"] = {**body, **(request.get("extra_body") or {})}
    return request


def declared_names(responses: Any) -> frozenset[str]:
    """Return which of the forwarded names ``responses.create`` takes.

    A create that takes any keyword may hide the openai SDK's own, and takes what that takes:
    openai 1.99.9 raises TypeError for a name that it does not know, given or not. Nothing is
    handed to a create that cannot be inspected.
    """
    create = responses.create
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
        # What takes any keyword may hand all of it on to the openai SDK.
        names |= _ALL.intersection(ResponseCreateParamsBase.__annotations__)
    try:
        _declared[function] = names
    except TypeError:
        pass
    return names
