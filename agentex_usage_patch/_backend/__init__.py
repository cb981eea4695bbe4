"""The command ``verify --base-url``: ask a backend which stateful fields it supports."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

_KEY = "OPENAI_API_KEY"
_EXAMPLE = "for example --base-url http://127.0.0.1:8000/v1"


def verify_backend(
    base_url: str, model: str, *, as_json: bool = False, svg: Path | None = None
) -> int:
    """Ask a backend which stateful fields it supports, and return the exit code.

    First prints to the standard error how many requests go where. Sends the key from
    ``OPENAI_API_KEY`` and never prints it. ``svg`` names a file for a picture of the report.

    0: every request was answered, no field is ignored or refused, and usage, its details and
    ids are returned. 1: otherwise. 2: the address, the model or the key is unusable, or the
    picture cannot be written. 3: httpx, which comes with agentex-sdk, is not installed.
    """
    try:
        url, shown = _address(base_url)
        key = _key()
        if not model.strip():
            raise ValueError("--model is empty. Name a model of the backend, for example "
                             "--model gpt-4o")  # fmt: skip
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if importlib.util.find_spec("httpx") is None:
        print("httpx is not installed. It comes with agentex-sdk: run this in the environment of "
              "an agent, or pip install httpx", file=sys.stderr)  # fmt: skip
        return 3
    from .request import SECONDS, Backend
    from .verdicts import REQUESTS, ask

    with_key = f"with the key from {_KEY}" if key else f"without a key: {_KEY} is not set"
    print(f"Up to {REQUESTS} short requests, {SECONDS} s each at most, go to {shown}"
          f"{_proxy(url)} for the model {model!r}, {with_key}.",
          file=sys.stderr, flush=True)  # fmt: skip
    findings = asyncio.run(ask(Backend(url, key), shown, model))
    return findings.report().publish(as_json=as_json, svg=svg)


def _address(base_url: str) -> tuple[str, str]:
    """Return the address of the requests, and its form for people, without the query.

    Raises ValueError for an address that cannot be used. A query can hold a secret.
    """
    try:
        parts = urlsplit(base_url.strip())
        host, credentials = parts.hostname, parts.username or parts.password
        _ = parts.port
    except ValueError:
        raise ValueError(f"--base-url is not an address. Give one, {_EXAMPLE}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(f"--base-url must be the address of an API, {_EXAMPLE}")
    if credentials:
        raise ValueError(f"--base-url contains a name or a password. Set the key in {_KEY} only.")
    path = f"{parts.path.rstrip('/')}/responses"
    shown = urlunsplit((parts.scheme, parts.netloc, path, "", ""))
    return (f"{shown}?{parts.query}" if parts.query else shown), shown


def _key() -> str:
    key = os.environ.get(_KEY, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ValueError(f"{_KEY} contains characters that a key cannot have. Set it again.")
    return key


def _proxy(url: str) -> str:
    """Name the proxy that httpx takes from the environment for an address; empty if none."""
    parts, proxies = urlsplit(url), getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.netloc):
        return ""
    address = urlsplit(proxy if "://" in proxy else f"//{proxy}")
    return f" through the proxy {address.netloc.rpartition('@')[2]}"
