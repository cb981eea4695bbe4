"""Wrap the SDK's `get_response` with the missing fixes, and observe what is in place."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from .. import _upstream
from . import place
from .bypasses import bypasses, third_party
from .probe.observe import Observation, observe
from .status import PatchStatus, describe


def install(module: Any) -> Observation | None:
    """Wrap `get_response` with the missing fixes.

    The class stays as it is if none is missing, or if with the wrapper the run fails or a fix
    that worked no longer does. Returns what `get_response` was seen to do afterwards, None if
    that still has to be observed.
    """
    model_class = getattr(module, _upstream.CLASS, None)
    found = _method(model_class)
    if not _is_method(found):
        return None
    earlier = place.wrapper_of(model_class)
    if earlier is not None and any(each is earlier for each in place.chain(found)):
        earlier._self_switch.off = False
        return None
    before = observe(module, model_class, found)
    lacking = _lacking(before)
    if not lacking:
        return None if earlier else before
    from .wrapper import GetResponse  # imports openai, which the SDK has imported by now

    wrapper = GetResponse(found, lacking)
    after = observe(module, model_class, wrapper)
    if before.problem is None and (after.problem or before.working - after.working):
        return before
    if earlier is not None:  # third-party code has replaced our earlier wrapper, or hides it
        earlier._self_switch.off = True
        place.forget(earlier)
    place.place(model_class, wrapper)
    return None if earlier else replace(after, applied=after.working - before.working)


def _lacking(seen: Observation) -> frozenset[str]:
    """Return the fixes that do not work or, if that is unknown, those that the version lacks."""
    if seen.problem is None:
        return frozenset(_upstream.FIXES) - seen.working
    affected = _upstream.within(_upstream.sdk_version(), _upstream.AFFECTED)
    return frozenset(_upstream.FIXES if affected else ())


def observed(*, wanted: bool, seen: Observation | None = None) -> PatchStatus:
    """Return the status: run `get_response`, unless what was ``seen`` is given.

    ``wanted`` says whether `apply_patch` was called.
    """
    module, model_class, found = _find()
    wrapper = place.wrapper_of(model_class)
    in_use = wrapper is not None and not wrapper._self_switch.off
    if seen is None:
        seen = _observe(module, model_class, found, wrapper if in_use else None)
    patched = [owner for owner, _ in place.placed()]
    return describe(
        seen,
        model_file=getattr(module, "__file__", None) if found is not None else None,
        wanted=wanted,
        bypasses=bypasses(model_class, patched) if in_use else (),
        third_party=third_party(found),
    )


def _observe(module: Any, model_class: Any, found: Any, wrapper: Any) -> Observation:
    """Run what is in the class; with our wrapper there, also run it without the wrapper."""
    if module is None:
        if _upstream.model_is_gone():
            return Observation(problem=f"it holds no {_upstream.MODULE}")
        return Observation(problem="its model is not imported yet", pending=True)
    if found is None:
        return Observation(problem=f"{_upstream.CLASS}.{_upstream.METHOD} was not found")
    seen = observe(module, model_class, found)
    if wrapper is None or not seen.working:
        return seen
    alone = observe(module, model_class, found, patched=False)
    return replace(seen, applied=seen.working - alone.working)


def _find() -> tuple[Any, Any, Any]:
    """Return the SDK's module, its class, and the `get_response` in it."""
    module = sys.modules.get(_upstream.MODULE)
    model_class = getattr(module, _upstream.CLASS, None)
    return module, model_class, _method(model_class)


def _method(model_class: Any) -> Any:
    return vars(model_class).get(_upstream.METHOD) if isinstance(model_class, type) else None


def _is_method(found: Any) -> bool:
    """Say whether an attribute becomes a bound method on access."""
    return hasattr(type(found), "__get__") and not isinstance(
        found, (staticmethod, classmethod, property)
    )
