"""Inspect third-party code around `get_response` without running any of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType
from typing import Any

from .. import _upstream
from .place import chain


def third_party(function: Any) -> list[str]:
    """Name the functions behind a `get_response` that are neither the SDK's nor ours.

    Follows ``__wrapped__`` and the function of a wrapt wrapper, nothing else.
    """
    own = {_upstream.MODULE.partition(".")[0], __name__.partition(".")[0]}
    candidates = (
        each for link in chain(function) for each in (link, getattr(link, "_self_wrapper", None))
    )
    return [
        f"{each.__module__}.{each.__qualname__} "
        f"({each.__code__.co_filename}:{each.__code__.co_firstlineno})"
        for each in candidates
        # type(): to isinstance, a wrapper is a function too.
        if type(each) is FunctionType and str(each.__module__).partition(".")[0] not in own
    ]


def bypasses(model_class: Any, patched: Iterable[type]) -> tuple[str, ...]:
    """Name the classes whose calls do not reach the patch.

    These are subclasses that override `get_response` without calling it, and classes from
    before a reload that were not patched. Code that stored the original `get_response`
    before the patch was applied is not found.
    """
    overriding = (
        f"subclass {_name(each)} overrides {_upstream.METHOD} without calling it"
        for each in _subclasses(model_class)
        if not _calls_on(vars(each).get(_upstream.METHOD))
    )
    older = (
        f"an older {_name(each)}, from before a reload, is not patched"
        for base in model_class.__bases__
        for each in base.__subclasses__()
        if _name(each) == _name(model_class) and each not in (model_class, *patched)
    )
    return tuple(sorted([*overriding, *older]))


def _subclasses(model_class: Any) -> Iterator[Any]:
    for each in model_class.__subclasses__():
        yield each
        yield from _subclasses(each)


def _calls_on(method: Any) -> bool:
    """Return whether a subclass inherits the method, or its own method names `get_response`."""
    if method is None:
        return True
    return any(_names_it(getattr(each, "__code__", None)) for each in chain(method))


def _names_it(code: Any) -> bool:
    inner = (each for each in getattr(code, "co_consts", ()) if isinstance(each, CodeType))
    return _upstream.METHOD in getattr(code, "co_names", ()) or any(map(_names_it, inner))


def _name(model_class: type) -> str:
    return f"{model_class.__module__}.{model_class.__qualname__}"
