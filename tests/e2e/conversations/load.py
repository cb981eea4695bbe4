"""Hold many conversations at a time on the two workers of a setting."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable

import psutil

from agentex_usage_patch import _upstream

from ..platform.answers import Answer, Json, tokens
from ..platform.stack import Stack, Worker
from .conversation import Conversation, numbers
from .retries import undisturbed

TURNS, AT_ONCE = 3, 16
#: More conversations with the patch: only the patch could mix up calls.
WORKFLOWS = {True: 100, False: 25}
WARM_UP = 20


async def load(talk: Conversation) -> Json:
    """Hold conversations of three turns with different usage; return what they show."""
    stack, workers = talk.stack, talk.workers
    gate = asyncio.Semaphore(AT_ONCE)

    async def hold(number: int) -> Json:
        async def turns(talk: Conversation) -> Json:
            talk.will(*(Answer(usage=own(number, turn)) for turn in range(TURNS)))
            for _ in range(TURNS):
                await talk.turn(chain=True)
            await stack.backend.until(
                lambda: len(stack.backend.ended_spans(talk.task, _upstream.SPAN)) >= TURNS
            )
            return await _account(stack, talk)

        async with gate:
            return await undisturbed(stack, workers, f"load {number}", turns)

    count = WORKFLOWS[workers[0].setting.patched]
    await asyncio.gather(*map(hold, range(count, count + WARM_UP)))
    before = memory(workers)
    talks = await asyncio.gather(*map(hold, range(count)))
    return {"talks": talks, "memory": [before, memory(workers)], "left": await talk.left()}


async def _account(stack: Stack, talk: Conversation) -> Json:
    """Return what the server sent in a conversation, and what the agent reported."""
    served = talk.served
    spans = stack.backend.ended_spans(talk.task, _upstream.SPAN)
    return {
        "given": list(numbers(served.given)),
        "issued": served.issued,
        "usages": [turn["usage"] for turn in talk.turns],
        "returned": [turn["last_response_id"] for turn in talk.turns],
        "asked": [body.get("previous_response_id") for body in served.requests],
        "spans": [(span.get("output") or {}).get("usage", {}) for span in spans],
    }


def own(number: int, turn: int) -> Json:
    """Return the usage of one turn, in tokens; it differs in all turns."""
    return tokens(10_000 + 3 * number + turn, 100 + number, 1000 * turn + number, 7 * turn + number)


def memory(workers: list[Worker]) -> list[int]:
    """Return the memory of each worker, in MB."""
    return [psutil.Process(each.process.pid).memory_info().rss // 2**20 for each in workers]


def sum_of(usages: Iterable[Json]) -> Counter[str]:
    """Return the sum of usages for each number."""
    total: Counter[str] = Counter()
    for usage in usages:
        total.update(usage)
    return total
