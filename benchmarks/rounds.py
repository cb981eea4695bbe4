"""Measure variants in turns, in one process, and store the rounds with pyperf.

What else runs on the machine then slows both sides of a ratio alike, which no pair of
separate runs can promise. A benchmark's name is what was called, its file the variant:
``pyperf compare_to original.json patched.json`` reads them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pyperf

from agentex_usage_patch import _upstream

#: In each process; medians are taken over those of all processes.
ROUNDS = 100
WARMUPS = 5
#: Seconds that a variant has before it is the other's turn, if one call takes no longer.
TURN = 0.001

#: Where this process adds what it measured.
FOLDER = Path(os.environ["BENCHMARKS"]) / str(_upstream.sdk_version())

Call = Callable[[], Awaitable[object]]
Clock = Callable[[], float]


async def interleave(
    name: str, variants: dict[str, Call], clock: Clock, rounds: int = ROUNDS
) -> None:
    """Measure each variant, in turns, and add the seconds of one call to its file.

    Every other round goes backwards, so that none always follows the same one.
    """
    first = next(iter(variants.values()))
    loops = 1
    while await _measure(first, loops, clock) * loops < TURN:
        loops *= 2
    values: dict[str, list[float]] = {variant: [] for variant in variants}
    for number in range(WARMUPS + rounds):
        for variant in list(variants)[:: -1 if number % 2 else 1]:
            values[variant].append(await _measure(variants[variant], loops, clock))
    for variant, seconds in values.items():
        keep(name, variant, seconds[WARMUPS:], loops, seconds[:WARMUPS], clock=clock.__name__)


async def _measure(call: Call, loops: int, clock: Clock) -> float:
    start = clock()
    for _ in range(loops):
        await call()
    return (clock() - start) / loops


def keep(
    name: str,
    variant: str,
    values: Sequence[float],
    loops: int = 1,
    warmups: Sequence[float] = (),
    **metadata: Any,
) -> None:
    """Add the values of this process to a benchmark in the file of its variant."""
    run = pyperf.Run(
        values,
        warmups=[(loops, value) for value in warmups],
        metadata={"name": name, "loops": loops, "unit": "second", **metadata},
        collect_metadata=True,
    )
    FOLDER.mkdir(parents=True, exist_ok=True)
    pyperf.add_runs(str(FOLDER / f"{variant}.json"), pyperf.Benchmark([run]))


#: The CPU time of this thread: what other programs take meanwhile is not in it.
cpu_time: Clock = time.thread_time
#: What somebody who waits feels.
wall_time: Clock = time.perf_counter
