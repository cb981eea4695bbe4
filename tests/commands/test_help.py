"""The commands explain themselves to somebody who has never seen the project."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentex_usage_patch import _scan, _upstream, cli
from agentex_usage_patch._verify.report import Report, Row

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
def test_the_help_of_a_command_has_examples_and_exit_codes(
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
def test_the_help_is_printed_in_a_terminal_of_no_width(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "2")
    assert "examples:" in helped(capsys, command)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_what_an_encoding_lacks_is_written_in_another_way(encoding: str, tmp_path: Path) -> None:
    write(tmp_path, {"agent\u2713/acp.py": MODEL})
    scan = [sys.executable, "-m", "agentex_usage_patch", "scan", str(tmp_path)]
    ran = subprocess.run(
        scan, env={**os.environ, "PYTHONIOENCODING": encoding}, capture_output=True, cwd=ROOT
    )
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert b"agent\\u2713  -  unknown" in ran.stdout


def test_a_command_that_nobody_listens_to_does_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)  # as when it was closed before the start
    monkeypatch.setattr(_scan, "scan", lambda *_, **__: print("told") or 0)
    assert cli.main(["scan", "."]) == 0


def report(value: str) -> Report:
    return Report("0.10.4", (Row(1, "id", "resp_1234", value, "resp_server"),), ())


def test_a_narrow_terminal_gets_what_verify_found_in_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    report("resp_server").print()
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "turn 1, id: ✗ resp_1234 installed, ✓ resp_server with the patch; it should be resp_server",
        "agentex-sdk 0.10.4: 1 of 1 wrong as installed, 1 right patched.",
    ]
    monkeypatch.setenv("COLUMNS", "80")
    report("other").print()
    assert "┃" in capsys.readouterr().out


def test_a_pipe_that_nobody_reads_is_no_error(tmp_path: Path) -> None:
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


def test_an_interrupted_command_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_scan, "scan", interrupted)
    assert cli.main(["scan", "."]) == 130
