"""Run each test against the installed agentex-sdk, and restore the SDK after it.

Some environments have no SDK, or only child processes import it. No test imports
``tests.calls`` there, so there is nothing to restore.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

import agentex_usage_patch
from agentex_usage_patch import PatchStatus


def _calls() -> Any:
    return sys.modules.get("tests.calls")


@pytest.fixture(autouse=True)
def _unpatched() -> Iterator[None]:
    calls = _calls()
    if calls is None:
        yield
        return
    original = vars(calls.sdk.TemporalStreamingModel)["get_response"]
    yield
    agentex_usage_patch.remove_patch()
    calls.sdk.TemporalStreamingModel.get_response = original


@pytest.fixture(autouse=True)
def _in_a_task() -> Iterator[None]:
    calls = _calls()
    tokens = calls.enter_task() if calls else []
    yield
    for variable, token in tokens:
        variable.reset(token)


@pytest.fixture
def patched() -> PatchStatus:
    """Apply the patch; a release that has the fix needs none."""
    status = agentex_usage_patch.apply_patch()
    assert status.complete, status.summary
    return status
