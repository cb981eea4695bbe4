"""Run ``verify --base-url`` against a server on loopback, and pick parts of its report."""

from __future__ import annotations

import asyncio
import json

import pytest

from agentex_usage_patch import cli
from agentex_usage_patch._backend import request

from .backends import Answer, Json, serving

KEY = "sk-never-print-this"
NAMES = ["previous_response_id", "conversation", "prompt", "prompt_cache_key"]


async def command(*arguments: str) -> int:
    """Run ``verify`` in a thread, so that the server can answer, and return its exit code."""
    return await asyncio.to_thread(cli.main, ["verify", *arguments])


async def findings(answer: Answer, capsys: pytest.CaptureFixture[str], *, code: int = 1) -> Json:
    """Return the JSON for a server that answers so, and check that the key is not in it."""
    async with serving(answer) as server:
        assert await command("--base-url", server.url, "--model", "some", "--json") == code
        printed = capsys.readouterr()
        assert printed.err == (
            f"Up to 5 short requests, {request.SECONDS} s each at most, go to "
            f"{server.url}/responses for the model 'some', with the key from OPENAI_API_KEY.\n"
        )
        assert KEY not in printed.out
        found: Json = json.loads(printed.out)
        assert found["requests"] == len(server.bodies)
        assert {each["Authorization"] for each in server.headers} == {f"Bearer {KEY}"}
    return found


def verdicts(found: Json) -> dict[str, str]:
    """Return the verdict of each field."""
    return {each["name"]: each["verdict"] for each in found["features"]}


def evidence(found: Json) -> dict[str, str]:
    """Return the evidence of each field."""
    return {each["name"]: each["evidence"] for each in found["features"]}


def missing(found: Json) -> list[str]:
    """Return the parts that are not returned."""
    return [each["name"] for each in found["returned"] if not each["comes"]]
