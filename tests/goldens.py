"""Golden values: what agentex-sdk 0.10.5 does with the cases and with random streams.

``python -m tests.goldens`` writes the JSON files, and exits with an error on any other
release. The tests on 0.10.5 fail when the files differ from what that release does.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from agentex_usage_patch import _upstream

FILE = Path(__file__).with_suffix(".json")
RANDOM = FILE.with_stem("goldens_random")
FIELDS = (*_upstream.FORWARDED.values(), _upstream.PROMPT_CACHE_KEY)


def fixed_part(seen: dict[str, Any]) -> dict[str, Any]:
    """Return the part of an observed call that PR #335 changes."""
    output = seen["span"][1] or {}
    return {
        **{name: seen[name] for name in ("usage", "requests", "response_id") if name in seen},
        **({"raised": seen["raised"][0]} if "raised" in seen else {}),
        "span": output.get("usage"),
        "bodies": [
            {name: body[name] for name in FIELDS if name in body} for body in seen["bodies"]
        ],
    }


def unchanged_part(seen: dict[str, Any]) -> dict[str, Any]:
    """Return the part of an observed call that PR #335 does not change."""
    opened, output, raised = seen["span"]
    output = {key: part for key, part in (output or {}).items() if key != "usage"}
    bodies = [
        {name: field for name, field in body.items() if name not in FIELDS}
        for body in seen["bodies"]
    ]
    kept = {
        name: part
        for name, part in seen.items()
        if name not in ("usage", "response_id", "span", "bodies")
    }
    return {**kept, "span": [opened, output, raised], "bodies": bodies}


def read() -> dict[str, dict[str, Any]]:
    """Return the golden value of each case."""
    goldens: dict[str, dict[str, Any]] = json.loads(FILE.read_text())
    return goldens


def read_random() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return each random stream with its golden value."""
    goldens: list[tuple[dict[str, Any], dict[str, Any]]] = json.loads(RANDOM.read_text())
    return goldens


def _calls() -> Any:
    from . import calls

    calls.enter_task()
    return calls


def _draw() -> list[dict[str, Any]]:
    from hypothesis import given, settings

    from .streams import STREAMS

    drawn: list[dict[str, Any]] = []

    @settings(max_examples=200, derandomize=True, database=None)
    @given(stream=STREAMS)
    def draw(stream: dict[str, Any]) -> None:
        drawn.append(stream)

    draw()
    return drawn


async def _make_random() -> list[Any]:
    from . import cases, streams

    calls = _calls()
    made = []
    for stream in _draw():
        asked = cases.CALLS[stream["call"]]
        seen = await calls.observe(streams.wire(stream), asked.settings, asked.keywords)
        made.append([stream, fixed_part(seen)])
    return made


async def _make() -> dict[str, Any]:
    from . import cases
    from .wire import Wire

    calls = _calls()
    return {
        name: fixed_part(await calls.observe(Wire(stream), call.settings, call.keywords))
        for name, (stream, call) in cases.CASES.items()
    }


if __name__ == "__main__":
    if _upstream.sdk_version() != _upstream.FIXED_IN:
        sys.exit(f"goldens come from agentex-sdk {_upstream.FIXED_IN}, not this environment's")
    FILE.write_text(json.dumps(asyncio.run(_make()), indent=1) + "\n")
    lines = ",\n".join(map(json.dumps, asyncio.run(_make_random())))
    RANDOM.write_text(f"[\n{lines}\n]\n")
