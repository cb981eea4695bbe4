"""One request to somebody's Responses API, with a limit on everything, and what came of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, TypedDict
from urllib.parse import urlsplit

import httpx

#: For one request as a whole, in seconds, and for what it may answer, in bytes.
SECONDS = 60
BYTES = 4 * 1024 * 1024

_ENDS = ("response.completed", "response.incomplete", "response.failed")


class Body(TypedDict, total=False):
    """What is asked; ``stream`` is set with it, as agentex-sdk does."""

    model: str
    input: str
    previous_response_id: str
    conversation: str
    prompt: dict[str, str]
    prompt_cache_key: str


@dataclass(frozen=True)
class Answer:
    """A response, or why there is none: the server's words with its status, or what broke.

    ``status`` is None where no answer came, or one that broke off. ``streamed`` is what the
    model wrote as it came, since not every server repeats it in the response.
    """

    status: int | None
    response: dict[str, Any] | None
    words: str
    streamed: str = ""

    @property
    def refused(self) -> bool:
        """The server says that the request is at fault."""
        return self.status is not None and 400 <= self.status < 500

    @property
    def text(self) -> str:
        """What the model wrote."""
        items = _list((self.response or {}).get("output"))
        return self.streamed or " ".join(
            str(part.get("text", ""))
            for item in items
            if isinstance(item, dict)
            for part in _list(item.get("content"))
            if isinstance(part, dict)
        )


class Backend:
    """Asks a Responses API, with a key and a query that appear in nothing that is returned."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._secrets = {key: "[key]", urlsplit(url).query: "[query]"}
        self._headers = {"Accept-Encoding": "identity"}  # a packed answer may hold any size
        if key:
            self._headers["Authorization"] = f"Bearer {key}"

    async def ask(self, body: Body) -> Answer:
        """Send one request and read what comes of it; never raises for what a server does.

        Nor for proxies, certificates and addresses that httpx cannot use.
        """
        try:
            async with asyncio.timeout(SECONDS):
                return await self._ask(body)
        except TimeoutError:
            return Answer(None, None, f"no answer within {SECONDS} s")
        except Exception as error:  # noqa: BLE001 - see above
            return Answer(None, None, self._shown(f"{type(error).__name__}: {error}"))

    async def _ask(self, body: Body) -> Answer:
        async with (
            httpx.AsyncClient(timeout=SECONDS) as client,
            client.stream("POST", self._url, json={**body, "stream": True},
                          headers=self._headers) as answer,
        ):  # fmt: skip
            if answer.status_code != 200:
                said = _words(await _limited(answer))
                if answer.has_redirect_location:  # and is not followed, with a key
                    said = f"it redirects to {answer.headers['location'].partition('?')[0]}"
                return Answer(answer.status_code, None, self._shown(said))
            if "text/event-stream" in answer.headers.get("content-type", ""):
                found, streamed = await _last(answer)
            else:
                found, streamed = _response(await _limited(answer)), ""
        if found is None:
            return Answer(None, None, "it ended without a completed response")
        if _is_error(found) or found.get("status") == "failed":
            return Answer(None, None, self._shown(f"it failed: {_words(json.dumps(found))}"))
        return Answer(200, found, "", streamed)

    def _shown(self, words: str) -> str:
        """Return a server's words as a line: without secrets, and nothing for a terminal."""
        for secret, name in self._secrets.items():
            words = words.replace(secret, name) if secret else words
        line = "".join(each if each.isprintable() else " " for each in words)
        return " ".join(line.split())


async def _limited(answer: httpx.Response) -> str:
    read = b""
    async for chunk in answer.aiter_bytes():
        read += chunk
        if len(read) > BYTES:
            break
    return read[:BYTES].decode(errors="replace")


async def _last(answer: httpx.Response) -> tuple[dict[str, Any] | None, str]:
    """Return the response or the error that ends a stream, None where there is neither, and
    the text that came before it.
    """
    streamed = ""
    async for line in _lines(answer):
        if line.startswith("data:"):
            event = _json(line.removeprefix("data:"))
            if event.get("type") == "response.output_text.delta":
                streamed += str(event.get("delta", ""))
            if _is_error(event):
                return event, streamed
            if event.get("type") in _ENDS and isinstance(event.get("response"), dict):
                return dict(event["response"]), streamed
    return None, streamed


async def _lines(answer: httpx.Response) -> AsyncIterator[str]:
    """Yield the lines of a stream, which end with a newline and nothing else: a text may hold
    what other ways of splitting take for the end of one.
    """
    size, begun = 0, b""
    async for chunk in answer.aiter_bytes():
        size += len(chunk)
        if size > BYTES:
            return
        *lines, begun = (begun + chunk).split(b"\n")
        for line in lines:
            yield line.decode(errors="replace")
    yield begun.decode(errors="replace")


def _response(said: str) -> dict[str, Any] | None:
    found = _json(said)
    is_one = found.get("object") == "response" or "output" in found
    return found if is_one or _is_error(found) else None


def _is_error(found: dict[str, Any]) -> bool:
    """Say whether an event or an answer is an error, whatever its status."""
    return found.get("type") == "error" or bool(found.get("error") and "output" not in found)


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):  # no JSON, or nested without end
        return {}
    return found if isinstance(found, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _words(said: str) -> str:
    """Return what a server says is wrong, in one of the ways in which servers say it."""
    found = _json(said)
    error = found.get("error")
    if isinstance(error, dict):
        parts = [error.get("message"), error.get("code"), error.get("param")]
        return " / ".join(str(part) for part in parts if part)
    words = error or found.get("detail") or found.get("message")
    return words if isinstance(words, str) else json.dumps(words) if words else said
