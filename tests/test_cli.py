"""The command: what it prints, and its exit codes."""

from __future__ import annotations

import importlib
import json
import runpy
import sys

import pytest

import agentex_usage_patch
from agentex_usage_patch import _upstream, cli

from . import calls


def test_status_tells_each_fix_and_that_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status"]) == 0
    *fixes, summary = capsys.readouterr().out.splitlines()
    state = "patched" if calls.AFFECTED else "native"
    assert [line.partition(" (")[0] for line in fixes] == [
        f"{name}: {state}" for name in _upstream.FIXES
    ]
    assert summary == agentex_usage_patch.status().summary


def test_status_in_json_holds_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    observed = agentex_usage_patch.status()
    assert told["sdk_version"] == _upstream.sdk_version()
    assert told["model_file"] == calls.sdk.__file__
    assert [fix["state"] for fix in told["fixes"]] == [fix.state for fix in observed.fixes]
    assert (told["conflicts"], told["problem"]) == ([], "")


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
    assert cli.main(["status", "--json"]) == 0
    printed = capsys.readouterr()
    json.loads(printed.out)
    assert "a banner" in printed.err


@pytest.mark.parametrize("command", ["status", "verify"])
def test_without_agentex_sdk_the_exit_code_is_3(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_upstream, "sdk_version", lambda: None)
    assert cli.main([command]) == 3
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("agentex-sdk is not installed")


@pytest.mark.parametrize("arguments", [[], ["unknown"], ["status", "--unknown"]])
def test_wrong_arguments_are_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    assert "usage: agentex-usage-patch" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["status", "verify"])
def test_help_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([command, "--help"]) == 0
    assert f"Example: agentex-usage-patch {command}" in " ".join(capsys.readouterr().out.split())


def test_python_m_is_the_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["agentex_usage_patch", "--help"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_module("agentex_usage_patch", run_name="__main__")
    assert stop.value.code == 0
    assert "verify" in capsys.readouterr().out
