"""Every test runs on the agentex-sdk that is installed, and leaves it as it found it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import agentex_usage_patch
from agentex_usage_patch import PatchStatus

from . import calls


@pytest.fixture(autouse=True)
def _unpatched() -> Iterator[None]:
    original = vars(calls.sdk.TemporalStreamingModel)["get_response"]
    yield
    agentex_usage_patch.remove_patch()
    calls.sdk.TemporalStreamingModel.get_response = original


@pytest.fixture(autouse=True)
def _in_a_task() -> Iterator[None]:
    # What ContextInterceptor sets from a Temporal activity's headers.
    variables = ("streaming_task_id", "streaming_trace_id", "streaming_parent_span_id")
    tokens = [(getattr(calls.sdk, name), getattr(calls.sdk, name).set("id")) for name in variables]
    yield
    for variable, token in tokens:
        variable.reset(token)


@pytest.fixture
def patched() -> PatchStatus:
    """The patch is applied, or found not to be needed."""
    status = agentex_usage_patch.apply_patch()
    assert status.complete, status.summary
    return status
