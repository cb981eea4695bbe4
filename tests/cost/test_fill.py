"""Usage details are filled as pydantic would assign them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from agentex_usage_patch import apply_patch
from agentex_usage_patch._patching.call import state
from agentex_usage_patch._patching.call.usage import Tokens

from .. import calls
from ..calls import make_model, tokens
from ..clients import TOKENS, Recording, ask, event

NUMBERS: Tokens = {
    "input_tokens": 1234,
    "output_tokens": 56,
    "total_tokens": 1290,
    "cached_input_tokens": 987,
    "reasoning_tokens": 42,
}


def usage(details: Any) -> Any:
    """Return a usage whose input details are these, as a body makes it."""
    return SimpleNamespace(
        input_tokens_details=details,
        output_tokens_details=calls.sdk.OutputTokensDetails(reasoning_tokens=0),
    )


@pytest.mark.body
async def test_filled_details_equal_assigned_ones() -> None:
    apply_patch()
    call_usage = (await ask(make_model(Recording(event())))).usage
    assert tokens(call_usage) == TOKENS
    dumped = [
        each.model_dump(exclude_unset=True)
        for each in (call_usage.input_tokens_details, call_usage.output_tokens_details)
    ]
    assert dumped == [{"cached_tokens": 987}, {"reasoning_tokens": 42}]


def test_details_with_their_own_setattr_are_assigned() -> None:
    assigned: list[Any] = []

    class Checking(calls.sdk.InputTokensDetails):  # type: ignore[misc]  # Any
        def __setattr__(self, name: str, value: Any) -> None:
            assigned.append((name, value))
            super().__setattr__(name, value)

    filled = usage(Checking(cached_tokens=0))
    state.fill(filled, NUMBERS)
    assert assigned == [("cached_tokens", 987)]
    assert tokens(filled) == TOKENS


@pytest.mark.parametrize("config", [{"validate_assignment": True}, {"frozen": True}])
def test_class_that_validates_assignments_is_assigned(config: dict[str, Any]) -> None:
    details = calls.sdk.InputTokensDetails
    assert state._stores_plainly(details)
    watched = type("Watched", (details,), {"model_config": config})
    assert not state._stores_plainly(watched)


def test_class_with_its_own_setattr_is_assigned() -> None:
    own = {"__setattr__": lambda self, name, value: None}
    assert not state._stores_plainly(type("Own", (calls.sdk.InputTokensDetails,), own))
