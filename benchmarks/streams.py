"""Measure calls with and without the patch: several lengths, and one over HTTP."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from openai import AsyncOpenAI

from tests.cost import counts

from . import worker
from .rounds import cpu_time, interleave, wall_time

#: Each stream ends with a completed event; these are the events before that one.
LENGTHS = (0, 10, 100, 1_000, 5_000)
OVER_HTTP = 100


async def main() -> None:
    original, patched = worker.start()
    kinds: list[tuple[str, int, dict[str, str]]]
    kinds = [("unchained, completed event and 0 more", 0, {})]
    kinds += [(f"completed event and {more} more", more, counts.CHAINED) for more in LENGTHS]
    for name, more, keywords in kinds:
        stub = worker.Stub(more)
        variants = {
            "original": worker.call(original, stub, **keywords),
            "patched": worker.call(patched, stub, **keywords),
        }
        await interleave(name, variants, cpu_time)
    with server(OVER_HTTP) as url:
        client = AsyncOpenAI(api_key="unused", max_retries=0, base_url=url)
        variants = {
            "original": worker.call(original, client),
            "patched": worker.call(patched, client),
        }
        await interleave(f"HTTP stream of {OVER_HTTP} events", variants, wall_time)
        await interleave(f"HTTP stream of {OVER_HTTP} events, CPU", variants, cpu_time)


@contextmanager
def server(count: int) -> Iterator[str]:
    """Serve a stream of that many events, from a process of its own."""
    command = [sys.executable, "-m", "benchmarks.server", str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


if __name__ == "__main__":
    asyncio.run(main())
