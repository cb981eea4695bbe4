"""Uses of the public names, for mypy to check; nothing here runs."""

from __future__ import annotations

from typing import Literal, assert_type

import agentex_usage_patch
from agentex_usage_patch import (
    AgentexUsagePatchError,
    Conflict,
    Fix,
    PatchStatus,
    apply_patch,
    remove_patch,
    status,
)

assert_type(apply_patch(), PatchStatus)
assert_type(apply_patch(strict=True), PatchStatus)
assert_type(remove_patch(), PatchStatus)
observed = status()
assert_type(observed.sdk_version, str | None)
assert_type(observed.model, str | None)
assert_type(observed.model_file, str | None)
assert_type(observed.fixes, tuple[Fix, ...])
assert_type(observed.conflicts, tuple[Conflict, ...])
assert_type(observed.summary, str)
assert_type(observed.complete, bool)
assert_type(observed.named("missing"), tuple[str, ...])
assert_type(observed.fixes[0].state, Literal["native", "patched", "missing", "unknown"])
assert_type(observed.conflicts[0].command, str)
try:
    agentex_usage_patch.apply_patch(strict=True)
except AgentexUsagePatchError as error:
    assert_type(error.status, PatchStatus)
