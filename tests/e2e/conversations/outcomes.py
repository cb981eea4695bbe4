"""Hold the cases on each setting, side by side, and keep what they show."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable

from ..platform.answers import Json
from ..platform.stack import BRIEF, SETTINGS, Setting, Stack, Worker
from .cases import CASES, CHAINED, OPTIONS, Case
from .conversation import Conversation, in_short
from .load import load
from .retries import undisturbed

#: The number of concurrent conversations on the two workers of a setting.
AT_ONCE = 4

#: Seconds without a heartbeat until Temporal gives an activity to the other worker.
HEARTBEAT = 10


async def what_is_left(talk: Conversation) -> Json:
    """Return what earlier conversations left in the workers."""
    return {"left": await talk.left()}


LEFT, LOAD = "what is left in the workers", "a load of conversations"
#: Cases that run alone run in this order.
ALL = {**CASES, **OPTIONS, LEFT: Case(what_is_left, alone=True), LOAD: Case(load, alone=True)}


class Outcomes:
    """Two workers of each setting, and what their conversations showed."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._held: dict[tuple[str, Setting], asyncio.Task[Json]] = {}
        self._started: list[asyncio.Task[list[Worker]]] = []

    def begin(self, wanted: Collection[str]) -> None:
        """Start the workers and the wanted cases, and return at once.

        Cases that do not disturb others come first, several at a time. Each of the others has
        the workers for itself.
        """
        names = [name for name in ALL if name in wanted]
        for setting in SETTINGS if names else ():
            self._begin(setting, 2, names)
        if CHAINED in names:
            self._begin(BRIEF, 1, [CHAINED])

    def _begin(self, setting: Setting, count: int, names: Iterable[str]) -> None:
        workers = asyncio.create_task(self._workers(setting, count))
        self._started.append(workers)
        gate = asyncio.Semaphore(AT_ONCE)
        before: list[asyncio.Task[Json]] = []
        for name in sorted(names, key=lambda name: ALL[name].alone):
            wait_for = tuple(before) if ALL[name].alone else ()
            held = asyncio.create_task(self._hold(name, workers, gate, wait_for))
            before.append(held)
            self._held[name, setting] = held

    async def of(self, name: str, setting: Setting) -> Json:
        """Return what a case showed on a setting."""
        return await asyncio.shield(self._held[name, setting])

    def told(self) -> dict[str, dict[Setting, str]]:
        """Return a short text on each case that was held."""
        told: dict[str, dict[Setting, str]] = {}
        for (name, setting), task in self._held.items():
            if task.done() and not task.cancelled() and name in (CASES | OPTIONS):
                error = task.exception()
                short = type(error).__name__ if error else in_short(task.result())
                told.setdefault(name, {})[setting] = short
        return told

    async def end(self) -> None:
        """Cancel cases that still run, for instance after an interrupt."""
        tasks = [*self._held.values(), *self._started]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _workers(self, setting: Setting, count: int) -> list[Worker]:
        return await asyncio.gather(
            *(
                self.stack.worker(
                    setting, f"agent-{setting}-{number}", f"agent-{setting}", heartbeat=HEARTBEAT
                )
                for number in range(count)
            )
        )

    async def _hold(
        self,
        name: str,
        started: asyncio.Task[list[Worker]],
        gate: asyncio.Semaphore,
        wait_for: Collection[asyncio.Task[Json]],
    ) -> Json:
        if wait_for:
            await asyncio.wait(wait_for)
        workers = await asyncio.shield(started)
        case = ALL[name]
        async with gate:
            return await undisturbed(self.stack, workers, name, case.hold, case.retries)
