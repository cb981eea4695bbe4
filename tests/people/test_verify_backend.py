"""What a backend does with the stateful fields, asked over HTTP: good ones and bad ones."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import re
import socket
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from aiohttp import web

from agentex_usage_patch import _backend_request, cli

from .backends import (
    USAGE,
    Answer,
    Json,
    Server,
    completed,
    dropping,
    known,
    never,
    openai,
    refused,
    response,
    serving,
    stream,
    text,
)

KEY = "sk-nobody-may-read-this"
NAMES = ["previous_response_id", "conversation", "prompt", "prompt_cache_key"]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


async def command(*arguments: str) -> int:
    return await asyncio.to_thread(cli.main, ["verify", *arguments])


async def told(answer: Answer, capsys: pytest.CaptureFixture[str], *, code: int = 1) -> Json:
    """Return what ``--json`` tells of a server that answers so; the key is nowhere in it."""
    async with serving(answer) as server:
        assert await command("--base-url", server.url, "--model", "some", "--json") == code
        printed = capsys.readouterr()
        assert printed.err == (
            f"Up to 5 short requests, {_backend_request.SECONDS} s each at most, go to "
            f"{server.url}/responses for the model 'some', with the key of OPENAI_API_KEY.\n"
        )
        assert KEY not in printed.out
        found: Json = json.loads(printed.out)
        assert found["requests"] == len(server.bodies)
        assert {each["Authorization"] for each in server.headers} == {f"Bearer {KEY}"}
    return found


def verdicts(found: Json) -> dict[str, str]:
    return {each["name"]: each["verdict"] for each in found["features"]}


def evidence(found: Json) -> dict[str, str]:
    return {each["name"]: each["evidence"] for each in found["features"]}


def missing(found: Json) -> list[str]:
    return [each["name"] for each in found["returned"] if not each["comes"]]


async def test_a_backend_that_knows_all_is_said_to(capsys: pytest.CaptureFixture[str]) -> None:
    found = await told(openai, capsys, code=0)
    assert verdicts(found) == dict.fromkeys(NAMES, "honoured")
    assert (found["right"], found["requests"], missing(found)) == (True, 5, [])
    assert "nobody issued: Prompt with id" in evidence(found)["prompt"]
    assert found["returned"][0]["value"] == "20 5 25; 20 5 25"


async def test_a_backend_that_drops_fields_ignores_them(capsys: pytest.CaptureFixture[str]) -> None:
    found = await told(dropping, capsys)
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
async def test_a_backend_that_refuses_fields_is_quoted(
    status: int, error: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    async def answer(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
        for name in NAMES:
            if name in body:
                return refused(status, json.loads(json.dumps(error).replace("{}", name)))
        return await completed(server, request)

    found = await told(answer, capsys)
    assert verdicts(found) == dict.fromkeys(NAMES, "refused")
    for name, why in evidence(found).items():
        assert why.startswith(f"{status}: ") and name in why


async def test_a_field_that_the_response_repeats_is_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def answer(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
        fields = {name: body[name] for name in NAMES if name in body}
        if "conversation" in body:
            fields["conversation"] = {"id": body["conversation"]}
        return await completed(server, request, **text("A lantern?"), **fields)

    found = await told(answer, capsys, code=0)
    assert list(verdicts(found).values()) == ["cannot tell"] + ["honoured"] * 3
    assert "did not know the word" in evidence(found)["previous_response_id"]


async def test_a_model_that_writes_nothing_tells_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def answer(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
        return await completed(server, request)

    found = await told(answer, capsys)
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
async def test_tokens_that_do_not_come_back_are_missing(
    usage: Any, gone: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    async def answer(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
        return await completed(server, request, **known(server, body), usage=usage)

    found = await told(answer, capsys)
    assert missing(found) == gone
    assert found["summary"].endswith(f"missing: {', '.join(gone)}.")
    assert verdicts(found)["previous_response_id"] == "honoured"


@pytest.mark.parametrize(("identity", "sent"), [("resp_always", 5), (None, 4), ("", 4), (7, 4)])
async def test_an_id_that_cannot_be_used_is_missing(
    identity: Any, sent: int, capsys: pytest.CaptureFixture[str]
) -> None:
    async def answer(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
        return await completed(server, request, id=identity)

    found = await told(answer, capsys)
    assert missing(found) == ["response id"]
    assert found["requests"] == sent
    assert verdicts(found)["previous_response_id"] in ("ignored", "cannot tell")


async def test_a_response_that_is_not_streamed_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    async def answer(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
        return web.json_response(response(server, **known(server, body)))

    assert verdicts(await told(answer, capsys))["previous_response_id"] == "honoured"


async def cut(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
    return await stream(request, {"type": "response.created", "response": {}}, cut=True)


async def ended(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
    return await stream(request, {"type": "response.created", "response": {}}, "[DONE]")


async def failed(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
    error = {"code": "server_error", "message": f"no room for {KEY}\x1b[31m"}
    event = {"type": "response.failed", "response": response(server, status="failed", error=error)}
    return await stream(request, event)


async def error_event(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
    return await stream(request, {"type": "error", "message": "overloaded"})


async def broken(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
    return web.Response(status=500, text=f"<h1>{'x' * 500}</h1>")


async def unauthorized(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
    return refused(401, {"error": {"message": f"Incorrect API key provided: {KEY}"}})


async def endless(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
    done = {"type": "response.completed", "response": response(server)}
    return await stream(request, *["x" * 1000] * 60, done)


async def endless_text(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
    return web.json_response({**response(server), "padding": "x" * 60_000})


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (cut, "RemoteProtocolError: "),
        (ended, "it ended without a completed response"),
        (failed, "it failed: no room for [key] [31m / server_error"),
        (error_event, "it failed: overloaded"),
        (broken, f"500: <h1>{'x' * 195}…"),
        (unauthorized, "401: Incorrect API key provided: [key]"),
        (endless, "it ended without a completed response"),
        (endless_text, "it ended without a completed response"),
    ],
)
async def test_a_first_turn_that_fails_is_told_and_nothing_more_is_sent(
    answer: Answer,
    why: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_backend_request, "BYTES", 50_000)
    found = await told(answer, capsys)
    assert (found["requests"], found["returned"], found["right"]) == (1, [], False)
    assert set(verdicts(found).values()) == {"cannot tell"}
    for each in evidence(found).values():
        assert each.startswith(f"the first turn got {why}")


def saying(status: int) -> Answer:
    async def answer(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
        return refused(status, {"error": {"message": "Not now."}})

    return answer


@pytest.mark.parametrize(
    "answer", [unauthorized, broken, cut, *(saying(status) for status in (403, 408, 429))]
)
async def test_what_says_nothing_of_a_field_tells_nothing(
    answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    async def first_only(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
        if len(server.bodies) == 1:
            return await completed(server, request)
        return await answer(server, request, body)

    found = await told(first_only, capsys)
    assert verdicts(found) == dict.fromkeys(NAMES, "cannot tell")


async def test_a_backend_that_is_slow_is_not_waited_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_backend_request, "SECONDS", 0.2)
    found = await told(never, capsys)
    assert evidence(found)["prompt"] == "the first turn got no answer within 0.2 s"


async def test_a_backend_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        assert await command("--base-url", url, "--model", "some") == 1
    printed = capsys.readouterr()
    assert printed.out.count("the first turn got ConnectError: ") == 4
    assert "Traceback" not in printed.err


async def test_what_is_printed_fits_pipes_and_terminals(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(dropping) as server:
        arguments = ("--base-url", f"{server.url}/?api-version=secret", "--model", "some")
        assert await command(*arguments) == 1
        printed = capsys.readouterr()
        lines = printed.out.splitlines()
        assert lines[0] == (
            "previous_response_id: ✗ ignored (the second turn did not know the word of the first)"
        )
        assert lines[4] == "usage: ✓ comes back (20 5 25; 20 5 25)"
        assert "secret" not in printed.out + printed.err
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("COLUMNS", "60")
        assert await command(*arguments) == 1
    table = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert all(len(line) <= 60 for line in table if "│" in line)
    assert any("✗ ignored" in line for line in table)


async def test_a_picture_is_drawn_that_asks_nobody(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")  # a picture has its colours all the same
    file = tmp_path / "told.svg"
    async with serving(openai) as server:
        arguments = ("--base-url", server.url, "--model", "some", "--svg")
        assert await command(*arguments, str(file)) == 0
        assert await command(*arguments, str(tmp_path / "no" / "told.svg")) == 2
    assert "No such file or directory. Give --svg a file" in capsys.readouterr().err
    picture = file.read_text(encoding="utf-8")
    root = ElementTree.fromstring(picture)
    words = " ".join("".join(root.itertext()).split())
    assert "previous_response_id" in words and "honoured" in words
    assert set(re.findall(r"https?://[^\s\"]+", picture)) == {
        "http://www.w3.org/2000/svg",
        "https://www.textualize.io",  # a comment that says what drew it
    }


async def test_nothing_is_logged_that_is_a_secret(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await told(unauthorized, capsys)
    for record in caplog.records:
        assert KEY not in logging.Formatter().format(record)


async def test_without_a_key_none_is_sent_and_that_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    async with serving(openai) as server:
        assert await command("--base-url", server.url, "--model", "some") == 0
        assert not any("Authorization" in each for each in server.headers)
    assert "without a key, as OPENAI_API_KEY is not set." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nowhere", "--base-url wants the address of an API, for instance"),
        ("ftp://host/v1", "--base-url wants the address of an API, for instance"),
        ("http://", "--base-url wants the address of an API, for instance"),
        ("http://host:port/v1", "--base-url is no address. Give one, for instance"),
        (f"http://me:{KEY}@host/v1", "Give the key in OPENAI_API_KEY alone."),
    ],
)
def test_an_address_that_is_none_is_an_error_that_says_what_to_do(
    url: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["verify", "--base-url", url, "--model", "some"]) == 2
    printed = capsys.readouterr()
    assert says in printed.err
    assert KEY not in printed.err + printed.out


def test_a_key_that_is_none_is_not_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\nand more")
    assert cli.main(["verify", "--base-url", "http://host/v1", "--model", "some"]) == 2
    printed = capsys.readouterr()
    assert printed.err == "OPENAI_API_KEY holds characters that no key has. Set it again.\n"


@pytest.mark.parametrize("arguments", [["--base-url", "http://host/v1"], ["--model", "some"]])
def test_address_and_model_belong_together(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["verify", *arguments]) == 2
    assert "--base-url and --model belong together." in capsys.readouterr().err


def test_without_httpx_the_exit_code_is_3(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert cli.main(["verify", "--base-url", "http://host/v1", "--model", "some"]) == 3
    assert "pip install httpx" in capsys.readouterr().err


async def test_every_part_of_the_json_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    found = await told(openai, capsys, code=0)
    parts = {*found, *(f"{part}[].{name}" for part in ("features", "returned")
                       for name in found[part][0])}  # fmt: skip
    documented = Path(__file__).parents[2].joinpath("docs", "verify.md").read_text(encoding="utf-8")
    json_part = documented.partition("## `--json`")[2]
    assert set(re.findall(r"^\| `([^`]+)` \|", json_part, re.MULTILINE)) == parts
