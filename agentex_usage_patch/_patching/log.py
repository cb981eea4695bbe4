"""What the package says, and how often."""

from __future__ import annotations

import logging
from collections import Counter
from contextvars import ContextVar

logger = logging.getLogger("agentex_usage_patch")

_said: Counter[str] = Counter()
#: True where the probe runs: nothing that it meets is a call.
probing: ContextVar[bool] = ContextVar("agentex_usage_patch_probing", default=False)


def say(level: int, message: str, *args: object) -> None:
    """Log a line; a handler that fails costs neither an answer nor the worker's start."""
    try:
        logger.log(level, message, *args)
    except Exception:  # noqa: BLE001 - see above
        return


def warn_once(subject: str, message: str, *args: object) -> None:
    """Log a warning the first time a subject comes up in this process, then at debug level.

    A worker makes the same call thousands of times: one line tells the story, the
    count in the debug log tells how often it went on. Never raises, since it is called
    between a paid model call and its result.
    """
    if probing.get():
        return
    _said[subject] += 1
    count = _said[subject]
    if count == 1:
        say(logging.WARNING, message, *args)
    else:
        say(logging.DEBUG, "%s (%d times so far in this process)", subject, count)


def failed(step: str, error: Exception) -> None:
    """Warn that a step of ours failed and that the call goes on without it.

    The error's text may quote what it stumbled over: only its type is safe to log.
    """
    warn_once(
        f"{step} failed",
        "%s failed with %s; the call goes on as agentex-sdk made it",
        step,
        type(error).__name__,
    )


def forget() -> None:
    """Let every subject warn again, as in a new process."""
    _said.clear()
