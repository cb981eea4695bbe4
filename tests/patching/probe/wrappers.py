"""Install a third-party wrapper that makes each call in its own way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ... import calls
from ...calls import AFFECTED

#: The state of each fix when the patch is applied.
WITH: Any = "patched" if AFFECTED else "native"

#: Tasks that wrappers keep alive until the end of the test.
kept: list[Any] = []


def wrap(tool: Callable[[Any], Any]) -> None:
    """Wrap get_response: `tool` receives the coroutine of each call, and awaits it."""
    original = calls.sdk.TemporalStreamingModel.get_response

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await tool(original(self, *args, **kwargs))

    calls.sdk.TemporalStreamingModel.get_response = get_response


async def gather(call: Any) -> Any:
    """Make the call in a task, with asyncio.gather."""
    (result,) = await asyncio.gather(call)
    return result
