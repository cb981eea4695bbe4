"""What came of each case on each setting: a case is held once, on all of them at a time."""

from __future__ import annotations

import asyncio
from typing import Any, Self

from .answers import Json
from .cases import Case
from .conversation import Conversation, in_short
from .stack import SETTINGS, Setting, Stack, Worker


class Outcomes:
    """So many workers of each setting, and what was seen of them."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.workers: dict[Setting, list[Worker]] = {}
        self.held: dict[str, asyncio.Task[dict[Setting, Any]]] = {}

    async def start(self, name: str, count: int, heartbeat: int) -> Self:
        """Start so many workers of each setting, which share its work."""

        async def workers(setting: Setting) -> list[Worker]:
            queue = f"{name}-{setting}"
            return await asyncio.gather(
                *(
                    self.stack.worker(setting, f"{queue}-{number}", queue, heartbeat=heartbeat)
                    for number in range(count)
                )
            )

        started = await asyncio.gather(*map(workers, SETTINGS))
        self.workers = dict(zip(SETTINGS, started, strict=True))
        return self

    async def of(self, name: str, case: Case, setting: Setting) -> Json:
        """Return what was seen of a case on a setting."""
        if name not in self.held:
            self.held[name] = asyncio.create_task(self._hold(name, case))
        seen = (await self.held[name])[setting]
        if isinstance(seen, BaseException):
            raise seen
        return seen  # type: ignore[no-any-return]

    def told(self) -> dict[str, dict[Setting, str]]:
        """Return in short what was seen of each case that was held."""
        return {
            name: {
                setting: type(seen).__name__ if isinstance(seen, BaseException) else in_short(seen)
                for setting, seen in task.result().items()
            }
            for name, task in self.held.items()
            if task.done()
        }

    async def _hold(self, name: str, case: Case) -> dict[Setting, Any]:
        async def hold(workers: list[Worker]) -> Json:
            async with asyncio.timeout(180), Conversation(self.stack, workers, name) as talk:
                return await case.hold(talk)

        seen = await asyncio.gather(*map(hold, self.workers.values()), return_exceptions=True)
        return dict(zip(self.workers, seen, strict=True))
