"""The wrapper that `get_response` is replaced with."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from threading import local
from types import FunctionType, MethodType
from typing import Any

import wrapt

from ._call import Call, Model
from ._log import failed

# wrapt 1.x is untyped and 2.x generic: to the type checker it is Any.
_ObjectProxy: Any = wrapt.ObjectProxy


class _Looking(local):
    """Whether this thread looks at what there is without us."""

    # Not a thread's ident: a thread in a forked process may have that one again.
    here = False


class GetResponse(_ObjectProxy):  # type: ignore[misc]  # see above
    """The wrapper that stands in the class in place of the original `get_response`.

    The original, a function or somebody's wrapper, runs once for each call, whatever
    happens here. An ``inert`` one only passes calls on.

    It is bound as a function is, by a method: the bound form of wrapt's FunctionWrapper
    takes four times as long to make.
    """

    def __init__(
        self, original: Any, fixes: Collection[str], looking: _Looking | None = None
    ) -> None:
        super().__init__(original)
        self._self_fixes = frozenset(fixes)
        self._self_inert = False
        self._self_looking = looking or _Looking()
        #: What is called in place of the original.
        self._self_function = _function(self)

    def over(self, original: Any) -> GetResponse:
        """Return a wrapper that does what this one does, over another original."""
        other = type(self)(original, self._self_fixes, self._self_looking)
        other._self_inert = self._self_inert
        return other

    @contextmanager
    def only_passing_on_here(self) -> Iterator[None]:
        """Be inert in this thread, for a look at what there is without us."""
        self._self_looking.here = True
        try:
            yield
        finally:
            self._self_looking.here = False

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self._self_function, instance)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self._self_function(*args, **kwargs)


def _function(wrapper: GetResponse) -> Any:
    original = wrapper.__wrapped__
    if type(original) is not FunctionType:  # not isinstance, to which wrappers are functions
        original = _unbound(wrapper)
    fixes, looking = wrapper._self_fixes, wrapper._self_looking

    @functools.wraps(wrapper.__wrapped__)
    async def get_response(model: Any, /, *args: Any, **kwargs: Any) -> Any:
        stand_in = None
        if not (wrapper._self_inert or looking.here):
            try:
                call = Call(fixes, kwargs)
                stand_in = Model(model, call)
            except Exception as error:  # noqa: BLE001 - the call is made without the patch then
                failed("preparing the call", error)
        if stand_in is None:  # not above, where our error would be the context of theirs
            return await original(model, *args, **kwargs)
        try:
            return call.finish(await original(stand_in, *args, **kwargs))
        finally:
            call.open = False

    return get_response


def _unbound(wrapper: GetResponse) -> Any:
    """Return what calls somebody's wrapper, bound to what it is called with first."""

    def original(model: Any, /, *args: Any, **kwargs: Any) -> Any:
        return wrapper.__wrapped__.__get__(model, type(model))(*args, **kwargs)

    return original
