"""What ``verify`` does: run the turns in two processes and set their outcomes side by side."""

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
from . import two_turns
from .report import Report, Row
from .server import Server, usage

_SECONDS = 120
_TOKENS = ("input_tokens", "output_tokens", "total_tokens")


async def compare(version: str) -> Report:
    """Make the turns with and without the patch, at the same time, and compare."""
    problems = [f"{each.distribution} {each.version} breaks this release ({each.reason}): "
                f"{each.command}" for each in status().conflicts]  # fmt: skip
    # Nobody can guess the ids: who returns one has had it from the server.
    ids = [f"resp_{secrets.token_hex(24)}" for _ in range(2)]
    runs = await asyncio.gather(
        _run(ids, {DISABLED: "1"}), _run(ids, {}, "--patched"), return_exceptions=True
    )
    for name, run in zip(("as installed", "with the patch"), runs, strict=True):
        if isinstance(run, _FailedError):
            problems.append(f"{name}: {run}")
        elif isinstance(run, BaseException):
            raise run
        else:
            problems += [f"{name}, turn {number}: {turn['error']}"
                         for number, turn in enumerate(run.turns, 1) if turn["error"]]  # fmt: skip
    unpatched, patched = runs
    if isinstance(unpatched, BaseException) or isinstance(patched, BaseException):
        return Report(version, (), tuple(problems))
    rows = zip(_seen(unpatched.turns), _seen(patched.turns), _expected(ids), strict=True)
    return Report(
        version,
        tuple(Row(turn, asked, old, new, right)
              for (turn, asked, old), (_, _, new), (_, _, right) in rows),
        tuple(problems),
        patched.worker_problem,
    )  # fmt: skip


class _FailedError(Exception):
    """The process that makes the turns did not end as it should."""


class _Outcome(NamedTuple):
    worker_problem: str | None
    turns: list[dict[str, Any]]


async def _run(ids: list[str], environment: dict[str, str], *options: str) -> _Outcome:
    """Make the turns in a process of their own; return what came of each, and was sent."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "turns.json")
        async with Server(ids) as server:
            process = await asyncio.create_subprocess_exec(
                # -P, since the folder we are in may hold a module of our name.
                sys.executable, "-P", "-m", two_turns.__name__, str(file), *options,
                env={**_environment(), **server.environment, **environment},
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            try:
                said, _ = await asyncio.wait_for(process.communicate(), _SECONDS)
            except TimeoutError:
                process.kill()
                await process.communicate()
                raise _FailedError(f"no answer within {_SECONDS} s") from None
        if process.returncode or not file.exists():
            last = said.decode(errors="replace").strip().splitlines()[-1:]
            raise _FailedError(" ".join([f"exit code {process.returncode}", *last]))
        outcome = json.loads(file.read_text(encoding="utf-8"))
    turns: list[dict[str, Any]] = outcome["turns"]
    # By their start, since some releases write several at once when they have ended.
    spans = sorted(
        (span for span in server.spans.values() if span["name"] == _upstream.SPAN),
        key=operator.itemgetter("start_time"),
    )
    for number, turn in enumerate(turns):
        turn["body"] = server.bodies[number] if number < len(server.bodies) else {}
        turn["span"] = (spans[number].get("output") or {}) if number < len(spans) else {}
    return _Outcome(outcome["worker_problem"], turns)


def _environment() -> dict[str, str]:
    """Return this process's environment without what would lead a turn elsewhere."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy")
        and not name.startswith(("AGENT", "OPENAI_", "REDIS_"))
        and name != "ENVIRONMENT"  # "development" makes the SDK read .env files
    }
    package = str(Path(__file__).resolve().parents[1])
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(filter(None, [package, kept.get("PYTHONPATH")])),
        "AGENT_NAME": "verify",  # the SDK writes no span without this and the next one
        "ACP_URL": "unused",
        "OPENAI_API_KEY": "unused",
        "OPENAI_AGENTS_DISABLE_TRACING": "1",
        **_upstream.OFFLINE,
        "DD_TRACE_ENABLED": "false",
    }


def _seen(turns: list[dict[str, Any]]) -> Iterator[tuple[int, str, Any]]:
    """Yield turn, what was asked, and what was seen of it, one for each row."""
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


def _expected(ids: list[str]) -> Iterator[tuple[int, str, Any]]:
    def turn(response_id: str, body: dict[str, Any], *, chained: bool) -> dict[str, Any]:
        reported = usage(chained=chained)
        numbers = {
            **{name: reported[name] for name in _TOKENS},
            "cached_input_tokens": reported["input_tokens_details"]["cached_tokens"],
            "reasoning_tokens": reported["output_tokens_details"]["reasoning_tokens"],
        }
        return {
            "body": body,
            "usage": numbers,
            "response_id": response_id,
            "span": {"usage": numbers},
        }

    stateful = {"prompt": two_turns.PROMPT, "conversation": two_turns.CONVERSATION}
    return _seen(
        [
            turn(ids[0], stateful, chained=False),
            turn(ids[1], {"previous_response_id": ids[0]}, chained=True),
        ]
    )


def _numbers(usage: dict[str, int] | None, *names: str) -> list[int] | None:
    return None if usage is None else [usage[name] for name in names]
