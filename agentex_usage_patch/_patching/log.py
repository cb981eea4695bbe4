"""Log lines: what the package says, and how often."""

from __future__ import annotations

import logging
from collections import Counter
from contextvars import ContextVar

logger = logging.getLogger("agentex_usage_patch")

_counts: Counter[str] = Counter()
#: True while the probe runs: it makes no real calls, so no warning is logged.
probing: ContextVar[bool] = ContextVar("agentex_usage_patch_probing", default=False)
#: True while the probe looks at what works without the patch.
unpatched: ContextVar[bool] = ContextVar("agentex_usage_patch_unpatched", default=False)


def log(level: int, message: str, *args: object) -> None:
    """Log a line, and ignore a handler that raises."""
    try:
        logger.log(level, message, *args)
    except Exception:  # noqa: BLE001 - a broken handler must not cost an answer or a start
        return


def warn_once(subject: str, message: str, *args: object) -> None:
    """Log a warning once per process and subject, then a count at debug level.

    A worker makes the same call thousands of times. Never raises: it is called between a
    paid model call and its result.
    """
    if probing.get():
        return
    _counts[subject] += 1
    count = _counts[subject]
    if count == 1:
        log(logging.WARNING, message, *args)
    else:
        log(logging.DEBUG, "%s (%d times so far in this process)", subject, count)


def log_failure(step: str, error: Exception) -> None:
    """Warn that one of our steps failed and that the call continues without it.

    Only the error's type is logged: its text may quote a prompt or an answer.
    """
    warn_once(
        f"{step} failed",
        "%s failed with %s; the call continues without this step",
        step,
        type(error).__name__,
    )


def reset() -> None:
    """Let every subject warn again, as in a new process."""
    _counts.clear()
