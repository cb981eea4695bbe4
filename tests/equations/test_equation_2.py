"""Patched old = old, everywhere else: what PR #335 is not about stays as it was."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

import agentex_usage_patch

from .. import calls, cases, goldens
from ..calls import AFFECTED, arguments, make_model, observe
from ..clients import Waiting
from ..wire import Wire, completed, text

pytestmark = [pytest.mark.body, pytest.mark.companions]


def around_the_fix(seen: dict[str, Any]) -> dict[str, Any]:
    """Return what was seen of a call, without the part that PR #335 is about."""
    opened, output, raised = seen["span"]
    output = {key: part for key, part in (output or {}).items() if key != "usage"}
    bodies = [
        {name: field for name, field in body.items() if name not in goldens.FIELDS}
        for body in seen["bodies"]
    ]
    kept = {
        name: part
        for name, part in seen.items()
        if name not in ("usage", "response_id", "span", "bodies")
    }
    return {**kept, "span": [opened, output, raised], "bodies": bodies}


async def before_and_after(
    wire: Any, settings: dict[str, Any], keywords: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    before = await observe(wire(), settings, keywords)
    assert agentex_usage_patch.apply_patch().complete
    after = await observe(wire(), settings, keywords)
    return before, after


@pytest.mark.parametrize("name", sorted(cases.CASES))
async def test_everything_else_stays_as_it_was(name: str) -> None:
    stream, call = cases.CASES[name]
    before, after = await before_and_after(lambda: Wire(stream), call.settings, call.keywords)
    assert around_the_fix(after) == around_the_fix(before)
    assert before["settings"] and after["settings"]
    if AFFECTED:
        assert before["response_id"] == "invented resp"
        assert after["response_id"] != "invented resp"


@pytest.mark.parametrize("status", [400, 429, 500])
async def test_an_error_of_the_server_passes_through_after_one_request(status: int) -> None:
    before, after = await before_and_after(lambda: Wire([], status=status), {}, {})
    assert after == {**before, "bodies": after["bodies"]}
    assert around_the_fix(after) == around_the_fix(before)
    assert len(after["bodies"]) == 1
    kind, message = after["raised"]
    assert kind.endswith("Error") and str(status) in message
    _, output, raised = after["span"]
    assert output is None and raised.startswith(kind)


@pytest.mark.parametrize("events_read", range(len(text("Hello ", "world")) + 2))
async def test_a_stream_that_is_cut_ends_as_it_did(events_read: int) -> None:
    stream = [*text("Hello ", "world"), completed(), {"type": "response.late"}]
    before, after = await before_and_after(lambda: Wire(stream, cut_after=events_read), {}, {})
    assert around_the_fix(after) == around_the_fix(before)
    assert after["raised"] == ["ReadError", "connection cut"]
    assert "usage" not in (after["span"][1] or {})
    assert len(after["bodies"]) == 1


async def cancelled(events: list[Any]) -> dict[str, Any]:
    """Cancel a call whose stream has gone silent, and return what is seen of it."""
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
async def test_a_cancelled_call_ends_as_it_did(events: list[Any]) -> None:
    before = await cancelled(events)
    assert agentex_usage_patch.apply_patch().complete
    assert await cancelled(events) == before
    assert before["message"] == ("by the test",)


class Stop(BaseException):
    """Not an Exception, so that no release takes it for a failed update."""


@pytest.mark.parametrize("error", [RuntimeError, Stop])
@pytest.mark.parametrize("method", ["__aenter__", "stream_update", "close"])
async def test_a_failure_to_stream_to_the_user_ends_as_it_did(
    method: str, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise error("Redis is away")

    monkeypatch.setattr(calls._Message, method, fail)
    stream = cases.STREAMS["reasoning and text"]

    async def outcome() -> Any:
        wire = Wire(stream)
        try:
            seen = around_the_fix(await observe(wire, {}, {}))
        except Stop as stopped:
            seen = {"raised": ["Stop", str(stopped)]}
        return seen, wire.closed

    before = await outcome()
    assert agentex_usage_patch.apply_patch().complete
    assert await outcome() == before
    if error is Stop or method == "__aenter__":
        assert before[0]["raised"] == [error.__name__, "Redis is away"]


async def test_a_missing_task_is_refused_without_a_request_as_it_was() -> None:
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
async def test_nothing_is_logged_or_warned_about_during_a_good_call(
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
