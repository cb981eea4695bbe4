"""The wrapper that replaces `get_response` in the SDK's class."""

from __future__ import annotations

import functools
import inspect
import pkgutil
from collections.abc import Collection
from contextlib import suppress
from types import MethodType, SimpleNamespace
from typing import Any

import wrapt

from .. import _upstream
from .call.model import Model
from .call.state import Call
from .log import log_failure, unpatched

# wrapt 1.x is untyped and 2.x generic; the type checker sees Any.
_ObjectProxy: Any = wrapt.ObjectProxy


class GetResponse(_ObjectProxy):  # type: ignore[misc]  # see above
    """The wrapper around the original `get_response`: the SDK's, or a third-party wrapper.

    The original runs exactly once for each call, whatever fails here. Bound, the wrapper
    is a plain method: wrapt's own bound form takes four times as long.
    """

    def __init__(
        self, original: Any, fixes: Collection[str], switch: SimpleNamespace | None = None
    ) -> None:
        super().__init__(original)
        self._self_fixes = frozenset(fixes)
        # Off: it only calls the original. The copies that the probe runs share the switch.
        self._self_switch = switch or SimpleNamespace(off=False)
        self._self_function = _function(self)

    def __get__(self, model: Any, owner: Any = None) -> Any:
        return self if model is None else MethodType(self._self_function, model)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self._self_function(*args, **kwargs)

    def __reduce_ex__(self, protocol: Any) -> Any:
        # Pickled by name, as a function is; unpickling does not need this package.
        name = f"{_upstream.MODULE}:{_upstream.CLASS}.{_upstream.METHOD}"
        return pkgutil.resolve_name, (name,)

    def __copy__(self) -> GetResponse:
        return self

    def __deepcopy__(self, memo: Any) -> GetResponse:
        return self

    def _patch_over(self, original: Any) -> GetResponse:
        """Return a wrapper with the same fixes around another original."""
        return type(self)(original, self._self_fixes, self._self_switch)


def _function(wrapper: GetResponse) -> Any:
    """Return the function that a wrapper binds; it has the original's name and signature."""
    fixes, switch = wrapper._self_fixes, wrapper._self_switch

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        if switch.off or unpatched.get():
            original = None
        else:
            try:
                call = Call(fixes, kwargs)
                # Not type(): a third-party stand-in may claim the model's class.
                original = wrapper.__wrapped__.__get__(Model(self, call), self.__class__)
            except Exception as error:  # noqa: BLE001 - then the call is made without the patch
                original = None
                log_failure("preparing the call", error)
        # Outside the except block, so that an error of the SDK does not get ours as its context.
        if original is None:
            return await wrapper.__wrapped__.__get__(self, self.__class__)(*args, **kwargs)
        try:
            running = original(*args, **kwargs)
            del original  # the bound method is not needed while the call runs
            return call.finish(await running)
        finally:
            call.open = False

    with suppress(Exception):  # a third-party wrapper may describe itself in any way
        functools.update_wrapper(get_response, wrapper.__wrapped__)
        get_response.__signature__ = inspect.signature(wrapper.__wrapped__)  # type: ignore[attr-defined]
    # Code that unwraps the bound method finds this package's wrapper first.
    get_response.__wrapped__ = wrapper  # type: ignore[attr-defined]
    return get_response
