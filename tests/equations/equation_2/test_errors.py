"""Patched old = old: errors, their tracebacks, and what the span receives are unchanged."""

from __future__ import annotations

import asyncio
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

import agentex_usage_patch

from ... import calls
from ...calls import make_model
from ...clients import Waiting, ask
from ...wire import Wire, completed, text

pytestmark = pytest.mark.body

_PACKAGE = Path(agentex_usage_patch.__file__).parent


class RecordingSpan(calls.Span):
    """A span that records the arguments of its ``__aexit__``."""

    async def __aexit__(self, kind: Any, raised: Any, trace: TracebackType | None) -> None:
        self.arguments = (kind, described(raised), frames(trace), trace is raised.__traceback__)


def frames(trace: TracebackType | None) -> list[tuple[str, str]]:
    """Return file and function of each frame of a traceback, except this package's frames."""
    found = [(Path(each.filename), each.name) for each in traceback.extract_tb(trace)]
    return [(str(file), name) for file, name in found if _PACKAGE not in file.parents]


def described(error: BaseException | None) -> Any:
    """Return everything that a printed traceback shows of an error."""
    if error is None:
        return None
    return (
        type(error),
        str(error),
        frames(error.__traceback__),
        described(error.__cause__),
        described(error.__context__),
        error.__suppress_context__,
    )


async def refused() -> None:
    await call(Wire([], status=400))


async def cut() -> None:
    await call(Wire([*text("one", "two"), completed()], cut_after=3))


async def cancelled() -> None:
    wire = Waiting(text("one"))
    task = asyncio.create_task(call(wire))
    await wire.silent.wait()
    task.cancel("the worker stops")
    await task


async def call(wire: Wire) -> None:
    model = make_model(wire.client())
    spans.append(model.tracer.spans)
    await ask(model, conversation_id="conv_1")


spans: list[list[Any]] = []


async def seen(fail: Any) -> tuple[Any, Any]:
    """Return the error that is raised, and what the span receives of it."""
    with pytest.raises(BaseException) as raised:  # noqa: PT011 - CancelledError is not an Exception
        await fail()
    (span,) = spans.pop()
    return described(raised.value), span.arguments


@pytest.mark.parametrize("fail", [refused, cut, cancelled])
async def test_error_and_traceback_are_the_same_as_without_the_patch(
    fail: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "Span", RecordingSpan)
    error, arguments = await seen(fail)
    assert (calls.sdk.__file__, "get_response") in error[2]
    agentex_usage_patch.apply_patch()
    assert await seen(fail) == (error, arguments)
