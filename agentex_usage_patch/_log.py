"""What the package says, and how often."""

from __future__ import annotations

import logging
from collections import Counter

logger = logging.getLogger("agentex_usage_patch")

_said: Counter[str] = Counter()


def warn_once(subject: str, message: str, *args: object) -> None:
    """Log a warning the first time a subject comes up in this process, then at debug level.

    A worker makes the same call thousands of times: one line tells the story, the
    count in the debug log tells how often it went on. Never raises, since it is called
    between a paid model call and its result.
    """
    try:
        _said[subject] += 1
        count = _said[subject]
        if count == 1:
            logger.warning(message, *args)
        else:
            logger.debug("%s (%d times so far in this process)", subject, count)
    except Exception:  # noqa: BLE001 - a broken log handler must not cost the answer
        return


def forget() -> None:
    """Let every subject warn again, as in a new process."""
    _said.clear()
