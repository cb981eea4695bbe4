"""Backends that fail, addresses that cannot be used, and a key that stays secret."""

from __future__ import annotations

import importlib.util
import logging
import socket

import pytest
from aiohttp import web

from agentex_usage_patch import cli
from agentex_usage_patch._backend import request

from .asking import KEY, NAMES, command, evidence, findings, verdicts
from .backends import (
    Answer,
    Json,
    Server,
    completed,
    never,
    openai,
    refused,
    response,
    serving,
    stream,
)


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


async def error_of_a_gateway(
    server: Server, request: web.Request, body: Json
) -> web.StreamResponse:
    return await stream(request, {"error": {"message": "no such deployment", "code": 7}})


async def error_in_200(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
    return web.json_response({"error": {"message": "no such deployment"}})


async def moved(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
    raise web.HTTPTemporaryRedirect("https://elsewhere/v1?secret")


async def broken(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
    return web.Response(status=500, text=f"<h1>{'x' * 500}</h1>")


async def unauthorized(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
    return refused(401, {"error": {"message": f"Incorrect API key provided: {KEY}"}})


async def nested(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
    return web.Response(text="[" * 200_000, content_type="application/json")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (cut, "RemoteProtocolError: "),
        (ended, "it ended without a completed response"),
        (failed, "it failed: no room for [key] [31m / server_error"),
        (error_event, "it failed: overloaded"),
        (error_of_a_gateway, "it failed: no such deployment / 7"),
        (error_in_200, "it failed: no such deployment"),
        (moved, "307: it redirects to https://elsewhere/v1"),
        (broken, f"500: <h1>{'x' * 195}…"),
        (unauthorized, "401: Incorrect API key provided: [key]"),
        (nested, "RecursionError: "),
    ],
)
async def test_nothing_more_is_sent_if_the_first_turn_fails(
    answer: Answer,
    why: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = await findings(answer, capsys)
    assert (found["requests"], found["returned"], found["right"]) == (1, [], False)
    assert set(verdicts(found).values()) == {"cannot tell"}
    for each in evidence(found).values():
        assert each.startswith(f"the first turn: {why}")


def saying(status: int) -> Answer:
    async def answer(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
        return refused(status, {"error": {"message": "Not now."}})

    return answer


@pytest.mark.parametrize(
    "answer", [unauthorized, broken, cut, *(saying(status) for status in (402, 403, 408, 429))]
)
async def test_an_error_that_is_not_about_the_field_proves_nothing(
    answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    async def first_only(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
        if len(server.bodies) == 1:
            return await completed(server, request)
        return await answer(server, request, body)

    found = await findings(first_only, capsys)
    assert verdicts(found) == dict.fromkeys(NAMES, "cannot tell")


async def test_a_request_has_a_time_limit(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request, "SECONDS", 0.2)
    found = await findings(never, capsys)
    assert evidence(found)["prompt"] == "the first turn: no answer within 0.2 s"


async def test_a_backend_that_does_not_run_is_reported_with_a_hint(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        assert await command("--base-url", url, "--model", "some") == 1
    printed = capsys.readouterr()
    assert printed.out.count("the first turn: ConnectError: ") == 4
    hint = ("The first turn failed: check the address (most end in /v1), the model, the key, "
            "and that the server runs.")  # fmt: skip
    assert printed.out.endswith(f" {hint}\n") and printed.out.count(hint) == 1
    assert "Traceback" not in printed.err


async def test_the_key_is_not_logged(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await findings(unauthorized, capsys)
    for record in caplog.records:
        assert KEY not in logging.Formatter().format(record)


async def test_the_query_of_the_address_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    async def answer(server: Server, request: web.Request, body: Json) -> web.StreamResponse:
        return refused(404, {"error": {"message": f"no {request.path_qs}"}})

    async with serving(answer) as server:
        assert await command("--base-url", f"{server.url}?code=hidden", "--model", "some") == 1
    printed = capsys.readouterr()
    assert "the first turn: 404: no /v1/responses?[query]" in printed.out
    assert "hidden" not in printed.out + printed.err


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("http_proxy", "http://me:secret@127.0.0.1:9", " through the proxy 127.0.0.1:9"),
        ("ALL_PROXY", "127.0.0.1:9", " through the proxy 127.0.0.1:9"),
        ("https_proxy", "http://127.0.0.1:9", ""),
    ],
)
async def test_the_proxy_is_named_before_anything_is_sent(
    name: str,
    value: str,
    named: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(name, value)
    async with serving(openai) as server:
        code = await command("--base-url", server.url, "--model", "some")
        assert len(server.bodies) == (0 if named else 5)
        assert code == (1 if named else 0)
        printed = capsys.readouterr()
        server.bodies.clear()
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert await command("--base-url", server.url, "--model", "some") == 0
    assert f"/v1/responses{named} for the model" in printed.err
    assert "secret" not in printed.err + printed.out
    assert "proxy" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SSL_CERT_FILE", "/gone"),
        ("HTTP_PROXY", "gopher://127.0.0.1:9"),
        ("ALL_PROXY", "socks5://127.0.0.1:9"),
    ],
)
async def test_a_setting_that_httpx_cannot_use_is_no_traceback(
    name: str, value: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert await command("--base-url", "http://127.0.0.1:9/v1", "--model", "some") == 1
    printed = capsys.readouterr()
    assert printed.out.count("the first turn: ") == 4
    assert "Traceback" not in printed.err


@pytest.mark.parametrize("base_url", ["http://xn--zz--a/v1", "http://host\x01/v1"])
async def test_an_address_that_httpx_refuses_is_reported(
    base_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await command("--base-url", base_url, "--model", "some") == 1
    assert capsys.readouterr().out.count("the first turn: ") == 4


async def test_without_a_key_none_is_sent(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    async with serving(openai) as server:
        assert await command("--base-url", server.url, "--model", "some") == 0
        assert not any("Authorization" in each for each in server.headers)
    assert "without a key: OPENAI_API_KEY is not set." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "--base-url must be the address of an API, for example"),
        ("nowhere", "--base-url must be the address of an API, for example"),
        ("ftp://host/v1", "--base-url must be the address of an API, for example"),
        ("http://", "--base-url must be the address of an API, for example"),
        ("http://host:port/v1", "--base-url is not an address. Give one, for example"),
        (f"http://me:{KEY}@host/v1", "Set the key in OPENAI_API_KEY only."),
    ],
)
def test_an_unusable_address_is_a_wrong_argument(
    url: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["verify", "--base-url", url, "--model", "some"]) == 2
    printed = capsys.readouterr()
    assert says in printed.err
    assert KEY not in printed.err + printed.out


def test_an_unusable_key_is_not_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\nand more")
    assert cli.main(["verify", "--base-url", "http://host/v1", "--model", "some"]) == 2
    printed = capsys.readouterr()
    assert printed.err == (
        "OPENAI_API_KEY contains characters that a key cannot have. Set it again.\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [["--base-url", "http://host/v1"], ["--model", "some"], ["--base-url", ""], ["--model", ""]],
)
def test_address_and_model_belong_together(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["verify", *arguments]) == 2
    assert "--base-url and --model belong together" in capsys.readouterr().err


@pytest.mark.parametrize("model", ["", " "])
def test_an_empty_model_is_a_wrong_argument(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["verify", "--base-url", "http://host/v1", "--model", model]) == 2
    assert "--model is empty. Name a model of the backend" in capsys.readouterr().err


def test_exit_code_is_3_without_httpx(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert cli.main(["verify", "--base-url", "http://host/v1", "--model", "some"]) == 3
    assert "pip install httpx" in capsys.readouterr().err
