"""A stand-in: an object that behaves as another one does, apart from a few attributes."""

from __future__ import annotations

import copy
from typing import Any, Self


class StandIn:
    """Forward everything to a target: reads, writes, deletes, ``__class__``, ``vars()``.

    A subclass defines the attributes that it intercepts, and reports to its observer: a call
    or the capture of a stream. The target's methods run on the target itself. When code
    stores a stand-in in another one, the target is stored instead, so that no stand-in
    outlives its call.
    """

    __slots__ = ("__weakref__", "_patch_observer", "_patch_target")

    _patch_target: Any
    _patch_observer: Any

    def __init__(self, target: Any, observer: Any) -> None:
        _set_target(self, target)
        _set_observer(self, observer)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._patch_target, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, StandIn):
            value = value._patch_target
        setattr(self._patch_target, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._patch_target, name)

    @property  # type: ignore[misc]  # typeshed declares it writable
    def __class__(self) -> Any:
        return self._patch_target.__class__

    @property
    def __dict__(self) -> Any:  # type: ignore[override]  # as above
        return self._patch_target.__dict__

    def __dir__(self) -> Any:
        return dir(self._patch_target)

    def __repr__(self) -> str:
        return repr(self._patch_target)

    def __str__(self) -> str:
        return str(self._patch_target)

    def __bool__(self) -> bool:
        return bool(self._patch_target)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, StandIn):
            other = other._patch_target
        return bool(self._patch_target == other)

    def __hash__(self) -> int:
        return hash(self._patch_target)

    def __copy__(self) -> Self:
        return type(self)(copy.copy(self._patch_target), self._patch_observer)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return type(self)(copy.deepcopy(self._patch_target, memo), self._patch_observer)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._patch_target.__reduce_ex__(protocol)


# The slots' own setters: the class's __setattr__ forwards.
_set_target = vars(StandIn)["_patch_target"].__set__
_set_observer = vars(StandIn)["_patch_observer"].__set__
