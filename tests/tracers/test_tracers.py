"""The patch works beside tracers: each tracer records the same spans, and usage is correct.

Each case runs in a separate process (`tests.tracers.process`). Chunks, spans and closing are
compared, in order, with the same process without the patch.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ..children import ROOT, child
from ..wire import response

TOKENS = [1234, 56, 1290, 987, 42]
# Each tox environment names its tracers: not every tracer works with every release.
TRACERS = os.environ["TRACERS"].split()
TOGETHER = ["ddtrace+openinference+sentry", "+".join(TRACERS)]
ORDERS = [(each, order) for each in ("none", *TRACERS, *TOGETHER) for order in ("before", "after")]
# ddtrace-run patches before any other code runs, so it has only this order.
ORDERS.append(("ddtrace_run", "after"))

# The span that proves that a tracer records runs of agents, and not only requests.
RUN_SPANS = {
    "ddtrace": "Agent workflow",
    "openinference": "Agent workflow",
    "sentry": "gen_ai.invoke_agent",
    "logfire": "OpenAI Agents trace: {name}",
}

# The attributes in which spans of a run hold its usage.
SENTRY_USAGE = {
    "gen_ai.usage.input_tokens": "1234",
    "gen_ai.usage.output_tokens": "56",
    "gen_ai.usage.total_tokens": "1290",
    "gen_ai.usage.input_tokens.cached": "987",
    "gen_ai.usage.output_tokens.reasoning": "42",
}
LOGFIRE_USAGE = {"input_tokens": 1234, "output_tokens": 56, "cached_input_tokens": 987}
LOGFIRE_TASK_USAGE = {"requests": 0, "total_tokens": 1290}

#: Settings that keep tracers from contacting a server.
NO_SERVER = {
    "DD_TRACE_AGENT_URL": "http://127.0.0.1:9",
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
}


@functools.cache
def report_of(tracers: str, order: str) -> Any:
    """Run one case, and return its report.

    A case with few tracers runs in a fork of a process that has imported openai and agents.
    The case with all tracers and the one with ddtrace-run import everything themselves, in
    the order under test.
    """
    if tracers not in (TOGETHER[-1], "ddtrace_run"):
        code = f"from tests.tracers import process\nsaid = process.run({tracers!r}, {order!r})"
        return child(code, **NO_SERVER)
    command = [sys.executable, "-m", "tests.tracers.process", tracers, order]
    if tracers == "ddtrace_run":
        run = shutil.which("ddtrace-run", path=str(Path(sys.executable).parent))
        assert run is not None
        command.insert(0, run)
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **NO_SERVER},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(params=ORDERS, ids="-".join)
def reports(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    """The report of the case without the patch, and the report with it."""
    tracers, order = request.param
    return report_of(tracers, "without"), report_of(tracers, order)


@pytest.fixture
def started(request: pytest.FixtureRequest) -> set[str]:
    """The names of the tracers that the case starts."""
    tracers, _ = request.node.callspec.params["reports"]
    return {"ddtrace" if each == "ddtrace_run" else each for each in tracers.split("+")} - {"none"}


def test_spans_of_tracers_are_the_same_as_without_the_patch(reports: tuple[Any, Any]) -> None:
    without, patched = reports
    for ending in ("whole", "cut", "consumer_error", "cancelled"):
        happened = f"{ending} happened"
        assert "loop turned" in without[happened]
        assert _ordered(patched[happened]) == _ordered(without[happened]), ending
        assert patched[ending].get("raised") == without[ending].get("raised")
        assert patched[ending]["bodies"] == without[ending]["bodies"]
    # Only the patched request is chained, so spans that record it differ.
    names = [
        [each[:2] if isinstance(each, list) else each for each in one["chained happened"]]
        for one in reports
    ]
    assert names[0] == names[1]


def _ordered(happened: list[Any]) -> list[Any]:
    """Sort what happened after the call ended.

    When the loop ends it closes the open generators in no particular order.
    """
    end = happened.index("loop turned")
    return [*happened[:end], *sorted(happened[end:], key=str)]


def test_each_tracer_records_spans(reports: tuple[Any, Any], started: set[str]) -> None:
    _, patched = reports
    for ending in ("whole", "chained"):
        assert started <= {tracer for tracer, *_ in _spans(patched, ending)}, ending
    seen = {(tracer, name) for tracer, name, *_ in _spans(patched, "run")}
    assert {(each, RUN_SPANS[each]) for each in started & set(RUN_SPANS)} <= seen


def _spans(report: Any, ending: str) -> list[Any]:
    return [each for each in report[f"{ending} happened"] if isinstance(each, list)]


def test_patched_calls_are_the_same_with_and_without_tracers(reports: tuple[Any, Any]) -> None:
    without, patched = reports
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


def test_traced_stream_can_be_used_as_without_the_patch(reports: tuple[Any, Any]) -> None:
    without, patched = reports
    assert without["stream"]["usage"] == [0] * 5
    # The patch also observes events that are read within `async with`.
    assert patched["stream"] == {**without["stream"], "usage": TOKENS}
    assert patched["stream"]["isinstance"]
    assert patched["stream"]["types"][-1] == "response.completed"


def test_run_of_an_agent_has_the_tokens_of_its_call(reports: tuple[Any, Any]) -> None:
    without, patched = reports
    for run in (patched["run"], patched["again"]):
        assert run["usage"] == run["usage of the response"] == TOKENS
        assert run["response_id"] == response()["id"]
        assert (run["output"], run["bodies"]) == (
            without["run"]["output"],
            without["run"]["bodies"],
        )
    for run in (without["run"], patched["removed"]):
        assert run["usage"] == run["usage of the response"] == [0] * 5
        assert run["response_id"] != response()["id"]


def test_spans_of_a_run_differ_only_in_usage(reports: tuple[Any, Any]) -> None:
    without, patched = reports
    unpatched = _ordered(without["run happened"])
    assert _ordered(patched["removed happened"]) == unpatched
    for run in ("run happened", "again happened"):
        assert _ordered(patched[run]) == [_with_usage(each) for each in unpatched]


def _with_usage(happened: Any) -> Any:
    """Return an unpatched span of a run as it is with the real usage.

    Only spans of the run itself change: spans of the request read usage from the stream.
    """
    if isinstance(happened, str):
        return happened
    tracer, name, attributes, *rest = happened
    if tracer == "sentry" and name in ("gen_ai.chat", "gen_ai.invoke_agent"):
        assert {attributes[each] for each in SENTRY_USAGE} == {"0"}
        attributes = {**attributes, **SENTRY_USAGE}
    elif tracer == "logfire" and name.startswith(("Turn ", "Task: ")):
        assert "usage" not in attributes
        schema = json.loads(attributes["logfire.json_schema"])
        schema["properties"]["usage"] = {"type": "object"}
        usage = LOGFIRE_USAGE | (LOGFIRE_TASK_USAGE if name.startswith("Task: ") else {})
        compact = (",", ":")
        attributes = {
            **attributes,
            "logfire.json_schema": json.dumps(schema, separators=compact),
            "usage": json.dumps(usage, separators=compact),
        }
    return [tracer, name, attributes, *rest]


def test_get_response_that_a_tracer_sets_on_a_model_calls_the_patch(
    reports: tuple[Any, Any], started: set[str]
) -> None:
    _, patched = reports
    for run in (patched["run"], patched["again"]):
        assert run["own"] == ("sentry" in started)
        assert run["status"] == {"states": ["patched"], "bypasses": []}


def test_get_response_set_on_a_model_before_the_patch_calls_the_original(
    reports: tuple[Any, Any], started: set[str]
) -> None:
    _, patched = reports
    assert patched["removed"]["status"] == {"states": ["missing"], "bypasses": []}
    assert patched["removed"]["own"] == ("sentry" in started)
    assert patched["kept"]["states"] == ["patched"]
    assert patched["kept"]["usage"] == [[0] * 5] * ("sentry" in started)
