"""The public functions: apply the patch, remove it, observe it."""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import replace
from typing import Any

from .. import _upstream
from . import install, place
from .hook import PostImportHook, imported
from .log import log, probing, reset
from .probe.observe import Observation
from .status import AgentexUsagePatchError, PatchStatus, describe

DISABLED = "AGENTEX_USAGE_PATCH_DISABLED"

_ON_WORDS = ("1", "true", "t", "yes", "y", "on")
_OFF_WORDS = ("", "0", "false", "f", "no", "n", "off")

_lock = threading.RLock()
_wanted = False
_strict = False
_logged = ""


def apply_patch(*, strict: bool = False) -> PatchStatus:
    """Give `TemporalStreamingModel.get_response` the fixes that the installed release lacks.

    On an affected agentex-sdk a call then returns real usage (in tokens) and the server's
    response_id, sends previous_response_id, conversation_id, prompt and prompt_cache_key,
    and adds the usage to its span. On a release with all fixes nothing is replaced. Source:
    upstream's PR #335, released in agentex-sdk 0.10.5.

    Call it before or after the SDK is imported, from any thread, any number of times. It
    imports nothing of the SDK. A fix counts as applied when it was seen to work; if that
    cannot be observed, the version decides what is applied. Returns the status. Logs its
    summary as one line: here, or when the SDK is imported if that comes later. With
    ``AGENTEX_USAGE_PATCH_DISABLED=1`` (or true, yes, on) in the environment it changes
    nothing and says so.

    Never raises by default. With ``strict``, a fix that was not seen to work raises
    `AgentexUsagePatchError` after that line; what was applied stays. The ``strict`` of the
    last call counts. A patch that is switched off never raises.
    """
    global _strict, _wanted
    if probing.get():
        return _during_probe()
    if _disabled():
        current = status()
        current = replace(current, summary=f"{DISABLED} is set: not applied. {current.summary}")
        if _upstream.is_installed() and not (current.complete or current.conflicts):
            current = replace(current, advice=f"Unset {DISABLED} to apply the patch.")
        _log_summary(logging.WARNING, current.summary)
        return current
    try:
        with _lock:
            _wanted, _strict = True, strict
            _hook.install()
        # Outside the lock: the importing thread may need it.
        module = imported(_upstream.MODULE, _upstream.CLASS)
        if module is None and _upstream.is_installed() and not _upstream.model_is_gone():
            return status()
    except Exception as error:  # noqa: BLE001 - the worker must start
        current = _failed(error)
    else:
        return _apply(module)
    return _report(current)


def remove_patch() -> PatchStatus:
    """Put the original `get_response` back: the same object as before.

    A third-party wrapper around this package's wrapper stays, and this package's wrapper
    then only passes calls on. Calls in progress finish with the patch. Has no effect when
    nothing was applied. Never raises. Returns the status afterwards.
    """
    global _logged, _strict, _wanted
    if probing.get():
        return _during_probe()
    with _lock:
        _wanted, _strict, _logged = False, False, ""
        _hook.remove()
        for model_class, wrapper in place.placed():
            place.restore(model_class, wrapper)
        reset()
    return status()


def status() -> PatchStatus:
    """Observe the installed agentex-sdk and the patch on it, now.

    Runs the `get_response` in the class against stubs, about 2 ms. Remembers nothing from
    earlier calls and imports nothing of the SDK. Never raises: what cannot be observed is
    ``unknown``.
    """
    if probing.get():
        return _during_probe()
    try:
        with _lock:
            return install.observed(wanted=_wanted)
    except Exception as error:  # noqa: BLE001 - the worker must go on
        return _failed(error)


def _apply(module: Any) -> PatchStatus:
    """Apply the patch; the import hook calls this. ``module`` is None if the SDK has no model."""
    if probing.get() or not _wanted:  # removed while the model was being imported
        return status()
    try:
        with _lock:
            seen = None
            if module is not None:
                seen = install.install(module)
                if not place.placed():
                    _hook.remove()  # nothing was applied, and a reload brings the same code
            current = install.observed(wanted=_wanted, seen=seen)
    except Exception as error:  # noqa: BLE001 - the worker must start
        current = _failed(error)
    return _report(current)


def _report(current: PatchStatus) -> PatchStatus:
    """Log the summary, and raise if ``strict`` was asked for and a fix is not in place."""
    fine = current.complete and not current.conflicts and not current.bypasses
    _log_summary(logging.INFO if fine else logging.WARNING, current.summary)
    if _strict and not current.complete:
        raise AgentexUsagePatchError(current)
    return current


def _log_summary(level: int, summary: str) -> None:
    """Log a summary, unless the last one logged was the same."""
    global _logged
    if summary != _logged:
        _logged = summary
        log(level, "%s", summary)


def _disabled() -> bool:
    value = os.environ.get(DISABLED, "").strip().lower()
    if value in _OFF_WORDS:
        return False
    if value not in _ON_WORDS:
        message = "%s is neither 1, true, yes or on nor 0, false, no or off: taken as 1"
        log(logging.WARNING, message, DISABLED)
    return True


def _during_probe() -> PatchStatus:
    """Answer a wrapper that asks while the probe runs it, without probing again."""
    seen = Observation(problem="get_response is being run against stubs right now")
    current = describe(seen, model_file=None, wanted=_wanted)
    return replace(current, advice="Call status() outside of get_response.")


def _failed(error: Exception) -> PatchStatus:
    summary = (
        f"agentex-usage-patch failed ({type(error).__name__}): "
        "whether agentex-sdk is patched is unknown."
    )
    advice = "Run agentex-usage-patch status, and report what it prints."
    return PatchStatus(None, None, None, (), (), (), summary, advice)


def _after_fork() -> None:
    # The thread that held the lock does not exist in a forked child and can no longer release it.
    global _lock
    _lock = threading.RLock()


_hook = PostImportHook(_upstream.MODULE, _apply)
getattr(os, "register_at_fork", lambda **_: None)(after_in_child=_after_fork)  # not on Windows
