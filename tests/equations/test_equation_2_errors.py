"""Patched old = old, in what is raised: the error, where it comes from, and what the span saw."""

from __future__ import annotations

import asyncio
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

import agentex_usage_patch

from .. import calls
from ..calls import make_model
from ..clients import Waiting, ask
from ..wire import Wire, completed, text

pytestmark = pytest.mark.body

_OURS = Path(agentex_usage_patch.__file__).parent


class Leaving(calls.Span):
    """A span that tells what its ``async with`` was left with."""

    async def __aexit__(self, kind: Any, raised: Any, trace: TracebackType | None) -> None:
        self.left = (kind, told(raised), frames(trace), trace is raised.__traceback__)


def frames(trace: TracebackType | None) -> list[tuple[str, str]]:
    """Return file and function of each frame of a traceback that is not this package's."""
    found = [(Path(each.filename), each.name) for each in traceback.extract_tb(trace)]
    return [(str(file), name) for file, name in found if _OURS not in file.parents]


def told(error: BaseException | None) -> Any:
    """Return all that a traceback says of an error."""
    if error is None:
        return None
    return (
        type(error),
        str(error),
        frames(error.__traceback__),
        told(error.__cause__),
        told(error.__context__),
        error.__suppress_context__,
    )


async def refused() -> None:
    await called(Wire([], status=400))


async def cut() -> None:
    await called(Wire([*text("one", "two"), completed()], cut_after=3))


async def cancelled() -> None:
    wire = Waiting(text("one"))
    call = asyncio.create_task(called(wire))
    await wire.silent.wait()
    call.cancel("the worker stops")
    await call


async def called(wire: Wire) -> None:
    model = make_model(wire.client())
    spans.append(model.tracer.spans)
    await ask(model, conversation_id="conv_1")


spans: list[list[Any]] = []


async def seen(fail: Any) -> tuple[Any, Any]:
    """Return what was raised, and what the span saw of it."""
    with pytest.raises(BaseException) as raised:  # noqa: PT011 - CancelledError is none of Exception
        await fail()
    (span,) = spans.pop()
    return told(raised.value), span.left


@pytest.mark.parametrize("fail", [refused, cut, cancelled])
async def test_an_error_is_raised_as_without_the_patch(
    fail: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "Span", Leaving)
    error, left = await seen(fail)
    assert (calls.sdk.__file__, "get_response") in error[2]
    agentex_usage_patch.apply_patch()
    assert await seen(fail) == (error, left)
