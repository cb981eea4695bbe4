"""Make two chained turns with the installed SDK, in a process of their own.

``python -m agentex_usage_patch._verify.two_turns FILE [--patched]`` writes the results into
FILE, as JSON. The environment names the servers that it talks to.
"""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import json
import sys
from pathlib import Path
from typing import Any

from .. import _upstream
from .._patching.apply import apply_patch
from .._patching.call.usage import read_tokens
from .._patching.probe.stubs import Adk
from .._status import worker

CONVERSATION = "conv_verify"
PROMPT = {"id": "pmpt_verify"}


class _Discarding(Adk):
    """The SDK's ``adk``, which streams messages to Redis: this one discards them."""

    def streaming_task_message_context(self, **opened: Any) -> Adk:
        types = importlib.import_module("agentex.types.task_message")
        message = _Discarding()
        content = opened["initial_content"]
        message.task_message = types.TaskMessage(task_id="verify", content=content)
        return message

    async def stream_update(self, update: Any) -> Any:
        return update

    async def close(self) -> None:
        return None


def main(argv: list[str]) -> None:
    """Make the turns and write their results. With the patch, build a worker as well."""
    built = worker.NOT_TRIED
    if "--patched" in argv:
        apply_patch()
        built = worker.build()
    results = {"worker": dataclasses.asdict(built), "turns": asyncio.run(_turns())}
    Path(argv[0]).write_text(json.dumps(results), encoding="utf-8")


async def _turns() -> list[dict[str, Any]]:
    sdk: Any = importlib.import_module(_upstream.MODULE)
    sdk.adk = _Discarding()
    # In a worker, ContextInterceptor sets these from the headers of a Temporal activity.
    for variable in _upstream.CONTEXT_VARIABLES:
        getattr(sdk, variable).set("verify")
    _send_spans()
    model = sdk.TemporalStreamingModelProvider().get_model("verify")
    first = await _turn(sdk, model, conversation_id=CONVERSATION, prompt=PROMPT)
    second = await _turn(sdk, model, previous_response_id=first["response_id"])
    await _flush_spans()
    return [first, second]


async def _turn(sdk: Any, model: Any, **keywords: Any) -> dict[str, Any]:
    stateful = dict.fromkeys(_upstream.FORWARDED)
    try:
        result = await model.get_response(
            system_instructions="Be brief.",
            input="Four words, please.",
            model_settings=sdk.ModelSettings(),
            tools=[],
            output_schema=None,
            handoffs=[],
            tracing=None,
            **{**stateful, **keywords},
        )
    except Exception as error:  # noqa: BLE001 - the report shows any error
        return {"usage": None, "response_id": None, "error": f"{type(error).__name__}: {error}"}
    return {
        "usage": read_tokens(result.usage),
        "response_id": result.response_id,
        "error": None,
    }


def _send_spans() -> None:
    # Later releases send spans only if a processor is configured.
    manager = importlib.import_module("agentex.lib.core.tracing.tracing_processor_manager")
    if not manager.get_async_tracing_processors():
        types = importlib.import_module("agentex.lib.types.tracing")
        manager.add_tracing_processor_config(types.AgentexTracingProcessorConfig())


async def _flush_spans() -> None:
    # Releases with a span queue send spans in the background, the others at once.
    try:
        span_queue = importlib.import_module("agentex.lib.core.tracing.span_queue")
    except ModuleNotFoundError:
        return
    await span_queue.get_default_span_queue().shutdown()


if __name__ == "__main__":
    main(sys.argv[1:])
