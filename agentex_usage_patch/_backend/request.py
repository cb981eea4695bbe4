"""Send one request to a Responses API, and read its answer."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

#: The time limit of one request as a whole.
SECONDS = 60

_ENDS = ("response.completed", "response.incomplete", "response.failed")


@dataclass(frozen=True)
class Answer:
    """The response to a request, or ``words``: why there is none.

    ``status`` is None if no complete answer arrived. ``streamed`` is the model's text from the
    stream: not every server repeats it in the response.
    """

    status: int | None
    response: dict[str, Any] | None
    words: str
    streamed: str = ""

    @property
    def refused(self) -> bool:
        """True if the server blames the request."""
        return self.status is not None and 400 <= self.status < 500

    @property
    def text(self) -> str:
        """The model's text."""
        items = _list((self.response or {}).get("output"))
        return self.streamed or " ".join(
            str(part.get("text", ""))
            for item in items
            if isinstance(item, dict)
            for part in _list(item.get("content"))
            if isinstance(part, dict)
        )


class Backend:
    """A Responses API. Neither the key nor the address's query appears in its answers."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._secrets = {key: "[key]", urlsplit(url).query: "[query]"}
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    async def ask(self, body: dict[str, Any]) -> Answer:
        """Send a request with these fields, streamed as agentex-sdk does, and return the answer.

        Never raises: any error of the network, of the server or of httpx is an answer.
        """
        try:
            async with asyncio.timeout(SECONDS), httpx.AsyncClient(timeout=SECONDS) as client:
                asked = {**body, "stream": True}
                answer = await client.post(self._url, json=asked, headers=self._headers)
            return self._parse(answer)
        except TimeoutError:
            return Answer(None, None, f"no answer within {SECONDS} s")
        except Exception as error:  # noqa: BLE001 - see the docstring
            return Answer(None, None, self._printable(f"{type(error).__name__}: {error}"))

    def _parse(self, answer: httpx.Response) -> Answer:
        if answer.status_code != 200:
            words = _words(answer.text)
            if answer.has_redirect_location:  # not followed: the request carries a key
                words = f"it redirects to {answer.headers['location'].partition('?')[0]}"
            return Answer(answer.status_code, None, self._printable(words))
        found, streamed = _read(answer)
        if not found:
            return Answer(None, None, "it ended without a completed response")
        if _is_error(found) or found.get("status") == "failed":
            return Answer(None, None, self._printable(f"it failed: {_words(json.dumps(found))}"))
        return Answer(200, found, "", streamed)

    def _printable(self, words: str) -> str:
        """Return a server's words on one line, without secrets and control characters."""
        for secret, name in self._secrets.items():
            words = words.replace(secret, name) if secret else words
        line = "".join(each if each.isprintable() else " " for each in words)
        return " ".join(line.split())


def _read(answer: httpx.Response) -> tuple[dict[str, Any], str]:
    """Return the response or the error in an answer, empty if none, and the streamed text."""
    if "text/event-stream" not in answer.headers.get("content-type", ""):
        found = _json(answer.text)
        return found if "output" in found or _is_error(found) else {}, ""
    streamed = ""
    # Not splitlines(): it also splits at characters that a text may contain.
    for line in answer.text.split("\n"):
        event = _json(line.removeprefix("data:"))
        if event.get("type") == "response.output_text.delta":
            streamed += str(event.get("delta", ""))
        if _is_error(event):
            return event, streamed
        if event.get("type") in _ENDS and isinstance(event.get("response"), dict):
            return dict(event["response"]), streamed
    return {}, streamed


def _is_error(found: dict[str, Any]) -> bool:
    return found.get("type") == "error" or bool(found.get("error") and "output" not in found)


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _words(text: str) -> str:
    """Return the message in a server's error, in any of the usual forms."""
    found = _json(text)
    error = found.get("error")
    if isinstance(error, dict):
        parts = [error.get("message"), error.get("code"), error.get("param")]
        return " / ".join(str(part) for part in parts if part)
    words = error or found.get("detail") or found.get("message")
    return words if isinstance(words, str) else json.dumps(words) if words else text
