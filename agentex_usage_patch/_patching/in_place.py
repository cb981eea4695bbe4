"""Where the package's wrappers stand: in which classes, beneath whom, and whose they are."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any
from weakref import ref

from .. import _upstream
from .reach import behind

if TYPE_CHECKING:
    from .wrapper import GetResponse

#: What this copy of the package has put into classes. A reload leaves a class behind, in
#: use or not: it and its wrapper live no longer for being listed here.
_put: list[tuple[ref[Any], ref[GetResponse]]] = []


def put(model_class: Any, wrapper: GetResponse) -> None:
    """Let a wrapper stand in a class."""
    setattr(model_class, _upstream.METHOD, wrapper)
    _put.append((ref(model_class), ref(wrapper)))


def take_out(model_class: Any, wrapper: Any) -> None:
    """Put back what a wrapper wraps; one beneath somebody else's only passes calls on."""
    wrapper._self_passing.everywhere = True
    if vars(model_class).get(_upstream.METHOD) is wrapper:
        setattr(model_class, _upstream.METHOD, wrapper.__wrapped__)
        forget(wrapper)


def forget(wrapper: Any) -> None:
    """Know of a wrapper no more."""
    _put[:] = [(owner, each) for owner, each in _put if each() not in (None, wrapper)]


def placed() -> list[tuple[Any, GetResponse]]:
    """Return what this copy of the package has put into classes, and what is left of it."""
    pairs = ((owner(), wrapper()) for owner, wrapper in _put)
    return [(owner, each) for owner, each in pairs if owner is not None and each is not None]


def wrapper_of(model_class: Any, found: Any) -> Any:
    """Return the wrapper behind what was found in a class, or hidden there; None without.

    It may be another copy's: a vendored package's, or that of this one before it was
    imported anew.
    """
    hidden = (wrapper for owner, wrapper in placed() if owner is model_class)
    return next(chain(wrappers_behind(found), hidden), None)


def wrappers_behind(found: Any) -> Iterator[Any]:
    """Yield the wrappers of this package, of whichever copy, that a callable goes through."""
    for each in behind(found):
        if inspect.getattr_static(type(each), "only_passing_on_here", None) is not None:
            yield each


def is_another_copys(wrapper: Any) -> bool:
    """Say whether this copy of the package did not put a wrapper where it stands."""
    return all(wrapper is not each for _, each in placed())


def stands_in(wrapper: Any, found: Any) -> bool:
    """Say whether a wrapper is what was found, or stands beneath somebody else's."""
    seen: set[int] = set()
    while found is not None and id(found) not in seen:
        if found is wrapper:
            return True
        seen.add(id(found))
        found = getattr(found, "__wrapped__", None)
    return False
