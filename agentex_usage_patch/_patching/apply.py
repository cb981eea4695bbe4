"""Apply, remove and observe: the only module that touches the SDK's class."""

from __future__ import annotations

import logging
import os
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

from .. import _upstream
from . import in_place
from .hook import PostImportHook, imported
from .log import forget, probing, say
from .probe.observe import Observation, observe
from .reach import past, somebodys
from .status import AgentexUsagePatchError, PatchStatus, describe

DISABLED = "AGENTEX_USAGE_PATCH_DISABLED"

_ON_WORDS = ("1", "true", "t", "yes", "y", "on")
_OFF_WORDS = ("", "0", "false", "f", "no", "n", "off")

_lock = threading.RLock()
_wanted = False
_strict = False
_told = ""


def apply_patch(*, strict: bool = False) -> PatchStatus:
    """Give `TemporalStreamingModel.get_response` what the installed release lacks.

    On an affected agentex-sdk its calls return real usage (in tokens) and the server's
    response_id, forward previous_response_id, conversation_id and prompt, and put the
    usage into their span. On a release that has all of it nothing is replaced. The
    source of the behaviour is upstream's PR #335, shipped in agentex-sdk 0.10.5.

    May be called before or after the SDK is imported, from any thread, any number of
    times; it imports nothing of the SDK. A fix counts as applied when it was seen to
    work. What was found is returned and logged, in one line. With
    ``AGENTEX_USAGE_PATCH_DISABLED=1`` (or true, yes, on) in the environment it does nothing
    and says so.

    Never raises, unless ``strict``: then `AgentexUsagePatchError` when a fix is not in
    place, at the SDK's import if that comes later.
    """
    global _strict, _wanted
    if probing.get():
        return _asked_within()
    if _disabled():
        observed = status()
        observed = replace(
            observed,
            summary=f"{DISABLED} is set: not applied. {observed.summary}",
            advice=f"Unset {DISABLED}, if the patch is to be applied.",
        )
        _tell(logging.WARNING, observed.summary)
        return observed
    try:
        with _lock:
            _wanted, _strict = True, strict
            _hook.place()
        # Not within the lock: the thread that imports the module may be about to want it.
        module = imported(_upstream.MODULE, _upstream.CLASS)
        if module is None and _upstream.is_there() and not _upstream.model_is_gone():
            return _status()
    except Exception as error:  # noqa: BLE001 - a worker starts whatever goes wrong here
        observed = _broken(error)
    else:
        return _apply(module)
    return _told_of(observed)


def remove_patch() -> PatchStatus:
    """Put the original `get_response` back, the same object that was there before.

    Where somebody has wrapped this package's wrapper since, theirs stays and ours only
    passes calls on. What another copy of this package has applied is taken back, too.
    Calls under way end as they began. Does nothing when nothing was applied; never
    raises. Returns what is observed afterwards.
    """
    global _strict, _told, _wanted
    if probing.get():
        return _asked_within()
    with _lock:
        _wanted, _strict, _told = False, False, ""
        _hook.withdraw()
        for model_class, wrapper in in_place.placed():
            in_place.take_out(model_class, wrapper)
        with suppress(Exception):  # whatever another copy, or the SDK, may have become
            _, model_class, found = _found()
            for wrapper in in_place.wrappers_behind(found):
                in_place.take_out(model_class, wrapper)
        forget()
    return status()


def status() -> PatchStatus:
    """Observe the installed agentex-sdk and the patch on it, now.

    Runs the `get_response` that is in place against stubs, about 2 ms, and asks the
    garbage collector once who goes past the patch, some 60 ms in a worker; nothing is
    remembered from an earlier call and nothing of the SDK is imported. Never raises:
    what cannot be observed is ``unknown``.
    """
    return _status(thorough=True)


def _status(*, thorough: bool = False) -> PatchStatus:
    if probing.get():
        return _asked_within()
    try:
        with _lock:
            return _observe_all(thorough=thorough)
    except Exception as error:  # noqa: BLE001 - a status must not stop a worker
        return _broken(error)


def _apply(module: Any) -> PatchStatus:
    if probing.get() or not _wanted:  # removed while the SDK's model was being imported
        return _status()
    try:
        with _lock:
            looked = None
            if module is not None:
                looked = _install(module)
                if in_place.wrapper_of(*_found()[1:]) is None:
                    # Nothing lacks: a reload will lack nothing, either.
                    _hook.withdraw()
            observed = _observe_all(looked=looked)
    except Exception as error:  # noqa: BLE001 - a worker starts whatever goes wrong here
        observed = _broken(error)
    return _told_of(observed)


def _told_of(observed: PatchStatus) -> PatchStatus:
    """Log what came of applying, and raise it where that is asked for."""
    fine = observed.complete and not observed.conflicts and not observed.bypasses
    _tell(logging.INFO if fine else logging.WARNING, observed.summary)
    if _strict and not observed.complete:
        raise AgentexUsagePatchError(observed)
    return observed


