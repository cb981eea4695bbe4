"""Patched old = old, everywhere else: what PR #335 is not about stays as it was."""

from __future__ import annotations

from typing import Any

import pytest

import agentex_usage_patch

from . import cases, goldens
from .calls import AFFECTED, observe
from .wire import Wire, text


def around_the_fix(seen: dict[str, Any]) -> dict[str, Any]:
    """Return what was seen of a call, without the part that PR #335 is about."""
    opened, output, raised = seen["span"]
    output = {key: part for key, part in (output or {}).items() if key != "usage"}
    bodies = [
        {name: field for name, field in body.items() if name not in goldens.FIELDS}
        for body in seen["bodies"]
    ]
    kept = {
        name: part
        for name, part in seen.items()
        if name not in ("usage", "response_id", "span", "bodies")
    }
    return {**kept, "span": [opened, output, raised], "bodies": bodies}


async def before_and_after(
    wire: Any, settings: dict[str, Any], keywords: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    before = await observe(wire(), settings, keywords)
    assert agentex_usage_patch.apply_patch().complete
    after = await observe(wire(), settings, keywords)
    return before, after


@pytest.mark.parametrize("name", sorted(cases.CASES))
async def test_everything_else_stays_as_it_was(name: str) -> None:
    stream, call = cases.CASES[name]
    before, after = await before_and_after(lambda: Wire(stream), call.settings, call.keywords)
    assert around_the_fix(after) == around_the_fix(before)
    assert before["settings"] and after["settings"]
    if AFFECTED:
        assert before["response_id"] == "invented resp"
        assert after["response_id"] != "invented resp"
