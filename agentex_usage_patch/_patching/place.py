"""The wrappers that this package has put into classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from weakref import ref

from .. import _upstream

if TYPE_CHECKING:
    from .wrapper import GetResponse

#: Weak references, so that a class that a reload replaced can be collected.
_placed: list[tuple[ref[Any], ref[GetResponse]]] = []


def place(model_class: Any, wrapper: GetResponse) -> None:
    """Make a wrapper the `get_response` of a class."""
    setattr(model_class, _upstream.METHOD, wrapper)
    _placed.append((ref(model_class), ref(wrapper)))


def restore(model_class: Any, wrapper: Any) -> None:
    """Put the original back; a wrapper beneath a third-party one only passes calls on."""
    wrapper._self_switch.off = True
    if vars(model_class).get(_upstream.METHOD) is wrapper:
        setattr(model_class, _upstream.METHOD, wrapper.__wrapped__)
        forget(wrapper)


def forget(wrapper: Any) -> None:
    """Remove a wrapper from the list, with those that have been collected."""
    _placed[:] = [(owner, each) for owner, each in _placed if each() not in (None, wrapper)]


def placed() -> list[tuple[Any, GetResponse]]:
    """Return the classes that were patched and are still alive, with their wrappers."""
    pairs = ((owner(), wrapper()) for owner, wrapper in _placed)
    return [(owner, each) for owner, each in pairs if owner is not None and each is not None]


def wrapper_of(model_class: Any) -> Any:
    """Return the wrapper that was placed in a class, None without one.

    A third-party function may have replaced or wrapped it since.
    """
    return next((wrapper for owner, wrapper in placed() if owner is model_class), None)


def chain(function: Any) -> Iterator[Any]:
    """Yield a callable and what it wraps, by ``__wrapped__``."""
    seen: set[int] = set()
    while function is not None and id(function) not in seen:
        seen.add(id(function))
        yield function
        function = getattr(function, "__wrapped__", None)
