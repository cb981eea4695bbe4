"""The wrapper that `get_response` is replaced with."""

from __future__ import annotations

import functools
import inspect
import pkgutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from threading import local
from types import MethodType
from typing import Any

import wrapt

from .. import _upstream
from .call import Call, Model
from .log import failed

# wrapt 1.x is untyped and 2.x generic: to the type checker it is Any.
_ObjectProxy: Any = wrapt.ObjectProxy


class _Here(local):
    """True in one thread. Not its ident: a thread in a forked process may have that one again."""

    true = False


class Passing:
    """Whether a wrapper only passes calls on: everywhere, or here, which is in this thread."""

    __slots__ = ("everywhere", "here")

    def __init__(self) -> None:
        self.everywhere = False
        self.here = _Here()


class GetResponse(_ObjectProxy):  # type: ignore[misc]  # see above
    """The wrapper that stands in the class in place of the original `get_response`.

    The original, a function or somebody's wrapper, runs once for each call, whatever
    happens here. Bound, it is a method like any: that takes a quarter of the time of a
    bound form of wrapt's.
    """

    def __init__(
        self, original: Any, fixes: Collection[str], passing: Passing | None = None
    ) -> None:
        super().__init__(original)
        self._self_fixes = frozenset(fixes)
        self._self_passing = passing or Passing()
        self._self_function = _function(self)

    def __get__(self, model: Any, owner: Any = None) -> Any:
        return self if model is None else MethodType(self._self_function, model)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self._self_function(*args, **kwargs)

    def __reduce_ex__(self, protocol: Any) -> Any:
        # By reference, as a function; without this package where it is loaded.
        name = f"{_upstream.MODULE}:{_upstream.CLASS}.{_upstream.METHOD}"
        return pkgutil.resolve_name, (name,)

    def __copy__(self) -> GetResponse:
        return self

    def __deepcopy__(self, memo: Any) -> GetResponse:
        return self

    def over(self, original: Any) -> GetResponse:
        """Return a wrapper that does what this one does, over another original."""
        return type(self)(original, self._self_fixes, self._self_passing)

    @contextmanager
    def only_passing_on_here(self) -> Iterator[None]:
        """Pass calls on in this thread, for a look at what there is without us."""
        here = self._self_passing.here
        here.true = True
        try:
            yield
        finally:
            here.true = False


def _function(wrapper: GetResponse) -> Any:
    """Return what a wrapper calls with a model first; to look at, it is the original."""
    fixes, passing = wrapper._self_fixes, wrapper._self_passing

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        if passing.everywhere or passing.here.true:
            original = None
        else:
            try:
                call = Call(fixes, kwargs)
                # Not type(): the model may be the stand-in of another copy of this package.
                original = wrapper.__wrapped__.__get__(Model(self, call), self.__class__)
            except Exception as error:  # noqa: BLE001 - the call is made without the patch then
                original = None
                failed("preparing the call", error)
        if original is None:  # not above, where our error would be the context of theirs
            return await wrapper.__wrapped__.__get__(self, self.__class__)(*args, **kwargs)
        try:
            running = original(*args, **kwargs)
            del original  # a bound method that nobody needs while the call runs
            return call.finish(await running)
        finally:
            call.open = False

    with suppress(Exception):  # whatever somebody's wrapper is named, or says of itself
        functools.update_wrapper(get_response, wrapper.__wrapped__)
        get_response.__signature__ = inspect.signature(wrapper.__wrapped__)  # type: ignore[attr-defined]
    # Whoever looks for what stands behind it finds the wrapper first.
    get_response.__wrapped__ = wrapper  # type: ignore[attr-defined]
    return get_response
