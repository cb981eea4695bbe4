"""What ``verify`` does the same on every release: failures, its report, its servers."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from agentex_usage_patch import cli
from agentex_usage_patch._verify import comparison, two_turns
from agentex_usage_patch._verify.report import Comparison, Row
from agentex_usage_patch._verify.server import Server, usage


def verified(capsys: pytest.CaptureFixture[str], *, code: int) -> dict[str, Any]:
    assert cli.main(["verify", "--json"]) == code
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert report["schema"] == 1
    return report


def test_all_parts_of_the_json_are_documented() -> None:
    report = Comparison("0.10.4", (Row(1, "prompt", None, "p", "p"),)).report().json
    parts = {
        *report,
        *(f"rows[].{name}" for name in report["rows"][0]),
        *(f"worker.{name}" for name in report["worker"]),
    }
    documented = Path(__file__).parents[2].joinpath("docs", "verify.md").read_text(encoding="utf-8")
    json_part = documented.partition("## `verify --json`")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([^`]+)` \|", json_part, re.MULTILINE)) == parts


def test_verify_fails_if_the_patch_does_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = comparison._run

    async def unpatched(ids: list[str], environment: dict[str, str], *_: str) -> Any:
        return await run(ids, environment)

    monkeypatch.setattr(comparison, "_run", unpatched)
    picture = tmp_path / "verify.svg"
    assert cli.main(["verify", "--svg", str(picture)]) == 1  # nor was a worker built
    assert picture.read_text(encoding="utf-8").count("✗") == 22
    printed = capsys.readouterr().out
    assert printed.count("✗") == 22
    assert printed.count("✓") == 0


def test_verify_shows_the_last_line_of_a_process_that_failed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "_environment", lambda: {"PYTHONHOME": "/nowhere"})
    report = verified(capsys, code=1)
    assert report["rows"] == [] and not report["right"]
    as_installed, with_patch = report["problems"]
    assert as_installed.startswith("as installed: exit code 1")
    assert with_patch.startswith("with the patch: exit code 1")
    assert "could not be run" in report["summary"]


def test_no_turn_is_made_for_a_picture_in_a_missing_folder(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.main(["verify", "--svg", str(tmp_path / "nowhere" / "verify.svg")]) == 2
    printed = capsys.readouterr()
    assert "--svg: " in printed.err and "cannot be written: name a file" in printed.err
    assert printed.out == ""


def test_the_report_is_printed_even_if_the_picture_cannot_be_written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(comparison, "_environment", lambda: {"PYTHONHOME": "/nowhere"})
    monkeypatch.setattr(Path, "write_text", full)
    assert cli.main(["verify", "--svg", str(tmp_path / "verify.svg")]) == 2
    printed = capsys.readouterr()
    assert "verify.svg cannot be written: No space left on device." in printed.err
    assert "could not be run" in printed.out


def test_verify_stops_a_process_that_does_not_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "_SECONDS", 0)
    report = verified(capsys, code=1)
    assert report["problems"] == [
        "as installed: no answer within 0 s",
        "with the patch: no answer within 0 s",
    ]


def test_the_rows_of_a_failed_turn_are_wrong(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = comparison._environment()
    # The openai client cannot send a header like this one.
    broken = {**environment, "OPENAI_API_KEY": "un\nused"}
    monkeypatch.setattr(comparison, "_environment", lambda: broken)
    report = verified(capsys, code=1)
    assert len(report["problems"]) == 4
    assert report["problems"][3].startswith("with the patch, turn 2: ")
    assert not any(row["right_patched"] for row in report["rows"])


def test_an_unexpected_error_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(FileNotFoundError):
        cli.main(["verify"])


def test_the_turns_get_no_variable_that_names_another_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("https_proxy", "HTTP_PROXY", "OPENAI_ORG_ID", "AGENT_API_KEY", "REDIS_URL",
                 "ENVIRONMENT", "AGENTEX_USAGE_PATCH_DISABLED"):  # fmt: skip
        monkeypatch.setenv(name, "somewhere")
    monkeypatch.setenv("KEPT", "somewhere")
    environment = comparison._environment()
    assert [name for name, value in environment.items() if value == "somewhere"] == ["KEPT"]


BODY = {"model": "verify", "input": "Hi", "stream": True}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"previous_response_id": "resp_never_issued"}, "previous_response_not_found"),
        ({"previous_response_id": "x", "conversation": "c"}, "mutually_exclusive_parameters"),
        ({"stream": False}, "unsupported_value"),
    ],
)
async def test_the_server_refuses_what_the_api_refuses(change: dict[str, Any], code: str) -> None:
    async with Server(["resp_1"]) as server, httpx.AsyncClient() as client:
        url = f"{server.environment['OPENAI_BASE_URL']}/responses"
        refused = await client.post(url, json={**BODY, **change})
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == code
    assert server.bodies == [{**BODY, **change}]


async def test_the_server_accepts_its_own_ids_and_listens_only_on_loopback() -> None:
    async with Server(["resp_1", "resp_2"]) as server, httpx.AsyncClient() as client:
        url = f"{server.environment['OPENAI_BASE_URL']}/responses"
        assert url.startswith("http://127.0.0.1:")
        with pytest.raises(httpx.ConnectError):  # a server on all interfaces would answer
            await client.post(url.replace("127.0.0.1", "127.0.0.2"), json=BODY)
        first = await client.post(url, json=BODY)
        second = await client.post(url, json={**BODY, "previous_response_id": "resp_1"})
    last = [answer.text.strip().splitlines()[-1] for answer in (first, second)]
    responses = [json.loads(line.removeprefix("data: "))["response"] for line in last]
    assert [response["id"] for response in responses] == ["resp_1", "resp_2"]
    assert [response["usage"] for response in responses] == [
        usage(chained=False),
        usage(chained=True),
    ]
    assert first.headers["content-type"] == "text/event-stream"


def test_report_on_a_fixed_release_says_that_no_patch_is_needed() -> None:
    comparison = Comparison("0.10.5", (Row(1, "prompt", "p", "p", "p"),))
    assert comparison.report().sentences[-1].startswith("agentex-sdk 0.10.5 needs no patch; remove")


@pytest.mark.parametrize("processors", [[], ["agentex"]])
def test_spans_are_sent_to_the_agentex_api_if_the_release_sends_none_by_default(
    processors: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = SimpleNamespace(
        get_async_tracing_processors=lambda: processors,
        AgentexTracingProcessorConfig=lambda: "agentex",
        add_tracing_processor_config=processors.append,
    )
    monkeypatch.setattr(importlib, "import_module", lambda _: modules)
    two_turns._send_spans()
    assert processors == ["agentex"]
