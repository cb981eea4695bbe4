"""Tracers beside the patch: each has what it has without us, and we have ours.

Each case is a process of its own, started by `tests.company`; what happened in it is
compared with the same process without the patch, in order: events, spans, closing.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from .children import ROOT
from .wire import response

TOKENS = [1234, 56, 1290, 987, 42]
# The environment says which are in it: not all of them go with each release.
TRACERS = os.environ["TRACERS"].split()
TOGETHER = ["ddtrace+openinference+sentry", "+".join(TRACERS)]
ORDERS = [(each, order) for each in ("none", *TRACERS, *TOGETHER) for order in ("before", "after")]
# It has patched before anything else can run.
ORDERS.append(("ddtrace_run", "after"))


def said(tracers: str, order: str) -> Any:
    """Run one case in a process of its own, and return what it said."""
    command = [sys.executable, "-m", "tests.company", tracers, order]
    if tracers == "ddtrace_run":
        run = shutil.which("ddtrace-run", path=str(Path(sys.executable).parent))
        assert run is not None
        command.insert(0, run)
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "DD_TRACE_AGENT_URL": "http://127.0.0.1:9",
            "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@functools.cache
def _started() -> dict[tuple[str, str], Future[Any]]:
    threads = ThreadPoolExecutor(2)
    without = [(each, "without") for each in dict.fromkeys(each for each, _ in ORDERS)]
    return {case: threads.submit(said, *case) for case in [*without, *ORDERS]}


@pytest.fixture(params=ORDERS, ids="-".join)
def both(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    """What was said without the patch, and with it."""
    tracers, _ = request.param
    return _started()[tracers, "without"].result(), _started()[request.param].result()


def test_their_spans_hold_and_end_as_without_us(both: tuple[Any, Any]) -> None:
    without, patched = both
    for ending in ("whole", "cut", "consumer_error", "cancelled"):
        happened = f"{ending} happened"
        assert "loop turned" in without[happened]
        assert _ordered(patched[happened]) == _ordered(without[happened]), ending
        assert patched[ending].get("raised") == without[ending].get("raised")
        assert patched[ending]["bodies"] == without[ending]["bodies"]
    # A chained request is another one, so spans that quote it differ.
    names = [
        [each[:2] if isinstance(each, list) else each for each in one["chained happened"]]
        for one in both
    ]
    assert names[0] == names[1]


def _ordered(happened: list[Any]) -> list[Any]:
    """Leave out the order in which the loop, when it ends, closes what was left open.

    It closes a set of generators all at once.
    """
    end = happened.index("loop turned")
    return [*happened[:end], *sorted(happened[end:], key=str)]


def test_each_tracer_was_there(both: tuple[Any, Any], request: pytest.FixtureRequest) -> None:
    _, patched = both
    tracers, _ = request.node.callspec.params["both"]
    there = {"ddtrace" if each == "ddtrace_run" else each for each in tracers.split("+")}
    for ending in ("whole", "chained"):
        spans = [each for each in patched[f"{ending} happened"] if isinstance(each, list)]
        assert there - {"none"} <= {each[0] for each in spans}, ending


def test_ours_is_as_without_them(both: tuple[Any, Any]) -> None:
    without, patched = both
    assert without["whole"]["usage"][:4] == [0] * 4
    assert patched["states"] == ["patched"]
    for ending in ("whole", "chained"):
        assert patched[ending]["usage"] == TOKENS
        assert patched[ending]["response_id"] == response()["id"]
        assert list(patched[ending]["span"]["usage"].values()) == TOKENS
    (body,) = patched["chained"]["bodies"]
    assert (body["previous_response_id"], body["conversation"]) == ("resp_abcdef123456", "conv_1")
    (unpatched,) = without["chained"]["bodies"]
    assert body == {
        **unpatched,
        "previous_response_id": "resp_abcdef123456",
        "conversation": "conv_1",
    }


def test_their_stream_can_be_used_as_without_us(both: tuple[Any, Any]) -> None:
    without, patched = both
    assert patched["stream"] == without["stream"]
    assert patched["stream"]["isinstance"]
    assert patched["stream"]["types"][-1] == "response.completed"
