"""Measure memory: left by a call, and held while a long stream is read."""

from __future__ import annotations

import asyncio
import gc
import json
import tracemalloc
from collections.abc import Awaitable, Callable

from tests.cost import counts

from . import worker
from .rounds import FOLDER

CALLS = 20_000
LENGTHS = (1_000, 100_000)


async def retained(make: Callable[[], Awaitable[object]]) -> float:
    """Return the bytes that are left of one call, the mean of so many."""
    await _several(make, 1_000)
    before = _traced()
    await _several(make, CALLS)
    return (_traced() - before) / CALLS


async def peak(make: Callable[[], Awaitable[object]]) -> int:
    """Return the bytes that one call holds at its fullest.

    The least of several, since other threads of the SDK allocate as well, now and then.
    """
    peaks = []
    for _ in range(4):
        before = _traced()
        tracemalloc.reset_peak()
        await make()
        peaks.append(tracemalloc.get_traced_memory()[1] - before)
    return min(peaks)


async def _several(make: Callable[[], Awaitable[object]], count: int) -> None:
    for _ in range(count):
        await make()


def _traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


async def main() -> None:
    seen: dict[str, dict[str, float]] = {}
    tracemalloc.start()
    for name, model_class in zip(("original", "patched"), worker.start(), strict=True):
        short = worker.call(model_class, worker.Stub(1), **counts.CHAINED)
        seen[name] = {"left by a call": await retained(short)}
        for count in LENGTHS:
            # Without text, since the SDK's own copy of that would grow.
            long = worker.call(model_class, worker.Stub(count, text=""), **counts.CHAINED)
            seen[name][f"peak of {count} events"] = await peak(long)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "memory.json").write_text(json.dumps(seen, indent=1))


if __name__ == "__main__":
    asyncio.run(main())
