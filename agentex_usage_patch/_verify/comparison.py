"""Make the turns in two processes, without and with the patch, and compare the results."""

from __future__ import annotations

import asyncio
import json
import operator
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from .. import _upstream
from .._patching.apply import DISABLED, status
from .._status.worker import NOT_TRIED, Worker
from . import two_turns
from .report import Comparison, Row
from .server import Server, usage

_SECONDS = 300
_TOKENS = ("input_tokens", "output_tokens", "total_tokens")


class _Run(NamedTuple):
    """The result of one process: its turns and its worker, or the problem that stopped it."""

    problem: str = ""
    turns: tuple[dict[str, Any], ...] = ()
    worker: Worker = NOT_TRIED


async def compare(version: str) -> Comparison:
    """Run both processes at the same time and compare their turns."""
    problems = [f"{each.distribution} {each.version} breaks this release ({each.reason}): "
                f"{each.command}" for each in status().conflicts]  # fmt: skip
    # Random ids cannot be guessed: a result has one only if it came from the server.
    ids = [f"resp_{secrets.token_hex(24)}" for _ in range(2)]
    unpatched, patched = await asyncio.gather(
        _run(ids, {DISABLED: "1"}), _run(ids, {}, "--patched")
    )
    for name, run in (("as installed", unpatched), ("with the patch", patched)):
        problems += [f"{name}: {run.problem}"] if run.problem else []
        problems += [f"{name}, turn {number}: {turn['error']}"
                     for number, turn in enumerate(run.turns, 1) if turn["error"]]  # fmt: skip
    rows: list[Row] = []
    if unpatched.turns and patched.turns:
        seen = zip(_seen(unpatched.turns), _seen(patched.turns), _expected(ids), strict=True)
        rows = [Row(turn, asked, old, new, expected)
                for (turn, asked, old), (_, _, new), (_, _, expected) in seen]  # fmt: skip
    return Comparison(version, tuple(rows), tuple(problems), patched.worker)


async def _run(ids: list[str], environment: dict[str, str], *options: str) -> _Run:
    """Make the turns in a process of their own, against a server that issues these ids."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "turns.json")
        async with Server(ids) as server:
            process = await asyncio.create_subprocess_exec(
                # -P: the current folder may hold a module of the same name.
                sys.executable, "-P", "-m", two_turns.__name__, str(file), *options,
                env={**_environment(), **server.environment, **environment},
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            try:
                printed, _ = await asyncio.wait_for(process.communicate(), _SECONDS)
            except TimeoutError:
                process.kill()
                await process.communicate()
                return _Run(f"no answer within {_SECONDS} s")
        if not file.exists():
            last = printed.decode(errors="replace").strip().splitlines()[-1:]
            return _Run(" ".join([f"exit code {process.returncode}", *last]))
        results = json.loads(file.read_text(encoding="utf-8"))
    # Some releases send all spans at the end, in any order.
    spans = sorted(
        (span for span in server.spans.values() if span["name"] == _upstream.SPAN),
        key=operator.itemgetter("start_time"),
    )
    turns: list[dict[str, Any]] = results["turns"]
    for number, turn in enumerate(turns):
        turn["body"] = server.bodies[number] if number < len(server.bodies) else {}
        turn["span"] = (spans[number].get("output") or {}) if number < len(spans) else {}
    return _Run("", tuple(turns), Worker(**results["worker"]))


def _environment() -> dict[str, str]:
    """Return this environment without the variables that name other servers."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy")
        and not name.startswith(("AGENT", "OPENAI_", "REDIS_"))
        and name != "ENVIRONMENT"  # "development" makes the SDK read .env files
    }
    package = str(Path(__file__).resolve().parents[2])
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(filter(None, [package, kept.get("PYTHONPATH")])),
        "AGENT_NAME": "verify",  # without this and the next, the SDK sends no span
        "ACP_URL": "unused",
        "OPENAI_API_KEY": "unused",
        "OPENAI_AGENTS_DISABLE_TRACING": "1",
        **_upstream.OFFLINE,
        "DD_TRACE_ENABLED": "false",
    }


def _seen(turns: tuple[dict[str, Any], ...]) -> Iterator[tuple[int, str, Any]]:
    """Yield turn, name and value of each row."""
    first, second = turns
    yield 1, "prompt", first["body"].get("prompt")
    yield 1, "conversation", first["body"].get("conversation")
    yield 1, "in, out, total tokens", _numbers(first["usage"], *_TOKENS)
    yield 1, "reasoning tokens", _numbers(first["usage"], "reasoning_tokens")
    yield 1, "response_id", first["response_id"]
    yield 1, "usage in its span", first["span"].get("usage")
    yield 2, "previous_response_id", second["body"].get("previous_response_id")
    yield 2, "in, out, total tokens", _numbers(second["usage"], *_TOKENS)
    yield 2, "cached input tokens", _numbers(second["usage"], "cached_input_tokens")
    yield 2, "response_id", second["response_id"]
    yield 2, "usage in its span", second["span"].get("usage")


def _numbers(usage: dict[str, int] | None, *names: str) -> list[int] | None:
    return None if usage is None else [usage[name] for name in names]


def _expected(ids: list[str]) -> Iterator[tuple[int, str, Any]]:
    """Yield the same rows with the values that the server sent or that were asked for."""
    stateful = {"prompt": two_turns.PROMPT, "conversation": two_turns.CONVERSATION}
    bodies = (stateful, {"previous_response_id": ids[0]})
    turns = []
    for response_id, body, chained in zip(ids, bodies, (False, True), strict=True):
        sent = usage(chained=chained)
        tokens = {
            **{name: sent[name] for name in _TOKENS},
            "cached_input_tokens": sent["input_tokens_details"]["cached_tokens"],
            "reasoning_tokens": sent["output_tokens_details"]["reasoning_tokens"],
        }
        span = {"usage": tokens}
        turns.append({"body": body, "usage": tokens, "response_id": response_id, "span": span})
    return _seen(tuple(turns))
