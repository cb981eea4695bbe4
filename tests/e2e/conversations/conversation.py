"""Hold one conversation with an agent, and return everything that it shows as JSON."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any, Self

from redis.asyncio import Redis
from temporalio.api.failure.v1 import Failure
from temporalio.client import WorkflowHandle

from agentex_usage_patch import _upstream

from ..platform.answers import Answer, Json
from ..platform.parts import HANGS
from ..platform.servers import Task
from ..platform.stack import Stack, Worker

#: The fields of a request body that the fix is about.
FIELDS = (*_upstream.FORWARDED.values(), _upstream.PROMPT_CACHE_KEY)


class Conversation:
    """One workflow of the agent, with its requests to the servers."""

    def __init__(self, stack: Stack, workers: list[Worker], case: str, number: int = 1) -> None:
        """Prepare the conversation of a case; ``number`` is the attempt."""
        self.stack = stack
        self.workers = workers
        self.task = f"{case.replace(' ', '-')}-{number}-{workers[0].name}-{stack.run}"
        self.handle: WorkflowHandle[Any, Any]
        self.turns: list[Json] = []

    @property
    def served(self) -> Task:
        """The requests and answers of this conversation."""
        return self.stack.backend.tasks[self.task]

    async def __aenter__(self) -> Self:
        self.handle = await self.stack.temporal.start_workflow(
            "Conversation", self.task, id=self.task, task_queue=self.workers[0].queue
        )
        return self

    async def __aexit__(self, *raised: object) -> None:
        if raised[0] is None:
            await self.handle.signal("finish")
            assert await self.handle.result() == self.task
        else:
            await self.handle.terminate()

    def will(self, *answers: Answer) -> None:
        """Make the model server give these answers next."""
        self.served.answers.extend(answers)

    async def turn(self, agent: str = "plain", text: str = "Hi", **asked: Any) -> Json:
        """Make a turn, and return its result."""
        asked = {"agent": agent, "text": text, **asked}
        came: Json = await self.handle.execute_update("turn", asked)
        self.turns.append(came)
        return came

    async def past_the_runner(self, **asked: Any) -> Json:
        """Make a turn through an activity of the user, without the runner."""
        asked = {"text": "Hi", **asked}
        came: Json = await self.handle.execute_update("ask_past_the_runner", asked)
        self.turns.append(came)
        return came

    async def left(self) -> Json:
        """Return what calls left in the processes of the workers."""
        found: dict[str, Json] = {}
        async with asyncio.timeout(HANGS):
            while len(found) < len(self.workers):
                # Several at once: one worker may take all updates that come one by one.
                asked = [
                    self.handle.execute_update("inspect") for _ in range(4 * len(self.workers))
                ]
                found |= {each.pop("worker"): each for each in await asyncio.gather(*asked)}
        return {
            "tasks": [task for each in found.values() for task in each["tasks"]],
            "kept": sum(each["kept"] for each in found.values()),
            "patched": all(each["patched"] for each in found.values()),
        }

    def who_asked(self, answer: Answer) -> Worker:
        """Return the worker that got an answer."""
        return next(each for each in self.workers if each.name == answer.worker)

    async def until_streamed(self, updates: int) -> None:
        """Wait until the user has this many updates."""
        redis: Any = Redis.from_url(self.stack.redis_url)
        last, read = "0", 0
        async with asyncio.timeout(HANGS):
            while read < updates:
                for _, entries in await redis.xread({f"task:{self.task}": last}, block=1000):
                    read += len(entries)
                    last = entries[-1][0]
        await redis.aclose()

    async def seen(self, *, spans: int | None = None) -> Json:
        """Wait for this many spans of model calls, and return everything that can be seen.

        Ids and times are masked. ``given`` is the usage that the server sent.
        """
        served = self.served
        count = len(served.issued) if spans is None else spans
        await self.stack.backend.until(lambda: len(self._spans()) >= count)
        seen = {
            "turns": self.turns,
            "bodies": [_without(body, "metadata") for body in served.requests],
            "given": served.given,
            "refused": served.refused,
            "spans": [span.get("output") or {} for span in self._spans()],
            "streamed": [each async for each in self._streamed()],
            "stored": [_without(each, "id", "task_id") for each in served.messages.values()],
            "history": [each["response_id"] async for each in self.results()],
        }
        return json.loads(self._told_apart(json.dumps(seen)))  # type: ignore[no-any-return]

    async def results(self) -> AsyncIterator[Json]:
        """Yield the results of the model calls in the workflow's history."""
        history = await self.handle.fetch_history()
        for event in history.events:
            for payload in event.activity_task_completed_event_attributes.result.payloads:
                answer = json.loads(payload.data or b"null")
                if isinstance(answer, dict) and "response_id" in answer:
                    yield answer

    async def record(self, seen: Json) -> None:
        """Write what was seen, and the workflow's history, beside the logs of the workers."""
        logs = self.stack.logs
        history = await self.handle.fetch_history()
        (logs / f"{self.task}.history.json").write_text(history.to_json())
        (logs / f"{self.task}.seen.json").write_text(json.dumps(seen, indent=1))

    async def repeated(self) -> list[Failure | None]:
        """Return the failures of the attempts that were followed by another attempt.

        The history keeps the last failure of an activity; earlier ones are None.
        """
        failures: list[Failure | None] = []
        history = await self.handle.fetch_history()
        for event in history.events:
            started = event.activity_task_started_event_attributes
            if started.attempt > 1:
                failures += [None] * (started.attempt - 2)
                failures.append(started.last_failure)
        return failures

    def _spans(self) -> list[Json]:
        return self.stack.backend.ended_spans(self.task, _upstream.SPAN)

    async def _streamed(self) -> Any:
        redis: Any = Redis.from_url(self.stack.redis_url)
        for _, entry in await redis.xrange(f"task:{self.task}"):
            yield json.loads(entry[b"data"])
        await redis.aclose()

    def _told_apart(self, text: str) -> str:
        """Mask ids and times."""
        for number, issued in enumerate(self.served.issued, 1):
            text = text.replace(issued, f"response {number}")
        for number, message in enumerate(self.served.messages, 1):
            text = text.replace(message, f"message {number}")
        text = text.replace(self.task, "task")
        text = re.sub(r"\b(resp|msg)_[0-9a-f]{8}\b", r"invented \1", text)
        return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)?", "…", text)