def _tell(level: int, summary: str) -> None:
    """Log a summary, unless it is what was said last: applying twice is no news."""
    global _told
    if summary != _told:
        _told = summary
        say(level, "%s", summary)


class _Looked(NamedTuple):
    """What `get_response` was seen to do, and which of it only with this package's wrapper."""

    seen: Observation
    applied: frozenset[str]


def _install(module: Any) -> _Looked | None:
    """Wrap `get_response` in what it lacks; return what was seen, None where nothing was."""
    model_class: Any = getattr(module, _upstream.CLASS, None)
    found = vars(model_class).get(_upstream.METHOD) if isinstance(model_class, type) else None
    if not _is_method(found):
        return None
    earlier = in_place.wrapper_of(model_class, found)
    if earlier is not None and in_place.stands_in(earlier, found):
        earlier._self_passing.everywhere = False
        return None
    before = observe(module, model_class, found)
    lacking = _lacking(before)
    if not lacking:
        return None if earlier else _Looked(before, frozenset())
    from .wrapper import GetResponse  # needs openai, which the SDK has imported by now

    wrapper = GetResponse(found, lacking)
    after = observe(module, model_class, wrapper)
    if before.problem is None and after.problem is not None:
        return _Looked(before, frozenset())  # what ran without the wrapper does not run with it
    if earlier is not None:  # beneath somebody's wrapper that hides it, or put aside
        earlier._self_passing.everywhere = True
        in_place.forget(earlier)
    in_place.put(model_class, wrapper)
    return None if earlier else _Looked(after, after.working - before.working)


def _lacking(seen: Observation) -> frozenset[str]:
    """Return the fixes to apply: what was seen to be missing, else what the version says."""
    if seen.problem is None:
        return frozenset(_upstream.FIXES) - seen.working
    affected = _upstream.within(_upstream.sdk_version(), _upstream.AFFECTED)
    return frozenset(_upstream.FIXES if affected else ())


def _is_method(found: Any) -> bool:
    return hasattr(type(found), "__get__") and not isinstance(
        found, (staticmethod, classmethod, property)
    )


def _found() -> tuple[Any, Any, Any]:
    """Return the SDK's module, its class, and what stands in it as `get_response`."""
    module = sys.modules.get(_upstream.MODULE)
    model_class = getattr(module, _upstream.CLASS, None)
    return module, model_class, getattr(model_class, "__dict__", {}).get(_upstream.METHOD)


def _observe_all(*, thorough: bool = False, looked: _Looked | None = None) -> PatchStatus:
    module, model_class, found = _found()
    applied: frozenset[str] = frozenset()
    bypasses: tuple[str, ...] = ()
    copied = False
    if module is None and _upstream.model_is_gone():
        seen = Observation(problem=f"it holds no {_upstream.MODULE}")
    elif module is None:
        seen = Observation(problem="its model is not imported yet", pending=True)
    elif found is None:
        seen = Observation(problem=f"{_upstream.CLASS}.{_upstream.METHOD} was not found")
    else:
        ours = in_place.wrapper_of(model_class, found)
        in_use = ours is not None and not ours._self_passing.everywhere
        if looked is not None:
            seen, applied = looked
        else:
            seen = observe(module, model_class, found)
            if in_use and seen.working:
                alone = observe(module, model_class, found, ours.only_passing_on_here)
                applied = seen.working - alone.working
        if in_use:
            copied = in_place.is_another_copys(ours)
            patched = [owner for owner, _ in in_place.placed()]
            bypasses = past(model_class, ours, patched, thorough=thorough)
    model_file = getattr(module, "__file__", None) if found is not None else None
    return describe(
        seen,
        model_file=model_file,
        applied=applied,
        copied=copied,
        waiting=_wanted,
        bypasses=bypasses,
        somebodys=somebodys(found),
    )


def _disabled() -> bool:
    value = os.environ.get(DISABLED, "").strip().lower()
    if value in _OFF_WORDS:
        return False
    if value not in _ON_WORDS:
        say(
            logging.WARNING,
            "%s is neither 1, true, yes or on nor 0, false, no or off: understood as 1",
            DISABLED,
        )
    return True


def _asked_within() -> PatchStatus:
    """Answer a wrapper that asks while the probe runs it: it would be run again, and again."""
    seen = Observation(problem="it is being observed right now, and asks for its own status")
    observed = describe(seen, model_file=None, applied=frozenset(), waiting=_wanted)
    return replace(observed, advice="Ask outside of get_response, or once in a while.")


def _broken(error: Exception) -> PatchStatus:
    summary = f"agentex-usage-patch failed ({type(error).__name__}) and left agentex-sdk alone."
    advice = "Run agentex-usage-patch status, and report what it prints."
    return PatchStatus(None, None, None, (), (), (), summary, advice)


def _after_fork() -> None:
    # Another thread of the parent may have held the lock; it is not there to let go of it.
    global _lock
    _lock = threading.RLock()


_hook = PostImportHook(_upstream.MODULE, _apply)
getattr(os, "register_at_fork", lambda **_: None)(after_in_child=_after_fork)  # not on Windows
