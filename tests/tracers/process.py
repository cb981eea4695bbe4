"""Make calls in a process with tracers, and print one JSON line of results and spans.

``python -m tests.tracers.process TRACERS ORDER``: TRACERS are joined by ``+``; ORDER is
``without`` (no patch), ``before`` (the patch, then the tracers) or ``after``.
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

from .tracers import happened, masked, start


def run(tracers: str, order: str) -> dict[str, Any]:
    """Start the tracers and apply the patch in this order, and make a call for each ending."""
    import agentex_usage_patch

    if order == "before":
        agentex_usage_patch.apply_patch()
    start(tracers)
    from .. import calls
    from . import runs

    if order == "after":
        agentex_usage_patch.apply_patch()
    calls.enter_task()
    report: dict[str, Any] = {
        "states": sorted({f.state for f in agentex_usage_patch.status().fixes})
    }
    for ending in (whole, cut, consumer_error, cancelled, chained):
        report |= _recorded(ending.__name__, ending())
    report |= _recorded("run", runs.run(_wire(), []))
    if order != "without":
        report |= _runs_around_a_removal()
    report["stream"] = asyncio.run(stream())
    return report


def _recorded(name: str, ending: Coroutine[Any, Any, Any]) -> dict[str, Any]:
    """Run a call, and return its report and everything that happened until it was collected."""
    happened.clear()
    report = asyncio.run(ending)
    gc.collect()
    return {name: report, f"{name} happened": masked(happened)}


def _runs_around_a_removal() -> dict[str, Any]:
    """Run an agent while the patch is removed, and again after it is applied.

    In between, call the models of the first run: a tracer may have set their `get_response`.
    """
    import agentex_usage_patch

    from . import runs

    agentex_usage_patch.remove_patch()
    models: list[Any] = []
    report = _recorded("removed", runs.run(_wire(), models))
    agentex_usage_patch.apply_patch()
    report["kept"] = runs.observed()
    report["kept"]["usage"] = [asyncio.run(runs.usage_of(each)) for each in models]
    models.clear()
    gc.collect()
    return report | _recorded("again", runs.run(_wire(), []))


async def _call(wire: Any, **keywords: Any) -> dict[str, Any]:
    from .. import calls

    model = calls.make_model(wire.client())
    report: dict[str, Any] = {}
    with calls.messages():
        try:
            result = await model.get_response(**calls.arguments(**keywords))
        except BaseException as error:
            report["raised"] = [type(error).__name__, str(error)]
            happened.append("call raised")
        else:
            report["usage"] = calls.tokens(result.usage)
            report["response_id"] = result.response_id
            happened.append("call over")
    (span,) = model.tracer.spans
    report["span"] = (span.output_at_exit or {}) if isinstance(span.output_at_exit, dict) else None
    report["bodies"] = wire.bodies
    report["closed"] = wire.closed
    await asyncio.sleep(0)
    happened.append("loop turned")
    return calls.mask_invented_ids(json.loads(json.dumps(report, default=str)))  # type: ignore[no-any-return]


def _wire(**options: Any) -> Any:
    from ..wire import Wire, completed, text

    class Recording(Wire):
        async def _answer(self, request: httpx.Request) -> httpx.Response:
            answer = await super()._answer(request)
            answer.stream = _RecordingBody(answer.stream)
            return answer

    return Recording([*text("Hello ", "world"), completed()], **options)


class _RecordingBody(httpx.AsyncByteStream):
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
    # When a tracer fails, the call ends before the stream goes silent.
    await asyncio.wait([task, silent], return_when=asyncio.FIRST_COMPLETED)
    silent.cancel()
    task.cancel()
    return await task


async def stream() -> Any:
    """Use the stream as the body of `get_response` does, and report how it behaves."""
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
        # Every release builds its result from the items of the response; the patch relies on it.
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
    os._exit(0)  # skip exporters that wait for a server at exit
