"""The command ``agentex-usage-patch``."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib
import json
import sys
from collections.abc import Sequence

from . import _upstream
from ._patch import apply_patch
from ._status import PatchStatus


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    0: all fixes are in place, or every row of ``verify`` is right. 1: something is
    missing or conflicting. 2: the arguments were wrong. 3: agentex-sdk is not installed.
    """
    parser = argparse.ArgumentParser(
        prog="agentex-usage-patch",
        description="Real usage, response ids and stateful fields on agentex-sdk "
        f"{_upstream.AFFECTED}, which return zeros, invent the ids and drop the fields.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    status = commands.add_parser(
        "status",
        help="what the patch does with the agentex-sdk of this environment",
        description="Import the SDK's model, apply the patch in this process, and tell what was "
        "observed. Example: agentex-usage-patch status --json",
    )
    verify = commands.add_parser(
        "verify",
        help="two chained turns over a real HTTP stream, without and with the patch",
        description="Run the installed SDK against a model server on loopback, without and with "
        "the patch, and compare. Example: agentex-usage-patch verify",
    )
    for command in (status, verify):
        command.add_argument("--json", action="store_true", help="print JSON, for machines")
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as stop:  # argparse's way to say 2, or 0 after --help
        return int(stop.code or 0)
    if arguments.command == "verify":
        from . import _verify

        return _verify.verify(as_json=arguments.json)
    return _status(as_json=arguments.json)


def _status(*, as_json: bool) -> int:
    problem = ""
    # What the SDK prints while it is imported is not part of the answer.
    with contextlib.redirect_stdout(sys.stderr):
        observed = apply_patch()
        if observed.sdk_version is not None:
            try:
                importlib.import_module(_upstream.MODULE)
            except Exception as error:  # noqa: BLE001 - the environment may be broken in any way
                problem = f"Its model cannot be imported: {type(error).__name__}: {error}"
            observed = apply_patch()
    if as_json:
        print(json.dumps({**dataclasses.asdict(observed), "problem": problem}, indent=2))
    else:
        for line in _lines(observed, problem):
            print(line)
    if observed.sdk_version is None:
        return 3
    return 0 if observed.complete and not observed.conflicts else 1


def _lines(observed: PatchStatus, problem: str) -> list[str]:
    lines = [f"{fix.name}: {fix.state} ({fix.evidence})" for fix in observed.fixes]
    if observed.sdk_version is None:
        lines = []
    return [*lines, *filter(None, [problem]), observed.summary]
