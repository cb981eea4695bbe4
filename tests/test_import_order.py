"""Applied before or after the SDK's import, in a process of its own: the same end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agentex_usage_patch import _upstream

AFFECTED = _upstream.within(_upstream.sdk_version(), _upstream.AFFECTED)
ROOT = Path(__file__).parents[1]

_BEGIN = """
import json, logging, sys
lines = []
handler = logging.Handler()
handler.emit = lambda record: lines.append([record.levelname, record.getMessage()])
logging.getLogger("agentex_usage_patch").addHandler(handler)
logging.getLogger("agentex_usage_patch").setLevel(logging.DEBUG)
said = {"lines": lines}

def seen(name, status):
    loaded = {module.partition(".")[0] for module in sys.modules}
    said[name] = {
        "states": sorted({fix.state for fix in status.fixes}),
        "summary": status.summary,
        "model": status.model,
        "loaded": sorted(loaded & {"agentex", "agents", "openai", "rich", "pydantic"}),
    }
"""

#: One call, made as the tests of the equations make it.
_CALL = """
import asyncio
from tests import calls
from tests.clients import ask
from tests.wire import Wire, completed
for name in ("streaming_task_id", "streaming_trace_id", "streaming_parent_span_id"):
    getattr(calls.sdk, name).set("id")
async def call():
    wire = Wire([completed()])
    result = await ask(calls.make_model(wire.client()), conversation_id="conv_1")
    return calls.tokens(result.usage), wire.bodies[0].get("conversation")
said["call"] = asyncio.run(call())
"""

_ANSWER = [[1234, 56, 1290, 987, 42], "conv_1"]
_UNPATCHED = [[0] * 5, None] if AFFECTED else _ANSWER


def child(code: str, *paths: Path, **environment: str) -> Any:
    """Run code in a process of its own, and return what it said of itself."""
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (*paths, ROOT))),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "OPENAI_API_KEY": "sk-test",
        **environment,
    }
    done = subprocess.run(
        [sys.executable, "-c", f"{_BEGIN}{code}\nprint(json.dumps(said))"],
        env=env, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_applied_before_the_import_it_waits_for_it_and_loads_nothing_of_the_sdk() -> None:
    said = child(f"""
import agentex_usage_patch
seen("before", agentex_usage_patch.status())
seen("applied", agentex_usage_patch.apply_patch())
agentex_usage_patch.apply_patch()
import {_upstream.MODULE}
seen("imported", agentex_usage_patch.status())
{_CALL}
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
    assert said["call"] == _ANSWER
    assert said["lines"] == [["INFO", said["imported"]["summary"]]]
    assert said["removed"]["states"] == ["missing" if AFFECTED else "native"]


def test_applied_after_the_import_it_ends_in_the_same_state() -> None:
    said = child(f"""
import {_upstream.MODULE}
import agentex_usage_patch
seen("applied", agentex_usage_patch.apply_patch())
{_CALL}
""")
    assert said["applied"]["states"] == ["patched" if AFFECTED else "native"]
    assert said["call"] == _ANSWER
    assert said["lines"] == [["INFO", said["applied"]["summary"]]]


def test_the_one_line_import_applies_it() -> None:
    said = child(f"""
import agentex_usage_patch.auto
seen("applied", agentex_usage_patch.status())
{_CALL}
seen("imported", agentex_usage_patch.status())
""")
    assert said["applied"]["loaded"] == []
    assert "will be applied" in said["applied"]["summary"]
    assert said["imported"]["states"] == ["patched" if AFFECTED else "native"]
    assert said["call"] == _ANSWER


def test_switched_off_it_leaves_the_import_alone() -> None:
    said = child(
        f"""
import agentex_usage_patch.auto
seen("applied", agentex_usage_patch.apply_patch())
{_CALL}
seen("imported", agentex_usage_patch.status())
""",
        AGENTEX_USAGE_PATCH_DISABLED="1",
    )
    assert "AGENTEX_USAGE_PATCH_DISABLED is set" in said["applied"]["summary"]
    assert "will be applied" not in said["applied"]["summary"]
    assert said["imported"]["states"] == ["missing" if AFFECTED else "native"]
    assert said["call"] == _UNPATCHED
    assert said["lines"] == [["WARNING", said["applied"]["summary"]]]


@pytest.fixture
def another_sdk(tmp_path: Path) -> Path:
    """An agentex-sdk 0.10.4 that stands before the installed one and lost its method."""
    module = tmp_path.joinpath(*_upstream.MODULE.split(".")).with_suffix(".py")
    module.parent.mkdir(parents=True)
    for package in (*module.relative_to(tmp_path).parents[:-1],):
        (tmp_path / package / "__init__.py").touch()
    module.write_text(f"class {_upstream.CLASS}:\n    pass\n")
    metadata = tmp_path / "agentex_sdk-0.10.4.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: agentex-sdk\nVersion: 0.10.4\n")
    return tmp_path


def test_strict_before_the_import_raises_at_the_import(another_sdk: Path) -> None:
    said = child(f"""
from agentex_usage_patch import AgentexUsagePatchError, apply_patch
seen("applied", apply_patch(strict=True))
try:
    import {_upstream.MODULE}
except AgentexUsagePatchError as error:
    seen("raised", error.status)
""", another_sdk)  # fmt: skip
    assert "will be applied" in said["applied"]["summary"]
    assert "get_response was not found" in said["raised"]["summary"]
    assert said["lines"] == [["WARNING", said["raised"]["summary"]]]


def test_without_strict_a_model_that_cannot_be_patched_is_imported(another_sdk: Path) -> None:
    said = child(f"""
from agentex_usage_patch import apply_patch, status
apply_patch()
import {_upstream.MODULE}
seen("imported", status())
""", another_sdk)  # fmt: skip
    assert said["imported"]["states"] == ["unknown"]
    assert said["lines"] == [["WARNING", said["imported"]["summary"]]]


def test_removed_before_the_import_it_has_nothing_to_say_at_the_import(another_sdk: Path) -> None:
    said = child(f"""
from agentex_usage_patch import apply_patch, remove_patch, status
apply_patch(strict=True)
seen("removed", remove_patch())
import {_upstream.MODULE}
seen("imported", status())
""", another_sdk)  # fmt: skip
    assert "call apply_patch()" in said["removed"]["summary"]
    assert said["imported"]["states"] == ["unknown"]
    assert said["lines"] == []
