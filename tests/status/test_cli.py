"""The command ``status``, and what all commands have in common: output and exit codes."""

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
from typing import Any

import pytest

import agentex_usage_patch
from agentex_usage_patch import _status, _upstream, cli
from agentex_usage_patch._patching.status import Conflict
from agentex_usage_patch._status import worker

from .. import calls


def lines(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Return the printed lines by their name, which ends at the first colon."""
    printed = capsys.readouterr().out.splitlines()
    return {name: value for name, _, value in (line.partition(": ") for line in printed)}


def test_status_prints_lines_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status"]) == 0
    printed = lines(capsys)
    observed = agentex_usage_patch.status()
    assert printed["python"] == f"{platform.python_version()} ({sys.executable})"
    for name in ("agentex-sdk", "openai", "openai-agents", "temporalio", "wrapt"):
        assert printed[name] == metadata.version(name)
    fix = observed.fixes[0]
    assert printed["fixes"] == f"{fix.state} ({fix.evidence})"
    assert not set(printed) & set(_upstream.FIXES)
    name, _, summary = observed.summary.partition(": ")
    assert printed[name] == summary
    assert printed["Next"] == observed.advice
    assert ("Nothing now; after an upgrade" in printed["Next"]) is calls.AFFECTED
    assert ("remove this package" in printed["Next"]) is True


@pytest.mark.parametrize("changed", [{"state": "missing"}, {"evidence": "seen elsewhere"}])
def test_each_fix_has_a_line_if_states_or_reasons_differ(
    changed: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    observed = agentex_usage_patch.apply_patch()
    first, *others = observed.fixes
    fixes = (dataclasses.replace(first, **changed), *others)
    different = dataclasses.replace(observed, fixes=fixes)
    monkeypatch.setattr(_status, "apply_patch", lambda: different)
    cli.main(["status"])
    printed = lines(capsys)
    assert "fixes" not in printed
    for fix in fixes:
        assert printed[fix.name] == f"{fix.state} ({fix.evidence})"


def test_status_prints_a_table_in_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    assert cli.main(["status"]) == 0
    printed = capsys.readouterr().out
    assert "│" in printed and "\x1b[32m" in printed
    table = re.sub(r"\x1b\[[0-9;]*m", "", printed).splitlines()
    assert all(len(line) <= 60 for line in table if "│" in line)
    assert any(line.startswith("│ openai-agents ") for line in table)
    assert table[-1].startswith("Next: ")


def test_a_narrow_terminal_gets_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    assert cli.main(["status"]) == 0
    assert "│" not in capsys.readouterr().out


def test_status_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    observed = agentex_usage_patch.status()
    assert (printed["schema"], printed["satisfied"], printed["require"]) == (1, True, "either")
    assert printed["interpreter"]["executable"] == sys.executable
    assert printed["versions"]["openai"] == metadata.version("openai")
    assert printed["sdk_version"] == _upstream.sdk_version()
    assert printed["model_file"] == calls.sdk.__file__
    assert [fix["state"] for fix in printed["fixes"]] == [fix.state for fix in observed.fixes]
    assert (printed["conflicts"], printed["bypasses"], printed["problem"]) == ([], [], "")


def test_all_parts_of_the_json_are_documented(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["status", "--json"])
    printed = json.loads(capsys.readouterr().out)
    printed["conflicts"] = [dataclasses.asdict(Conflict("", "", "", ""))]
    parts = {
        *printed,
        *(f"{part}.{name}" for part in ("interpreter", "worker") for name in printed[part]),
    }
    parts |= {f"{part}[].{name}" for part in ("fixes", "conflicts") for name in printed[part][0]}
    documented = (Path(__file__).parents[2] / "docs" / "status.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([^`]+)` \|", documented, re.MULTILINE)) == parts


@pytest.mark.parametrize("require", ["patched", "native", "either"])
def test_require_fails_if_the_other_side_has_the_fixes(
    require: str, capsys: pytest.CaptureFixture[str]
) -> None:
    side = "patched" if calls.AFFECTED else "native"
    satisfied = require in (side, "either")
    assert cli.main(["status", "--require", require]) == (0 if satisfied else 1)
    printed = lines(capsys)
    assert (f"--require {require} is not met." in printed) is not satisfied


def test_a_bypass_fails(capsys: pytest.CaptureFixture[str]) -> None:
    class Bypassing(calls.sdk.TemporalStreamingModel):  # type: ignore[misc]  # Any
        async def get_response(self, *args: object, **kwargs: object) -> None:
            """Answer without calling the model's own."""

    assert cli.main(["status"]) == (1 if calls.AFFECTED else 0)
    assert ("bypass" in lines(capsys)) is calls.AFFECTED
    # The required side has every fix: only the bypass fails.
    side = "patched" if calls.AFFECTED else "native"
    assert cli.main(["status", "--require", side]) == (1 if calls.AFFECTED else 0)
    assert "is not met" not in capsys.readouterr().out
    del Bypassing
    gc.collect()


def test_a_missing_fix_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTEX_USAGE_PATCH_DISABLED", "1")
    assert cli.main(["status"]) == (1 if calls.AFFECTED else 0)
    printed = capsys.readouterr().out
    assert ("fixes: missing" in printed) is calls.AFFECTED
    assert "AGENTEX_USAGE_PATCH_DISABLED is set" in printed


def test_a_companion_that_breaks_the_release_fails(
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
    printed = capsys.readouterr().out
    assert 'pip install "openai==2.44.0"' in printed
    assert "conflict: openai 2.45.0 (agents.Usage() raises: " in printed


def test_status_reports_a_model_that_cannot_be_imported(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, _upstream.MODULE, None)
    assert cli.main(["status"]) == 1
    assert "Its model cannot be imported: ModuleNotFoundError" in capsys.readouterr().out


def test_output_of_the_sdk_goes_to_the_standard_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib, "import_module", lambda _: print("a banner"))
    monkeypatch.setattr(worker, "build", lambda: print("another") or worker.Worker(built=True))
    assert cli.main(["status", "--json"]) == 0
    printed = capsys.readouterr()
    json.loads(printed.out)
    assert "a banner" in printed.err and "another" in printed.err


def test_importing_the_sdk_loads_no_prices_from_the_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str | None] = []
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "")
    monkeypatch.delenv("LITELLM_LOCAL_MODEL_COST_MAP")
    monkeypatch.setattr(worker, "build", lambda: worker.NOT_TRIED)
    monkeypatch.setattr(importlib, "import_module", lambda _: asked.append(
        os.environ.get("LITELLM_LOCAL_MODEL_COST_MAP")
    ))  # fmt: skip
    cli.main(["status"])
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "False")  # a user's own setting is kept
    cli.main(["status"])
    assert asked == ["True", "False"]


@pytest.mark.parametrize("command", ["status", "verify"])
def test_exit_code_is_3_without_agentex_sdk(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_upstream, "is_installed", lambda: False)
    assert cli.main([command]) == 3
    printed = capsys.readouterr().out
    assert "agentex-sdk is not installed: there is nothing to" in printed
    assert "fixes" not in printed and "what was asked" not in printed


@pytest.mark.parametrize(
    "arguments", [[], ["unknown"], ["status", "--unknown"], ["status", "--require", "luck"]]
)
def test_exit_code_is_2_for_wrong_arguments(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    assert "usage: agentex-usage-patch" in capsys.readouterr().err


def test_version_comes_from_the_metadata(capsys: pytest.CaptureFixture[str]) -> None:
    version = metadata.version("agentex-usage-patch")
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"agentex-usage-patch {version}\n"
    assert agentex_usage_patch.__version__ == version
    with pytest.raises(AttributeError, match="has no attribute 'another'"):
        agentex_usage_patch.another  # noqa: B018 - asking is what raises


def test_python_m_runs_the_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["agentex_usage_patch", "--help"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_module("agentex_usage_patch", run_name="__main__")
    assert stop.value.code == 0
    assert "verify" in capsys.readouterr().out
