"""Patched old = old: what PR #335 does not change is the same with and without the patch."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

import agentex_usage_patch

from ... import calls, cases
from ...calls import AFFECTED, arguments, make_model, observe
from ...clients import Waiting
from ...goldens import unchanged_part
from ...wire import Wire, completed, text

pytestmark = [pytest.mark.body, pytest.mark.companions]


async def before_and_after(
    wire: Any, settings: dict[str, Any], keywords: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    before = await observe(wire(), settings, keywords)
    assert agentex_usage_patch.apply_patch().complete
    after = await observe(wire(), settings, keywords)
    return before, after


@pytest.mark.parametrize("name", sorted(cases.CASES))
async def test_unfixed_behaviour_is_unchanged(name: str) -> None:
    stream, call = cases.CASES[name]
    before, after = await before_and_after(lambda: Wire(stream), call.settings, call.keywords)
    assert unchanged_part(after) == unchanged_part(before)
    assert before["settings"] and after["settings"]
    if AFFECTED:
        assert before["response_id"] == "invented resp"
        assert after["response_id"] != "invented resp"


@pytest.mark.parametrize("status", [400, 429, 500])
async def test_server_error_is_raised_after_one_request(status: int) -> None:
    before, after = await before_and_after(lambda: Wire([], status=status), {}, {})
    assert after == {**before, "bodies": after["bodies"]}
    assert unchanged_part(after) == unchanged_part(before)
    assert len(after["bodies"]) == 1
    kind, message = after["raised"]
    assert kind.endswith("Error") and str(status) in message
    _, output, raised = after["span"]
    assert output is None and raised.startswith(kind)


@pytest.mark.parametrize("events_read", range(len(text("Hello ", "world")) + 2))
async def test_cut_stream_raises_the_same_error(events_read: int) -> None:
    stream = [*text("Hello ", "world"), completed(), {"type": "response.late"}]
    before, after = await before_and_after(lambda: Wire(stream, cut_after=events_read), {}, {})
    assert unchanged_part(after) == unchanged_part(before)
    assert after["raised"] == ["ReadError", "connection cut"]
    assert "usage" not in (after["span"][1] or {})
    assert len(after["bodies"]) == 1


async def cancelled(events: list[Any]) -> dict[str, Any]:
    """Cancel a call whose stream hangs, and return what can be observed of it."""
    wire = Waiting(events)
    model = make_model(wire.client())
    with calls.messages() as streamed:
        task = asyncio.create_task(model.get_response(**arguments()))
        await wire.silent.wait()
        task.cancel("by the test")
        with pytest.raises(asyncio.CancelledError) as stopped:
            await task
    (span,) = model.tracer.spans
    assert isinstance(span.raised, asyncio.CancelledError)
    return {
        "message": stopped.value.args,
        "closed": wire.closed,
        "streamed": len(streamed.seen),
        "bodies": len(wire.bodies),
        "output": span.output_at_exit,
        "pending": len(asyncio.all_tasks()),
    }


@pytest.mark.parametrize("events", [[], text("Hello"), [*text("Hello"), completed()]])
async def test_cancelled_call_ends_the_same_way(events: list[Any]) -> None:
    before = await cancelled(events)
    assert agentex_usage_patch.apply_patch().complete
    assert await cancelled(events) == before
    assert before["message"] == ("by the test",)


class Stop(BaseException):
    """Not an Exception: every release catches those when an update fails."""


@pytest.mark.parametrize("error", [RuntimeError, Stop])
@pytest.mark.parametrize("method", ["__aenter__", "stream_update", "close"])
async def test_failure_to_stream_to_the_user_has_the_same_outcome(
    method: str, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise error("Redis is away")

    monkeypatch.setattr(calls._Message, method, fail)
    stream = cases.STREAMS["reasoning and text"]

    async def outcome() -> Any:
        wire = Wire(stream)
        try:
            seen = unchanged_part(await observe(wire, {}, {}))
        except Stop as stopped:
            seen = {"raised": ["Stop", str(stopped)]}
        return seen, wire.closed

    before = await outcome()
    assert agentex_usage_patch.apply_patch().complete
    assert await outcome() == before
    if error is Stop or method == "__aenter__":
        assert before[0]["raised"] == [error.__name__, "Redis is away"]


async def test_call_without_a_task_id_still_raises_before_any_request() -> None:
    calls.sdk.streaming_task_id.set("")

    async def refused() -> str:
        wire = Wire([completed()])
        model = make_model(wire.client())
        with pytest.raises(ValueError, match="task_id") as error:
            await model.get_response(**arguments())
        assert wire.bodies == [] and model.tracer.spans == []
        return str(error.value)

    before = await refused()
    assert agentex_usage_patch.apply_patch().complete
    assert await refused() == before


@pytest.mark.parametrize("name", sorted(cases.CALLS))
async def test_successful_call_logs_and_warns_nothing(
    name: str, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    assert agentex_usage_patch.apply_patch().complete
    caplog.clear()
    recwarn.clear()
    call = cases.CALLS[name]
    with caplog.at_level(logging.DEBUG, logger="agentex_usage_patch"):
        seen = await observe(Wire(cases.STREAMS["text"]), call.settings, call.keywords)
    assert "raised" not in seen
    assert [record for record in caplog.records if record.name == "agentex_usage_patch"] == []
    assert [str(each.message) for each in recwarn] == []
