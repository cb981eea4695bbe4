"""A function that fails, to put in the place of any step of the package."""

from __future__ import annotations

from typing import Any

#: The package names the type of an error in its log, and never quotes its message.
MESSAGE = "must not be logged"


def fail(*_: Any, **__: Any) -> Any:
    """Raise a LookupError, whatever the arguments."""
    raise LookupError(MESSAGE)
