"""The command ``verify --base-url URL --model NAME``: says what it will send, and sends it."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
from urllib.parse import urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from .._picture import can_be_drawn, draw

_KEY = "OPENAI_API_KEY"


def verify_backend(base_url: str, model: str, *, as_json: bool = False, svg: str = "") -> int:
    """Ask a backend about the stateful fields, print the report, return the exit code.

    Says on the standard error beforehand how many requests go where. The key is that of
    ``OPENAI_API_KEY``, and is in nothing that is printed. ``svg`` is a file to draw a picture
    of the report into.

    0: all is answered, nothing is ignored or refused, and usage, its details and ids come
    back. 1: not so. 2: no usable address, model or key, or the picture cannot be written. 3: httpx
    is not installed; it comes with agentex-sdk.
    """
    try:
        url, shown = _address(base_url)
        if not model.strip():
            raise ValueError("--model is empty. Name one that the backend has, for instance "
                             "--model gpt-4o")  # fmt: skip
        key = _key()
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if svg and not can_be_drawn(svg):
        return 2
    if importlib.util.find_spec("httpx") is None:
        print("httpx is not installed. It comes with agentex-sdk: run this in the environment of "
              "an agent, or pip install httpx", file=sys.stderr)  # fmt: skip
        return 3
    from .request import SECONDS, Backend
    from .verdicts import REQUESTS, ask

    with_key = f"with the key of {_KEY}" if key else f"without a key, as {_KEY} is not set"
    print(f"Up to {REQUESTS} short requests, {SECONDS} s each at most, go to {shown}"
          f"{_through(url)} for the model {model!r}, {with_key}.",
          file=sys.stderr, flush=True)  # fmt: skip
    report = asyncio.run(ask(Backend(url, key), shown, model))
    report.print(as_json=as_json)
    if svg and not draw(report.show, svg):
        return 2
    return 0 if report.right else 1


def _address(base_url: str) -> tuple[str, str]:
    """Return where the requests go, and how that is shown: without what may be a secret."""
    example = "for instance --base-url http://127.0.0.1:8000/v1"
    try:
        parts = urlsplit(base_url.strip())
        host, credentials = parts.hostname, parts.username or parts.password
        _ = parts.port
    except ValueError:
        raise ValueError(f"--base-url is no address. Give one, {example}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(f"--base-url wants the address of an API, {example}")
    if credentials:
        raise ValueError(f"--base-url holds a name or a password. Give the key in {_KEY} alone.")
    path = f"{parts.path.rstrip('/')}/responses"
    url = urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))
    return url, urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _key() -> str:
    key = os.environ.get(_KEY, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ValueError(f"{_KEY} holds characters that no key has. Set it again.")
    return key


def _through(url: str) -> str:
    """Say which proxy the environment names for an address, as httpx takes it from there."""
    parts, proxies = urlsplit(url), getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.netloc):
        return ""
    there = urlsplit(proxy if "://" in proxy else f"//{proxy}")
    return f" through the proxy {there.netloc.rpartition('@')[2]}"
