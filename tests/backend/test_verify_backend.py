"""The verdicts on backends that support, ignore or refuse the stateful fields."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from .asking import NAMES, command, evidence, findings, missing, verdicts
from .backends import (
    USAGE,
    Json,
    Server,
    completed,
    dropping,
    known,
    openai,
    refused,
    response,
    serving,
    stream,
    text,
)


async def test_a_backend_that_supports_all_fields_honours_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = await findings(openai, capsys, code=0)
    assert verdicts(found) == dict.fromkeys(NAMES, "honoured")
    assert (found["right"], found["requests"], missing(found)) == (True, 5, [])
    assert "does not exist: Prompt with id" in evidence(found)["prompt"]
    assert found["returned"][0]["value"] == "20 5 25; 20 5 25"


@pytest.mark.parametrize("said", [str.upper, str.title, "It is **{}**.".format])
async def test_the_case_and_format_of_the_word_do_not_matter(
    said: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    async def answer(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
        word = server.bodies[0]["input"].split()[3].rstrip(".")
        return await completed(server, request, **text(said(word)))

    assert verdicts(await findings(answer, capsys))["previous_response_id"] == "honoured"


async def test_text_is_read_from_the_stream_if_the_response_has_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def answer(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
        word = server.bodies[0]["input"].split()[3].rstrip(".")
        deltas: list[Json] = [
            {"type": "response.output_text.delta", "delta": part} for part in (word[:3], word[3:])
        ]
        done = {"type": "response.completed", "response": response(server)}
        return await stream(request, *deltas, done)

    assert verdicts(await findings(answer, capsys))["previous_response_id"] == "honoured"


async def test_line_separators_in_a_text_do_not_end_an_event(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def answer(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
        ended = response(server, **known(server, body), note="one\u2028two\x85three")
        done = {"type": "response.completed", "response": ended}
        return await stream(request, json.dumps(done, ensure_ascii=False))

    assert verdicts(await findings(answer, capsys))["previous_response_id"] == "honoured"


@pytest.mark.parametrize(
    ("end", "verdict"),
    [("{} not found", "honoured"), ("{} is an unknown parameter, and not found", "refused")],
)
async def test_the_end_of_a_long_message_is_read(
    end: str, verdict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def answer(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
        if "prompt" in body:
            end_of_it = end.format(body["prompt"]["id"])
            return refused(404, {"error": {"message": f"litellm: {'w ' * 300}{end_of_it}"}})
        return await completed(server, request)

    found = await findings(answer, capsys)
    assert verdicts(found)["prompt"] == verdict
    assert len(evidence(found)["prompt"]) < 300


async def test_a_backend_that_drops_the_fields_ignores_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = await findings(dropping, capsys)
    assert list(verdicts(found).values()) == ["ignored", "ignored", "ignored", "cannot tell"]
    assert found["summary"] == (
        "ignored: previous_response_id, conversation, prompt; cannot tell: prompt_cache_key."
    )


UNKNOWN = [
    (400, {"error": {"message": "Unknown parameter: '{}'.", "code": "unknown_parameter"}}),
    (422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "{}"],
                       "msg": "Extra inputs are not permitted", "input": "x not found"}]}),
    (400, {"error": "unsupported field {}"}),
    (400, {"message": "{} is something else"}),
    (404, {"error": {"message": "The {} was mislaid"}}),
]  # fmt: skip


@pytest.mark.parametrize(("status", "error"), UNKNOWN)
async def test_a_refusal_is_quoted(
    status: int, error: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    async def answer(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
        for name in NAMES:
            if name in body:
                return refused(status, json.loads(json.dumps(error).replace("{}", name)))
        return await completed(server, request)

    found = await findings(answer, capsys)
    assert verdicts(found) == dict.fromkeys(NAMES, "refused")
    for name, why in evidence(found).items():
        assert why.startswith(f"{status}: ") and name in why


async def test_a_response_that_only_repeats_a_field_proves_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def answer(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
        fields = {name: body[name] for name in NAMES if name in body}
        if "conversation" in body:
            fields["conversation"] = {"id": body["conversation"]}
        return await completed(server, request, **text("A lantern?"), **fields)

    found = await findings(answer, capsys, code=0)
    assert list(verdicts(found).values()) == ["cannot tell"] * 3 + ["honoured"]
    assert evidence(found)["prompt"] == "the response repeats an id that does not exist"
    assert "did not know the word" in evidence(found)["previous_response_id"]


@pytest.mark.parametrize("output", [[], None, 5, [{"type": "message", "content": 5}]])
async def test_a_model_that_writes_nothing_proves_nothing(
    output: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    async def answer(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
        return await completed(server, request, output=output)

    found = await findings(answer, capsys)
    assert evidence(found)["previous_response_id"] == "the model wrote nothing"


@pytest.mark.parametrize(
    ("usage", "gone"),
    [
        (None, ["usage", "cached tokens", "reasoning tokens"]),
        ({**USAGE, "input_tokens_details": None}, ["cached tokens"]),
        ({**USAGE, "output_tokens_details": {}}, ["reasoning tokens"]),
        ({**USAGE, "output_tokens_details": {"reasoning_tokens": None}}, ["reasoning tokens"]),
        ({**USAGE, "total_tokens": "25"}, ["usage"]),
        ({"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
         ["cached tokens", "reasoning tokens"]),
    ],
)  # fmt: skip
async def test_tokens_that_are_not_returned_are_missing(
    usage: Any, gone: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    async def answer(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
        return await completed(server, request, **known(server, body), usage=usage)

    found = await findings(answer, capsys)
    assert missing(found) == gone
    assert found["summary"].endswith(f"missing: {', '.join(gone)}.")
    assert verdicts(found)["previous_response_id"] == "honoured"


@pytest.mark.parametrize(("identity", "sent"), [("resp_always", 5), (None, 4), ("", 4), (7, 4)])
async def test_an_unusable_id_is_missing(
    identity: Any, sent: int, capsys: pytest.CaptureFixture[str]
) -> None:
    async def answer(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
        return await completed(server, request, id=identity)

    found = await findings(answer, capsys)
    assert missing(found) == ["response id"]
    assert found["requests"] == sent
    assert verdicts(found)["previous_response_id"] in ("ignored", "cannot tell")


async def test_only_numbers_are_printed_as_tokens(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def answer(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
        usage = {**USAGE, "total_tokens": "\x1b[31m\ud800"}
        return await completed(server, request, **known(server, body), usage=usage)

    found = await findings(answer, capsys)
    assert found["returned"][0]["value"] == "20 5 nothing; 20 5 nothing"


async def test_a_response_that_is_not_streamed_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    async def answer(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
        return web.json_response(response(server, **known(server, body)))

    assert verdicts(await findings(answer, capsys))["previous_response_id"] == "honoured"


async def test_pipes_get_lines_and_terminals_a_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(dropping) as server:
        arguments = ("--base-url", f"{server.url}/?api-version=secret", "--model", "some")
        assert await command(*arguments) == 1
        printed = capsys.readouterr()
        lines = printed.out.splitlines()
        assert lines[1] == (
            "previous_response_id: ✗ ignored (the second turn did not know the word of the first)"
        )
        assert lines[5] == "usage: ✓ returned (20 5 25; 20 5 25)"
        assert "secret" not in printed.out + printed.err
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("COLUMNS", "60")
        assert await command(*arguments) == 1
    table = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert all(len(line) <= 60 for line in table if "│" in line)
    assert any("✗ ignored" in line for line in table)


async def test_all_parts_of_the_json_are_documented(capsys: pytest.CaptureFixture[str]) -> None:
    found = await findings(openai, capsys, code=0)
    parts = {*found, *(f"{part}[].{name}" for part in ("features", "returned")
                       for name in found[part][0])}  # fmt: skip
    documented = Path(__file__).parents[2].joinpath("docs", "verify.md").read_text(encoding="utf-8")
    json_part = documented.partition("NAME --json`")[2]
    assert set(re.findall(r"^\| `([^`]+)` \|", json_part, re.MULTILINE)) == parts
