"""Tracers beside the patch: each has what it has without us, and we have ours.

Each case is a process of its own (`tests.company.process`). What happens in it is compared, in
order, with the same process without the patch: events, spans, closing.
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
# The environment says which are in it: not all of them go with each release.
TRACERS = os.environ["TRACERS"].split()
TOGETHER = ["ddtrace+openinference+sentry", "+".join(TRACERS)]
ORDERS = [(each, order) for each in ("none", *TRACERS, *TOGETHER) for order in ("before", "after")]
# It has patched before anything else can run.
ORDERS.append(("ddtrace_run", "after"))

# What shows that a tracer sees a run of an agent, and not only the request in it.
OF_A_RUN = {
    "ddtrace": "Agent workflow",
    "openinference": "Agent workflow",
    "sentry": "gen_ai.invoke_agent",
    "logfire": "OpenAI Agents trace: {name}",
}

# How spans of a run tell its usage.
SENTRYS = {
    "gen_ai.usage.input_tokens": "1234",
    "gen_ai.usage.output_tokens": "56",
    "gen_ai.usage.total_tokens": "1290",
    "gen_ai.usage.input_tokens.cached": "987",
    "gen_ai.usage.output_tokens.reasoning": "42",
}
LOGFIRES = {"input_tokens": 1234, "output_tokens": 56, "cached_input_tokens": 987}
LOGFIRES_OF_A_TASK = {"requests": 0, "total_tokens": 1290}


#: No tracer reaches a server.
NO_SERVER = {
    "DD_TRACE_AGENT_URL": "http://127.0.0.1:9",
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
}


@functools.cache
def said(tracers: str, order: str) -> Any:
    """Run one case, and return what it said.

    A case of one tracer is a fork of a process that has imported openai and agents; the
    cases of all tracers, and of ddtrace-run, import everything in the order under test.
    """
    if tracers not in (TOGETHER[-1], "ddtrace_run"):
        code = f"from tests.company import process\nsaid = process.run({tracers!r}, {order!r})"
        return child(code, **NO_SERVER)
    command = [sys.executable, "-m", "tests.company.process", tracers, order]
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
def both(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    """What was said without the patch, and with it."""
    tracers, order = request.param
    return said(tracers, "without"), said(tracers, order)


@pytest.fixture
def there(request: pytest.FixtureRequest) -> set[str]:
    """The tracers that were started."""
    tracers, _ = request.node.callspec.params["both"]
    return {"ddtrace" if each == "ddtrace_run" else each for each in tracers.split("+")} - {"none"}


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


def test_each_tracer_was_there(both: tuple[Any, Any], there: set[str]) -> None:
    _, patched = both
    for ending in ("whole", "chained"):
        assert there <= {tracer for tracer, *_ in _spans(patched, ending)}, ending
    seen = {(tracer, name) for tracer, name, *_ in _spans(patched, "run")}
    assert {(each, OF_A_RUN[each]) for each in there & set(OF_A_RUN)} <= seen


def _spans(said: Any, ending: str) -> list[Any]:
    return [each for each in said[f"{ending} happened"] if isinstance(each, list)]


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
    assert without["stream"]["usage"] == [0] * 5
    # Ours sees what is read from within the stream's `async with`, too.
    assert patched["stream"] == {**without["stream"], "usage": TOKENS}
    assert patched["stream"]["isinstance"]
    assert patched["stream"]["types"][-1] == "response.completed"


def test_a_run_of_an_agent_counts_its_tokens(both: tuple[Any, Any]) -> None:
    without, patched = both
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


def test_spans_of_a_run_differ_in_its_usage_alone(both: tuple[Any, Any]) -> None:
    without, patched = both
    unpatched = _ordered(without["run happened"])
    assert _ordered(patched["removed happened"]) == unpatched
    for run in ("run happened", "again happened"):
        assert _ordered(patched[run]) == [_with_usage(each) for each in unpatched]


def _with_usage(happened: Any) -> Any:
    """Return what happened in a run without ours, as it is when the run's usage is real.

    Only spans of the run itself tell it: those of the request have read it from the stream.
    """
    if isinstance(happened, str):
        return happened
    tracer, name, attributes, *rest = happened
    if tracer == "sentry" and name in ("gen_ai.chat", "gen_ai.invoke_agent"):
        assert {attributes[each] for each in SENTRYS} == {"0"}
        attributes = {**attributes, **SENTRYS}
    elif tracer == "logfire" and name.startswith(("Turn ", "Task: ")):
        assert "usage" not in attributes
        schema = json.loads(attributes["logfire.json_schema"])
        schema["properties"]["usage"] = {"type": "object"}
        usage = LOGFIRES | (LOGFIRES_OF_A_TASK if name.startswith("Task: ") else {})
        compact = (",", ":")
        attributes = {
            **attributes,
            "logfire.json_schema": json.dumps(schema, separators=compact),
            "usage": json.dumps(usage, separators=compact),
        }
    return [tracer, name, attributes, *rest]


def test_a_get_response_that_a_tracer_puts_on_a_model_calls_the_patch(
    both: tuple[Any, Any], there: set[str]
) -> None:
    _, patched = both
    for run in (patched["run"], patched["again"]):
        assert run["own"] == ("sentry" in there)
        assert run["status"] == {"states": ["patched"], "bypasses": []}


def test_a_get_response_that_a_tracer_put_on_a_model_before_the_patch_keeps_the_original(
    both: tuple[Any, Any], there: set[str]
) -> None:
    _, patched = both
    assert patched["removed"]["status"] == {"states": ["missing"], "bypasses": []}
    assert patched["removed"]["own"] == ("sentry" in there)
    assert patched["kept"]["states"] == ["patched"]
    assert patched["kept"]["usage"] == [[0] * 5] * ("sentry" in there)
