"""The command: what it prints, and its exit codes."""

from __future__ import annotations

import dataclasses
import gc
import importlib
import json
import os
import platform
import re
import runpy
import sys
from importlib import metadata
from pathlib import Path

import pytest

import agentex_usage_patch
from agentex_usage_patch import _upstream, cli
from agentex_usage_patch._patching.status import Conflict
from agentex_usage_patch._status import worker

from .. import calls


def lines(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Return what was printed, by what stands before each line's first colon."""
    printed = capsys.readouterr().out.splitlines()
    return {name: value for name, _, value in (line.partition(": ") for line in printed)}


def test_status_in_a_pipe_is_a_line_for_each_thing(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status"]) == 0
    told = lines(capsys)
    observed = agentex_usage_patch.status()
    assert told["python"] == f"{platform.python_version()} ({sys.executable})"
    for name in ("agentex-sdk", "openai", "openai-agents", "temporalio", "wrapt"):
        assert told[name] == metadata.version(name)
    for fix in observed.fixes:
        assert told[fix.name] == f"{fix.state} ({fix.evidence})"
    name, _, summary = observed.summary.partition(": ")
    assert told[name] == summary
    assert told["Next"] == observed.advice
    assert ("Nothing now; after an upgrade" in told["Next"]) is calls.AFFECTED
    assert ("remove this package" in told["Next"]) is True


def test_status_in_a_terminal_is_a_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    assert cli.main(["status"]) == 0
    printed = capsys.readouterr().out
    assert "│" in printed and "\x1b[32m" in printed
    table = re.sub(r"\x1b\[[0-9;]*m", "", printed).splitlines()
    assert all(len(line) <= 40 for line in table if "│" in line)
    assert any("prompt_cache_key" in line for line in table)
    assert table[-1].startswith("Next: ")


def test_status_in_json_holds_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    observed = agentex_usage_patch.status()
    assert (told["schema"], told["satisfied"], told["require"]) == (1, True, "either")
    assert told["interpreter"]["executable"] == sys.executable
    assert told["versions"]["openai"] == metadata.version("openai")
    assert told["sdk_version"] == _upstream.sdk_version()
    assert told["model_file"] == calls.sdk.__file__
    assert [fix["state"] for fix in told["fixes"]] == [fix.state for fix in observed.fixes]
    assert (told["conflicts"], told["bypasses"], told["problem"]) == ([], [], "")


def test_every_part_of_the_json_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["status", "--json"])
    told = json.loads(capsys.readouterr().out)
    told["conflicts"] = [dataclasses.asdict(Conflict("", "", "", ""))]
    parts = {
        *told,
        *(f"{part}.{name}" for part in ("interpreter", "worker") for name in told[part]),
    }
    parts |= {f"{part}[].{name}" for part in ("fixes", "conflicts") for name in told[part][0]}
    documented = (Path(__file__).parents[2] / "docs" / "status.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([^`]+)` \|", documented, re.MULTILINE)) == parts


@pytest.mark.parametrize("require", ["patched", "native", "either"])
def test_a_deployment_check_can_insist_on_a_side(
    require: str, capsys: pytest.CaptureFixture[str]
) -> None:
    side = "patched" if calls.AFFECTED else "native"
    satisfied = require in (side, "either")
    assert cli.main(["status", "--require", require]) == (0 if satisfied else 1)
    told = lines(capsys)
    assert ("Required was that every fix is " + require in told) is not satisfied


def test_one_that_goes_past_the_patch_is_an_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    class Careless(calls.sdk.TemporalStreamingModel):  # type: ignore[misc]  # Any
        async def get_response(self, *args: object, **kwargs: object) -> None:
            """Answer without the model's own."""

    assert cli.main(["status"]) == (1 if calls.AFFECTED else 0)
    assert ("past the patch" in lines(capsys)) is calls.AFFECTED
    # Every fix is by the side that is required: that is not what is wrong.
    side = "patched" if calls.AFFECTED else "native"
    assert cli.main(["status", "--require", side]) == (1 if calls.AFFECTED else 0)
    assert "Required was" not in capsys.readouterr().out
    del Careless
    gc.collect()


def test_a_missing_fix_is_an_exit_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTEX_USAGE_PATCH_DISABLED", "1")
    assert cli.main(["status"]) == (1 if calls.AFFECTED else 0)
    printed = capsys.readouterr().out
    assert ("usage: missing" in printed) is calls.AFFECTED
    assert "AGENTEX_USAGE_PATCH_DISABLED is set" in printed


def test_a_companion_that_breaks_the_release_is_an_exit_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    version = _upstream.installed_version
    monkeypatch.setattr(
        _upstream,
        "installed_version",
        lambda name: {"openai": "2.45.0", _upstream.DISTRIBUTION: "0.10.4"}.get(
            name, version(name)
        ),
    )
    assert cli.main(["status"]) == 1
    assert 'pip install "openai==2.44.0"' in capsys.readouterr().out


def test_a_model_that_cannot_be_imported_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, _upstream.MODULE, None)
    assert cli.main(["status"]) == 1
    assert "Its model cannot be imported: ModuleNotFoundError" in capsys.readouterr().out


def test_what_the_sdk_prints_is_not_part_of_the_answer(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib, "import_module", lambda _: print("a banner"))
    monkeypatch.setattr(worker, "problem", lambda: print("another") or "")
    assert cli.main(["status", "--json"]) == 0
    printed = capsys.readouterr()
    json.loads(printed.out)
    assert "a banner" in printed.err and "another" in printed.err


def test_the_sdk_is_imported_without_asking_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "")
    monkeypatch.delenv("LITELLM_LOCAL_MODEL_COST_MAP")
    monkeypatch.setattr(worker, "problem", str)
    monkeypatch.setattr(importlib, "import_module", lambda _: asked.append(
        os.environ.get("LITELLM_LOCAL_MODEL_COST_MAP")
    ))  # fmt: skip
    cli.main(["status"])
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "False")  # whoever wants it otherwise
    cli.main(["status"])
    assert asked == ["True", "False"]


@pytest.mark.parametrize("command", ["status", "verify"])
def test_without_agentex_sdk_the_exit_code_is_3(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_upstream, "is_there", lambda: False)
    assert cli.main([command]) == 3
    printed = capsys.readouterr().out
    assert "agentex-sdk is not installed: there is nothing to" in printed
    assert "prompt" not in printed


@pytest.mark.parametrize(
    "arguments", [[], ["unknown"], ["status", "--unknown"], ["status", "--require", "luck"]]
)
def test_wrong_arguments_are_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    assert "usage: agentex-usage-patch" in capsys.readouterr().err


def test_the_version_is_that_of_the_metadata(capsys: pytest.CaptureFixture[str]) -> None:
    version = metadata.version("agentex-usage-patch")
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"agentex-usage-patch {version}\n"
    assert agentex_usage_patch.__version__ == version
    with pytest.raises(AttributeError, match="has no attribute 'another'"):
        agentex_usage_patch.another  # noqa: B018 - asking is what raises


def test_python_m_is_the_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["agentex_usage_patch", "--help"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_module("agentex_usage_patch", run_name="__main__")
    assert stop.value.code == 0
    assert "verify" in capsys.readouterr().out
