"""Run an agent with the model, outside Temporal, and report on the run."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import agents
from agents.tracing import get_trace_provider
from agents.tracing.processors import default_processor

import agentex_usage_patch

from .. import calls
from .tracers import happened


async def run(wire: Any, models: list[Any]) -> dict[str, Any]:
    """Run an agent with a model on this wire, and inspect the process during the request.

    Models that have their own `get_response` during the request are added to ``models``.
    """
    report: dict[str, Any] = {}

    async def look(_: Any) -> None:
        report["status"] = observed()
        models.extend(_with_own_get_response())
        report["own"] = len(models)

    model = calls.make_model(wire.client())
    model.client._client.event_hooks = {"request": [look]}
    agent = agents.Agent(name="Assistant", instructions="Be brief.", model=model)
    with calls.messages(), _traced():
        result = await agents.Runner.run(agent, "Hi")
    model.client._client.event_hooks = {}
    (answer,) = result.raw_responses
    report["usage"] = calls.tokens(result.context_wrapper.usage)
    report["usage of the response"] = calls.tokens(answer.usage)
    report["response_id"] = answer.response_id
    report["output"] = result.final_output
    report["bodies"] = wire.bodies
    await asyncio.sleep(0)
    happened.append("loop turned")
    return report


async def usage_of(model: Any) -> list[int]:
    """Call a model that a run used, and return the tokens of its result."""
    asked = [{"role": "user", "content": "Hi"}]
    with calls.messages():
        result = await model.get_response(**calls.arguments(input=asked))
    return calls.tokens(result.usage)


def observed() -> dict[str, Any]:
    """Return the current states of the fixes, and the bypasses of the patch."""
    status = agentex_usage_patch.status()
    return {"states": sorted({fix.state for fix in status.fixes}), "bypasses": status.bypasses}


def _with_own_get_response() -> list[Any]:
    model_class = calls.sdk.TemporalStreamingModel
    models = [each for each in gc.get_objects() if type(each) is model_class]
    return [each for each in models if "get_response" in vars(each)]


@contextmanager
def _traced() -> Iterator[None]:
    """Enable tracing in agents, without its exporter to OpenAI's server."""
    provider: Any = get_trace_provider()
    exporting = default_processor()
    provider.set_processors(
        [each for each in provider._multi_processor._processors if each is not exporting]
    )
    provider.set_disabled(False)
    try:
        yield
    finally:
        provider.set_disabled(True)
