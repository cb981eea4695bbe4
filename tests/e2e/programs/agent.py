"""The agent of the end-to-end runs: a workflow that keeps a conversation, and its tools.

A turn is an update of the workflow, a dictionary: ``agent`` (which of `AGENTS`), ``text``,
and how it is asked (``chain``, ``auto``, ``conversation_id``, ``prompt``, ``config``).
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from agents import Agent, ModelSettings, RunConfig, Runner, function_tool
from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.contrib.openai_agents.workflow import activity_as_tool

MINUTE = timedelta(seconds=60)
FORWARDED = ("conversation_id", "auto_previous_response_id")


@dataclass
class Weather:
    """The answer of the agent with structured output."""

    city: str
    degrees: int


@activity.defn
async def get_weather(city: str) -> str:
    """Return the weather of a city. This tool is an activity."""
    return f"It is 21 degrees in {city}."


def provider() -> Any:
    """Return upstream's provider, which streams each delta alone if that can be set.

    Otherwise deltas that come within a short time are sent as one.
    """
    from agentex.lib.core.temporal.plugins.openai_agents.models.temporal_streaming_model import (
        TemporalStreamingModelProvider,
    )

    if "streaming_mode" in inspect.signature(TemporalStreamingModelProvider).parameters:
        return TemporalStreamingModelProvider(streaming_mode="per_token")
    return TemporalStreamingModelProvider()


@activity.defn
async def ask_model(asked: dict[str, Any]) -> dict[str, Any]:
    """Call the model from an activity, without the runner."""
    from agentex.lib.core.temporal.plugins.openai_agents.models import temporal_streaming_model
    from agents import ModelTracing

    # The older interceptors hand the ids to the activity of the runner only.
    for name in ("streaming_task_id", "streaming_trace_id", "streaming_parent_span_id"):
        getattr(temporal_streaming_model, name).set(asked["task"])
    model = provider().get_model("e2e")
    answer = await model.get_response(
        system_instructions=None,
        input=asked["text"],
        model_settings=ModelSettings(metadata={"task": asked["task"]}),
        tools=[],
        output_schema=None,
        handoffs=[],
        tracing=ModelTracing.DISABLED,
        previous_response_id=None,
        conversation_id=asked.get("conversation_id"),
        prompt=asked.get("prompt"),
    )
    return {"response_id": answer.response_id, "usage": numbers(answer.usage)}


@activity.defn
async def inspect_worker() -> dict[str, Any]:
    """Return what calls left in this worker's process."""
    gc.collect()  # run_worker froze what the imports made, so this is quick
    kept = [each for each in gc.get_objects() if type(each).__name__ in ("Call", "Stream")]
    return {
        "worker": os.environ["AGENT_NAME"],
        "tasks": sorted(
            name
            for task in asyncio.all_tasks()
            for name in _awaited(task.get_coro())
            if "get_response" in name
        ),
        "kept": sum(type(each).__module__.startswith("agentex_usage_patch") for each in kept),
        "patched": "agentex_usage_patch" in sys.modules,
    }


def _awaited(coroutine: Any) -> Iterator[str]:
    """Yield the name of a coroutine, and of those that it awaits."""
    while coroutine is not None:
        yield getattr(coroutine, "__qualname__", "")
        coroutine = getattr(coroutine, "cr_await", None)


@function_tool  # type: ignore[untyped-decorator,unused-ignore]  # Any without the SDK
async def add(a: int, b: int) -> int:
    """Add two numbers. This tool runs in the workflow."""
    return a + b


def numbers(usage: Any) -> dict[str, int]:
    """Return a usage's five numbers, in tokens."""
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "cached_input_tokens": usage.input_tokens_details.cached_tokens,
        "reasoning_tokens": usage.output_tokens_details.reasoning_tokens,
    }


def make_agent(kind: str, settings: ModelSettings, prompt: Any) -> Agent[Any]:
    """Return an agent of this kind."""
    plain: dict[str, Any] = {
        "instructions": "Be brief.",
        "model": "e2e",
        "model_settings": settings,
    }
    if kind == "tools":
        weather = activity_as_tool(get_weather, start_to_close_timeout=MINUTE)
        return Agent(name="tools", tools=[weather, add], **plain)
    if kind == "handoff":
        return Agent(name="first", handoffs=[Agent(name="second", **plain)], **plain)
    if kind == "structured":
        return Agent(name="structured", output_type=Weather, **plain)
    return Agent(name=kind, prompt=prompt, **plain)


@workflow.defn(name="Conversation")
class Conversation:
    """A conversation of any number of turns, until the signal to finish."""

    @workflow.init
    def __init__(self, task: str) -> None:
        # ContextInterceptor looks for these attributes.
        self._task_id = self._trace_id = self._parent_span_id = task
        self._last_response_id: str | None = None
        self._finished = False
        self._turn: asyncio.Task[dict[str, Any]] | None = None

    @workflow.run
    async def run(self, task: str) -> str:
        """Wait for turns."""
        await workflow.wait_condition(lambda: self._finished)
        return task

    @workflow.signal
    def finish(self) -> None:
        """End the conversation."""
        self._finished = True

    @workflow.signal
    def cancel_turn(self) -> None:
        """Cancel the turn that is under way."""
        if self._turn is not None:
            self._turn.cancel()

    @workflow.update
    async def inspect(self) -> dict[str, Any]:
        """Ask the worker what is left in it."""
        left: dict[str, Any] = await workflow.execute_activity(
            inspect_worker, start_to_close_timeout=MINUTE
        )
        return left

    @workflow.update
    async def ask_past_the_runner(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Make a turn through an activity of our own."""
        answer: dict[str, Any] = await workflow.execute_activity(
            ask_model,
            {**asked, "task": self._task_id},
            start_to_close_timeout=MINUTE,
            retry_policy=RetryPolicy(maximum_attempts=2),
        )
        return answer

    @workflow.update
    async def turn(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Make a turn, and tell what came of it."""
        turn = self._turn = asyncio.create_task(self._make(asked))
        try:
            return await turn
        except asyncio.CancelledError:
            return {"raised": ["CancelledError"]}
        except Exception as error:
            return {"raised": _chain(error)}

    async def _make(self, asked: dict[str, Any]) -> dict[str, Any]:
        # The model server tells the requests of tasks apart by this.
        settings = ModelSettings(metadata={"task": self._task_id})
        agent = make_agent(asked["agent"], settings, asked.get("prompt"))
        options = {name: asked[name] for name in FORWARDED if name in asked}
        if asked.get("chain") and self._last_response_id is not None:
            options["previous_response_id"] = self._last_response_id
        if "config" in asked:
            options["run_config"] = RunConfig(**asked["config"])
        result = await Runner.run(agent, asked["text"], **options)
        self._last_response_id = result.last_response_id
        return {
            "output": str(result.final_output),
            "last_agent": result.last_agent.name,
            "last_response_id": result.last_response_id,
            "response_ids": [each.response_id for each in result.raw_responses],
            "usages": [numbers(each.usage) for each in result.raw_responses],
            "usage": numbers(result.context_wrapper.usage),
            "items": [each.type for each in result.new_items],
        }


def _chain(error: BaseException | None) -> list[str]:
    """Return what was raised, from the outside in."""
    chain = []
    while error is not None:
        kind = getattr(error, "type", None) or type(error).__name__
        chain.append(f"{kind}: {error}")
        error = error.__cause__
    return chain


WORKFLOW = Conversation
ACTIVITIES = [get_weather, ask_model, inspect_worker]
