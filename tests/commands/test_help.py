"""The help texts, and what the commands do in unusual terminals and pipes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentex_usage_patch import _scan, _upstream, cli
from agentex_usage_patch._status.worker import Worker
from agentex_usage_patch._verify.report import Comparison, Row

from ..scan.fleet import write

ROOT = Path(__file__).resolve().parents[2]
MODEL = f"from {_upstream.MODULE} import {_upstream.CLASS}\n"
COMMANDS = ["status", "verify", "scan"]


def helped(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main([*arguments, "--help"]) == 0
    return capsys.readouterr().out


def test_the_help_names_every_command_and_where_to_begin(
    capsys: pytest.CaptureFixture[str],
) -> None:
    printed = " ".join(helped(capsys).split())
    for command in COMMANDS:
        assert f" {command} " in printed
    assert "Begin with: agentex-usage-patch scan ." in printed


@pytest.mark.parametrize("command", COMMANDS)
def test_each_help_has_examples_and_exit_codes(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = helped(capsys, command).splitlines()
    examples = [line.strip() for line in lines if line.startswith("  agentex-usage-patch ")]
    assert examples and all(line.startswith(f"agentex-usage-patch {command}") for line in examples)
    assert "exit codes:" in lines


@pytest.mark.parametrize("command", [[], *([each] for each in COMMANDS)])
def test_the_help_fits_a_narrow_terminal(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    for line in helped(capsys, *command).splitlines():
        assert len(line) <= 60 or line.startswith("  agentex-usage-patch ")
        assert "\x1b" not in line


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_is_printed_if_the_width_is_nonsense(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "2")
    assert "examples:" in helped(capsys, command)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_characters_that_the_encoding_lacks_are_escaped(encoding: str, tmp_path: Path) -> None:
    write(tmp_path, {"agent\u2713/acp.py": MODEL})
    scan = [sys.executable, "-m", "agentex_usage_patch", "scan", str(tmp_path)]
    ran = subprocess.run(
        scan, env={**os.environ, "PYTHONIOENCODING": encoding}, capture_output=True, cwd=ROOT
    )
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert b"agent\\u2713: unknown (run" in ran.stdout


def test_a_command_works_without_a_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)  # as when it was closed before the start
    monkeypatch.setattr(_scan, "scan", lambda *_, **__: print("a line") or 0)
    assert cli.main(["scan", "."]) == 0


COMPARISON = Comparison(
    "0.10.4", (Row(1, "id", "resp_1234", "resp_server", "resp_server"),), (), Worker(built=True)
)


def test_verify_prints_lines_in_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    assert COMPARISON.report().publish(as_json=False) == 0
    assert capsys.readouterr().out.splitlines() == [
        "what was asked: installed SDK, with the patch (expected)",
        "turn 1:",
        "id: ✗ resp_1234, ✓ resp_server (resp_server)",
        "worker: can be built",
        "agentex-sdk 0.10.4: 1 of 1 wrong as installed, 1 right patched.",
    ]
    monkeypatch.setenv("COLUMNS", "80")
    COMPARISON.report().publish(as_json=False)
    assert "┃" in capsys.readouterr().out


def test_a_closed_pipe_is_no_traceback(tmp_path: Path) -> None:
    for number in range(2000):  # more than a pipe holds
        write(tmp_path, {f"agent{number}/acp.py": MODEL})
    for arguments in (["--json"], []):
        scan = [sys.executable, "-m", "agentex_usage_patch", "scan", *arguments, str(tmp_path)]
        with subprocess.Popen(
            scan, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout and process.stderr
            process.stdout.readline()
            process.stdout.close()
            said = process.stderr.read()
        assert (process.returncode, said) in ((141, ""), (1, ""))


def test_an_interrupted_command_prints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_scan, "scan", interrupted)
    assert cli.main(["scan", "."]) == 130
