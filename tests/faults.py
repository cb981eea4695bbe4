"""A function that fails, to replace a step of the package in a test."""

from __future__ import annotations

from typing import Any

#: The package names the type of an error in its log, and never quotes its message.
MESSAGE = "must not be logged"


def fail(*_: Any, **__: Any) -> Any:
    """Raise a LookupError, whatever the arguments."""
    raise LookupError(MESSAGE)