def about_the_fix(seen: Json) -> Json:
    """Return the part that PR #335 is about."""
    return {
        "turns": [
            {name: turn[name] for name in turn if name in ("usage", "usages", "last_response_id",
                                                           "response_ids", "response_id")}
            for turn in seen["turns"]
        ],
        "raised": ["raised" in turn for turn in seen["turns"]],
        "history": seen["history"],
        "bodies": [
            {name: body[name] for name in FIELDS if name in body} for body in seen["bodies"]
        ],
        "spans": [span.get("usage") for span in seen["spans"]],
        "refused": seen["refused"],
    }  # fmt: skip


def around_the_fix(seen: Json) -> Json:
    """Return the other parts."""
    return {
        "turns": [
            _without(turn, "usage", "usages", "last_response_id", "response_ids", "response_id")
            for turn in seen["turns"]
        ],
        "bodies": [_without(body, *FIELDS) for body in seen["bodies"]],
        "spans": [_without(span, "usage") for span in seen["spans"]],
        "given": len(seen["given"]),
        **{name: seen[name] for name in ("streamed", "stored", "refused")},
    }


def in_short(seen: Json) -> str:
    """Return one line: the result of the last turn, and the fields sent in all turns."""
    turn, sent = (
        seen["turns"][-1],
        [name for name in FIELDS if any(name in body for body in seen["bodies"])],
    )
    if "raised" in turn:
        came = turn["raised"][0].partition(":")[0]
    else:
        usage = turn["usage"]
        answered = turn.get("last_response_id", turn.get("response_id"))
        came = (
            f"{usage['input_tokens']}/{usage['output_tokens']} tokens, "
            f"{usage['cached_input_tokens']} cached, id: {answered}"
        )
    refused = f", refused: {seen['refused']}" if seen["refused"] else ""
    return f"{came}; sent: {', '.join(sent) or 'none'}; {len(seen['bodies'])} requests{refused}"


def _without(value: Json, *names: str) -> Json:
    return {name: each for name, each in value.items() if name not in names}


def numbers(usages: list[Json]) -> Iterator[Json]:
    """Yield the server's usages in the form of a call's result."""
    for usage in usages:
        yield {
            **{name: usage[name] for name in ("input_tokens", "output_tokens", "total_tokens")},
            "cached_input_tokens": usage["input_tokens_details"]["cached_tokens"],
            "reasoning_tokens": usage["output_tokens_details"]["reasoning_tokens"],
        }
