"""A process with tracers in it: what they and a call say of each other, as one JSON line.

``python -m tests.company.process TRACERS ORDER``: tracers joined by ``+``; ORDER is ``without``,
``before`` (ours, then theirs) or ``after``.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from collections.abc import Coroutine
from typing import Any

import httpx

from .tracers import happened, start, without_chance


def run(tracers: str, order: str) -> dict[str, Any]:
    """Start the tracers and ours in this order, and make a call that ends in each way."""
    import agentex_usage_patch

    if order == "before":
        agentex_usage_patch.apply_patch()
    start(tracers)
    from .. import calls
    from . import runs

    if order == "after":
        agentex_usage_patch.apply_patch()
    for name in ("streaming_task_id", "streaming_trace_id", "streaming_parent_span_id"):
        getattr(calls.sdk, name).set("id")
    said: dict[str, Any] = {"states": sorted({f.state for f in agentex_usage_patch.status().fixes})}
    for ending in (whole, cut, consumer_error, cancelled, chained):
        said |= _seen(ending.__name__, ending())
    said |= _seen("run", runs.run(_wire(), []))
    if order != "without":
        said |= _runs_of_one_removed()
    said["stream"] = asyncio.run(stream())
    return said


def _seen(name: str, ending: Coroutine[Any, Any, Any]) -> dict[str, Any]:
    """Return what came of an ending, and what happened until nothing was left of it."""
    happened.clear()
    said = asyncio.run(ending)
    gc.collect()
    return {name: said, f"{name} happened": without_chance(happened)}


def _runs_of_one_removed() -> dict[str, Any]:
    """Run an agent while ours is removed, and after it is back.

    In between, what a tracer put on the model of the first run is still there.
    """
    import agentex_usage_patch

    from . import runs

    agentex_usage_patch.remove_patch()
    own: list[Any] = []
    said = _seen("removed", runs.run(_wire(), own))
    agentex_usage_patch.apply_patch()
    said["kept"] = runs.observed()
    said["kept"]["usage"] = [asyncio.run(runs.usage_of(each)) for each in own]
    own.clear()
    gc.collect()
    return said | _seen("again", runs.run(_wire(), []))


async def _call(wire: Any, **keywords: Any) -> dict[str, Any]:
    from .. import calls

    model = calls.make_model(wire.client())
    said: dict[str, Any] = {}
    with calls.messages():
        try:
            result = await model.get_response(**calls.arguments(**keywords))
        except BaseException as error:
            said["raised"] = [type(error).__name__, str(error)]
            happened.append("call raised")
        else:
            said["usage"] = calls.tokens(result.usage)
            said["response_id"] = result.response_id
            happened.append("call over")
    (span,) = model.tracer.spans
    said["span"] = (span.output_at_exit or {}) if isinstance(span.output_at_exit, dict) else None
    said["bodies"] = wire.bodies
    said["closed"] = wire.closed
    await asyncio.sleep(0)
    happened.append("loop turned")
    return calls.mask_invented_ids(json.loads(json.dumps(said, default=str)))  # type: ignore[no-any-return]


def _wire(**options: Any) -> Any:
    from ..wire import Wire, completed, text

    class Telling(Wire):
        async def _answer(self, request: httpx.Request) -> httpx.Response:
            answer = await super()._answer(request)
            answer.stream = _Telling(answer.stream)
            return answer

    return Telling([*text("Hello ", "world"), completed()], **options)


class _Telling(httpx.AsyncByteStream):
    def __init__(self, body: Any) -> None:
        self._body = body

    async def __aiter__(self) -> Any:
        async for chunk in self._body:
            happened.append("chunk")
            yield chunk

    async def aclose(self) -> None:
        happened.append("closed")
        await self._body.aclose()


async def whole() -> Any:
    return await _call(_wire())


async def chained() -> Any:
    return await _call(_wire(), previous_response_id="resp_abcdef123456", conversation_id="conv_1")


async def cut() -> Any:
    return await _call(_wire(cut_after=3))


async def consumer_error() -> Any:
    from .. import calls

    async def refuse(*_: Any) -> None:
        raise RuntimeError("the user's stream is gone")

    message: Any = calls._Message
    kept = message.stream_update, message.__aenter__
    message.stream_update = message.__aenter__ = refuse
    try:
        return await _call(_wire())
    finally:
        message.stream_update, message.__aenter__ = kept


async def cancelled() -> Any:
    from ..clients import Waiting
    from ..wire import text

    wire = Waiting(text("Hello"))
    task = asyncio.create_task(_call(wire))
    silent = asyncio.create_task(wire.silent.wait())
    # A tracer that fails has ended the call already.
    await asyncio.wait([task, silent], return_when=asyncio.FIRST_COMPLETED)
    silent.cancel()
    task.cancel()
    return await task


async def stream() -> Any:
    """Look at the stream as the body of `get_response` meets it."""
    from agents import ModelResponse, Usage
    from openai import AsyncStream

    import agentex_usage_patch

    from .. import calls

    seen: dict[str, Any] = {}

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        asked = {"model": "gpt-4o", "input": "Hi", "stream": True}
        events = await self.client.responses.create(**asked)
        seen["isinstance"] = isinstance(events, AsyncStream)
        async with events as entered:
            read = [each async for each in entered]
        seen["types"] = [each.type for each in read]
        seen["close"] = await events.close()
        # As every body of the SDK: the response's own items say what the result is made of.
        return ModelResponse(output=[*read[-1].response.output], usage=Usage(), response_id=None)

    model_class: Any = calls.sdk.TemporalStreamingModel
    model_class.get_response = get_response
    if agentex_usage_patch._patching.apply._wanted:
        agentex_usage_patch.apply_patch()
    with calls.messages():
        result = await calls.make_model(_wire().client()).get_response(**calls.arguments())
    seen["usage"] = calls.tokens(result.usage)
    return seen


if __name__ == "__main__":
    os.environ.setdefault("OPENAI_API_KEY", "sk-test")
    print(json.dumps(run(*sys.argv[1:])), flush=True)
    os._exit(0)  # their exporters wait for servers that are not there
