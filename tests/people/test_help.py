"""The commands explain themselves to somebody who has never seen the project."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agentex_usage_patch import _scan, cli

from .fleet import write

ROOT = Path(__file__).resolve().parents[2]
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


def test_a_pipe_that_nobody_reads_is_no_error(tmp_path: Path) -> None:
    for number in range(2000):  # more than a pipe holds
        write(tmp_path, {f"agent{number}/run_worker.py": ""})
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
