"""200 workflows of three turns on two workers: every answer has its own numbers, patched."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable

import psutil
import pytest

from agentex_usage_patch import _upstream

from .answers import Answer, Json, tokens
from .conversation import Conversation, numbers
from .stack import FIXED, SETTINGS, Setting, Stack, Worker

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORKFLOWS, TURNS, AT_ONCE = 200, 3, 16


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
async def test_every_answer_has_its_own_numbers_and_nothing_is_charged_twice(
    setting: Setting, stack: Stack, record_property: Callable[[str, object], None]
) -> None:
    queue = f"load-{setting}"
    workers = await asyncio.gather(
        *(
            stack.worker(setting, f"{queue}-{number}", queue, cached=WORKFLOWS)
            for number in range(2)
        )
    )
    gate = asyncio.Semaphore(AT_ONCE)

    async def hold(number: int) -> Conversation:
        async with gate, Conversation(stack, workers, f"load {number}") as talk:
            talk.will(*(Answer(usage=own(number, turn)) for turn in range(TURNS)))
            for _ in range(TURNS):
                await talk.turn(chain=True)
        return talk

    await asyncio.gather(*map(hold, range(WORKFLOWS, WORKFLOWS + 40)))
    before = memory(workers)
    talks = await asyncio.gather(*map(hold, range(WORKFLOWS)))
    after = memory(workers)
    record_property("memory", f"{setting}: {before} MB after warm-up, {after} MB at the end")
    counted = setting.patched or setting == FIXED
    for number, talk in enumerate(talks):
        given = list(numbers([own(number, turn) for turn in range(TURNS)]))
        assert len(talk.served.requests) == TURNS, talk.served.workers
        usages = [turn["usage"] for turn in talk.turns]
        assert usages == (given if counted else [dict.fromkeys(given[0], 0)] * TURNS)
        returned = [turn["last_response_id"] for turn in talk.turns]
        assert (returned == talk.served.issued) is counted
        asked = [body.get("previous_response_id") for body in talk.served.requests]
        assert asked == [None, *(talk.served.issued if counted else [None] * TURNS)[:-1]]
    total = sum_of(each for talk in talks for each in numbers(talk.served.given))
    assert await in_spans(stack, talks) == (total if counted else Counter())
    async with Conversation(stack, workers, "after the load") as talk:
        left = await talk.left()
    assert (left["tasks"], left["kept"]) == ([], 0)
    await asyncio.gather(*(each.stop() for each in workers))


def own(number: int, turn: int) -> Json:
    """Return the usage of one turn of one workflow, in tokens."""
    return tokens(10_000 + 3 * number + turn, 100 + number, 1000 * turn + number, 7 * turn + number)


def memory(workers: list[Worker]) -> list[int]:
    """Return what each worker holds, in MB."""
    return [psutil.Process(each.process.pid).memory_info().rss // 2**20 for each in workers]


def sum_of(usages: Iterable[Json]) -> Counter[str]:
    """Return the sum of usages, number by number."""
    total: Counter[str] = Counter()
    for usage in usages:
        total.update(usage)
    return total


async def in_spans(stack: Stack, talks: list[Conversation]) -> Counter[str]:
    """Return the sum of the usage in all spans of the model calls, once they have ended."""
    tasks = {talk.task for talk in talks}

    def ended() -> list[Json]:
        return [span for span in stack.backend.spans.values()
                if span["trace_id"] in tasks and span["name"] == _upstream.SPAN
                and span.get("end_time")]  # fmt: skip

    await stack.backend.until(lambda: len(ended()) >= WORKFLOWS * TURNS)
    return sum_of((span.get("output") or {}).get("usage", {}) for span in ended())
