"""An agent that is run over the model, outside of Temporal: what its run says."""

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


async def run(wire: Any, own: list[Any]) -> dict[str, Any]:
    """Run an agent over a model on this wire, and look around while it waits for the answer.

    ``own`` gets the models that have a `get_response` of their own then.
    """
    said: dict[str, Any] = {}

    async def look(_: Any) -> None:
        said["status"] = observed()
        own.extend(_with_their_own())
        said["own"] = len(own)

    model = calls.make_model(wire.client())
    model.client._client.event_hooks = {"request": [look]}
    agent = agents.Agent(name="Assistant", instructions="Be brief.", model=model)
    with calls.messages(), _traced():
        result = await agents.Runner.run(agent, "Hi")
    model.client._client.event_hooks = {}
    (answer,) = result.raw_responses
    said["usage"] = calls.tokens(result.context_wrapper.usage)
    said["usage of the response"] = calls.tokens(answer.usage)
    said["response_id"] = answer.response_id
    said["output"] = result.final_output
    said["bodies"] = wire.bodies
    await asyncio.sleep(0)
    happened.append("loop turned")
    return said


async def usage_of(model: Any) -> list[int]:
    """Call a model that is left of a run, and return the usage of what it answers."""
    asked = [{"role": "user", "content": "Hi"}]
    with calls.messages():
        result = await model.get_response(**calls.arguments(input=asked))
    return calls.tokens(result.usage)


def observed() -> dict[str, Any]:
    """Return the states of the fixes and what goes past the patch, as they are now."""
    status = agentex_usage_patch.status()
    return {"states": sorted({fix.state for fix in status.fixes}), "bypasses": status.bypasses}


def _with_their_own() -> list[Any]:
    model_class = calls.sdk.TemporalStreamingModel
    models = [each for each in gc.get_objects() if type(each) is model_class]
    return [each for each in models if "get_response" in vars(each)]


@contextmanager
def _traced() -> Iterator[None]:
    """Let agents tell the tracers of its runs, and not its maker's server."""
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
