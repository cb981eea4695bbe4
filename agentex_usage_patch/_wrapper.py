"""The wrapper that `get_response` is replaced with."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from threading import local
from typing import Any

import wrapt

from ._call import Call, Model
from ._log import failed

# wrapt 1.x is untyped and 2.x generic: to the type checker it is Any.
_FunctionWrapper: Any = wrapt.FunctionWrapper


class GetResponse(_FunctionWrapper):  # type: ignore[misc]  # see above
    """The wrapper that stands in the class in place of the original `get_response`.

    The original, a function or somebody's wrapper, runs once for each call, whatever
    happens here. An ``inert`` one only passes calls on.
    """

    def __init__(self, original: Any, fixes: Collection[str]) -> None:
        super().__init__(original, self._call)
        self._self_fixes = frozenset(fixes)
        self._self_inert = False
        # Not a thread's ident: a thread in a forked process may have that one again.
        self._self_looking = local()

    def over(self, original: Any) -> GetResponse:
        """Return a wrapper that does what this one does, over another original."""
        other = type(self)(original, self._self_fixes)
        other._self_inert = self._self_inert
        other._self_looking = self._self_looking
        return other

    @contextmanager
    def only_passing_on_here(self) -> Iterator[None]:
        """Be inert in this thread, for a look at what there is without us."""
        self._self_looking.here = True
        try:
            yield
        finally:
            self._self_looking.here = False

    async def _call(
        self, wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if self._self_inert or getattr(self._self_looking, "here", False):
            return await wrapped(*args, **kwargs)
        original = None
        try:
            rest = args
            if instance is None:  # taken from the class's __dict__ and called with a model
                instance, rest = args[0], args[1:]
            call = Call(self._self_fixes, kwargs)
            original = self.__wrapped__.__get__(Model(instance, call), type(instance))
        except Exception as error:  # noqa: BLE001 - the call is made without the patch then
            failed("preparing the call", error)
        if original is None:  # not above, where our error would be the context of theirs
            return await wrapped(*args, **kwargs)
        try:
            return call.finish(await original(*rest, **kwargs))
        finally:
            call.open = False
