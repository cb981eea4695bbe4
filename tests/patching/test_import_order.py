"""The patch works the same whether it is applied before or after the SDK is imported."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentex_usage_patch import _upstream

from ..children import AFFECTED, ANSWER, CALL, UNPATCHED, child, fresh

pytestmark = pytest.mark.processes


def test_applying_before_the_import_waits_and_imports_nothing_of_the_sdk() -> None:
    # A new process, since the SDK must be imported for the first time.
    said = fresh(f"""
import agentex_usage_patch
seen("before", agentex_usage_patch.status())
seen("applied", agentex_usage_patch.apply_patch())
agentex_usage_patch.apply_patch()
import {_upstream.MODULE}
seen("imported", agentex_usage_patch.status())
{CALL}
seen("removed", agentex_usage_patch.remove_patch())
""")
    for name in ("before", "applied"):
        assert said[name]["states"] == ["unknown"]
        assert said[name]["model"] is None
        assert said[name]["loaded"] == []
    assert "call apply_patch()" in said["before"]["summary"]
    assert "will be applied when its model is imported" in said["applied"]["summary"]
    assert said["imported"]["states"] == ["patched" if AFFECTED else "native"]
    assert said["imported"]["model"].endswith("TemporalStreamingModel.get_response")
    assert said["imported"]["bypasses"] == []
    assert said["call"] == ANSWER
    assert said["lines"] == [["INFO", said["imported"]["summary"]]]
    assert said["removed"]["states"] == ["missing" if AFFECTED else "native"]


def test_applying_after_the_import_ends_in_the_same_state() -> None:
    said = child(f"""
import {_upstream.MODULE}
import agentex_usage_patch
seen("applied", agentex_usage_patch.apply_patch())
{CALL}
""")
    assert said["applied"]["states"] == ["patched" if AFFECTED else "native"]
    assert said["call"] == ANSWER
    assert said["lines"] == [["INFO", said["applied"]["summary"]]]


def test_importing_auto_applies_the_patch() -> None:
    said = child(f"""
import agentex_usage_patch.auto
seen("applied", agentex_usage_patch.status())
{CALL}
seen("imported", agentex_usage_patch.status())
""")
    bare = fresh("""
import agentex_usage_patch.auto
seen("applied", agentex_usage_patch.status())
""")
    assert bare["applied"]["loaded"] == []
    assert "will be applied" in said["applied"]["summary"]
    assert said["imported"]["states"] == ["patched" if AFFECTED else "native"]
    assert said["call"] == ANSWER


def test_switched_off_patch_leaves_the_imported_sdk_unpatched() -> None:
    said = child(
        f"""
import agentex_usage_patch.auto
seen("applied", agentex_usage_patch.apply_patch())
{CALL}
seen("imported", agentex_usage_patch.status())
""",
        AGENTEX_USAGE_PATCH_DISABLED="1",
    )
    assert "AGENTEX_USAGE_PATCH_DISABLED is set" in said["applied"]["summary"]
    assert "will be applied" not in said["applied"]["summary"]
    assert said["imported"]["states"] == ["missing" if AFFECTED else "native"]
    assert said["call"] == UNPATCHED
    assert said["lines"] == [["WARNING", said["applied"]["summary"]]]


@pytest.fixture
def broken_sdk(tmp_path: Path) -> Path:
    """A fake agentex-sdk 0.10.4 without `get_response`, found before the installed one."""
    module = tmp_path.joinpath(*_upstream.MODULE.split(".")).with_suffix(".py")
    module.parent.mkdir(parents=True)
    for package in (*module.relative_to(tmp_path).parents[:-1],):
        (tmp_path / package / "__init__.py").touch()
    module.write_text(f"class {_upstream.CLASS}:\n    pass\n")
    metadata = tmp_path / "agentex_sdk-0.10.4.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: agentex-sdk\nVersion: 0.10.4\n")
    return tmp_path


def test_strict_before_the_import_raises_at_the_import(broken_sdk: Path) -> None:
    said = fresh(f"""
from agentex_usage_patch import AgentexUsagePatchError, apply_patch
seen("applied", apply_patch(strict=True))
try:
    import {_upstream.MODULE}
except AgentexUsagePatchError as error:
    seen("raised", error.status)
""", broken_sdk)  # fmt: skip
    assert "will be applied" in said["applied"]["summary"]
    assert "get_response was not found" in said["raised"]["summary"]
    assert said["lines"] == [["WARNING", said["raised"]["summary"]]]


def test_without_strict_an_unpatchable_model_is_imported(broken_sdk: Path) -> None:
    said = fresh(f"""
from agentex_usage_patch import apply_patch, status
apply_patch()
import {_upstream.MODULE}
seen("imported", status())
""", broken_sdk)  # fmt: skip
    assert said["imported"]["states"] == ["unknown"]
    assert said["lines"] == [["WARNING", said["imported"]["summary"]]]


def test_removed_patch_logs_nothing_at_the_import(broken_sdk: Path) -> None:
    said = fresh(f"""
from agentex_usage_patch import apply_patch, remove_patch, status
apply_patch(strict=True)
seen("removed", remove_patch())
import {_upstream.MODULE}
seen("imported", status())
""", broken_sdk)  # fmt: skip
    assert "call apply_patch()" in said["removed"]["summary"]
    assert said["imported"]["states"] == ["unknown"]
    assert said["lines"] == []
