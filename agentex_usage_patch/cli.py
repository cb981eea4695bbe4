"""The command ``agentex-usage-patch``."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import sys
from collections.abc import Sequence

from . import _upstream
from ._patch import apply_patch, status
from ._status_report import Require, StatusReport


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    0: all fixes are in place, or every row of ``verify`` is right. 1: something is
    missing, conflicting, or in place by another side than is required. 2: the arguments
    were wrong. 3: agentex-sdk is not installed.
    """
    parser = argparse.ArgumentParser(
        prog="agentex-usage-patch",
        description="Real usage, response ids and stateful fields on agentex-sdk "
        f"{_upstream.AFFECTED}, which return zeros, invent the ids and drop the fields.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    status_command = commands.add_parser(
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
    scan = commands.add_parser(
        "scan",
        help="where the agents of a monorepo stand, and what to do with each",
        description="Read a tree, without importing, running or changing anything in it: which "
        "agentex-sdk each agent gets, what patches it, and what to do next, a line each. "
        "Example: agentex-usage-patch scan .",
    )
    scan.add_argument("paths", nargs="+", metavar="PATH", help="a folder: an agent or a monorepo")
    scan.add_argument("--check", action="store_true", help="exit 1 when something is to be done")
    status_command.add_argument(
        "--require",
        choices=["patched", "native", "either"],
        default="either",
        help="by which side the fixes have to be in place, for exit code 0 (default: either)",
    )
    verify.add_argument("--base-url", metavar="URL", help="ask this OpenAI-compatible API instead")
    verify.add_argument("--model", metavar="NAME", help="the model to ask there for")
    verify.add_argument("--svg", metavar="FILE", default="", help="draw what is told as a picture")
    for command in (status_command, verify, scan):
        command.add_argument("--json", action="store_true", help="print JSON, for machines")
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as stop:  # argparse's way to say 2, or 0 after --help
        return int(stop.code or 0)
    if arguments.command == "verify" and (arguments.base_url or arguments.model):
        if not (arguments.base_url and arguments.model):
            verify.print_usage(sys.stderr)
            print("--base-url and --model belong together.", file=sys.stderr)
            return 2
        from . import _verify_backend

        return _verify_backend.verify_backend(
            arguments.base_url, arguments.model, as_json=arguments.json, svg=arguments.svg
        )
    if arguments.command == "verify":
        from . import _verify

        return _verify.verify(as_json=arguments.json, svg=arguments.svg)
    if arguments.command == "scan":
        from . import _scan

        return _scan.scan(arguments.paths, as_json=arguments.json, check=arguments.check)
    report = _observed(arguments.require)
    report.print(as_json=arguments.json)
    return report.exit_code


def _observed(require: Require) -> StatusReport:
    """Import the SDK's model, apply the patch, and observe."""
    problem = ""
    # What the SDK prints while it is imported is not part of the answer.
    with contextlib.redirect_stdout(sys.stderr):
        observed = apply_patch()
        if observed.sdk_version is not None:
            try:
                importlib.import_module(_upstream.MODULE)
            except ImportError as error:  # whose text names what was not found, and where
                problem = f"Its model cannot be imported: {type(error).__name__}: {error}"
            except Exception as error:  # noqa: BLE001 - the environment may be broken in any way
                # Another error's text may quote the environment: pydantic's does, keys and all.
                problem = f"Its model cannot be imported: {type(error).__name__}"
            observed = apply_patch()
            if observed.named("patched"):  # apply_patch() does not look for what goes past it
                observed = status()
    return StatusReport(observed, problem, require)
