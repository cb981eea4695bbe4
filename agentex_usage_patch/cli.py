"""The command ``agentex-usage-patch``: its arguments, its help, and its exit codes."""

from __future__ import annotations

import argparse
import io
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

from . import __version__, _upstream

#: For each command: a summary, a description, examples, and exit codes.
_HELP = {
    "scan": (
        "find the agents of a monorepo, and the next step for each",
        """Read a tree without importing, running or changing anything in it. Print for each
        agent which agentex-sdk it gets, what patches it, and what to do next, with the lines
        that show it. Begin with this command. Without a PATH it reads the current folder.""",
        ["scan .", "scan --check .", "scan --json . > fleet.json"],
        "0 done; 1 with --check, an agent needs work; 2 wrong arguments",
    ),
    "verify": (
        "show what changes: two turns over HTTP, without and with the patch",
        """Run the installed agentex-sdk against a model server on loopback, without and with the
        patch, and compare. With --base-url and --model, ask a backend instead which of the
        stateful fields it supports. That sends up to five short requests with the key from
        OPENAI_API_KEY, which is never printed.""",
        ["verify", "verify --svg verify.svg",
         "verify --base-url http://127.0.0.1:8000/v1 --model gpt-4o"],
        "0 all is right; 1 not; 2 wrong arguments; 3 agentex-sdk or httpx is not installed",
    ),
    "status": (
        "check that the patch works in this environment",
        """Import the model of the installed agentex-sdk, apply the patch in this process, build
        a worker as upstream's template does, and report the fixes, the conflicts and the next
        step. It connects to nothing. It does not check that your own worker applies the patch:
        see the worker's log, or run scan. In a health check, use --require patched before the
        upgrade and --require native after it.""",
        ["status", "status --require patched", "status --json"],
        "0 all fixes are in place; 1 not; 2 wrong arguments; 3 agentex-sdk is not installed",
    ),
}  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    0: all is well. 1: it is not. 2: wrong arguments. 3: something is not installed. 130: the
    user interrupted it. 141: the reader of its output is gone. Each command's help has details.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not every encoding has every character
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(argv)
        print(end="", flush=True)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # At exit, Python writes what is still buffered: that would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return code


def _run(argv: Sequence[str] | None) -> int:
    try:
        arguments = _parser().parse_args(argv)
        code: int = arguments.run(arguments)
    except SystemExit as stop:  # argparse exits with 2, or with 0 after --help
        return int(stop.code or 0)
    return code


# Each command imports only its own folder: scan has to start quickly.
def _scan(arguments: argparse.Namespace) -> int:
    from ._scan import scan

    return scan(arguments.paths, as_json=arguments.json, check=arguments.check)


def _verify(arguments: argparse.Namespace) -> int:
    output = {"as_json": arguments.json, "svg": arguments.svg}
    if arguments.base_url is None and arguments.model is None:
        from ._verify import verify

        return verify(**output)
    if arguments.base_url is None or arguments.model is None:
        arguments.parser.error("--base-url and --model belong together")
    from ._backend import verify_backend

    return verify_backend(arguments.base_url, arguments.model, **output)


def _status(arguments: argparse.Namespace) -> int:
    from ._status import status

    return status(arguments.require, as_json=arguments.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="agentex-usage-patch",
        description="Real usage, response ids and stateful fields for agentex-sdk "
        f"{_upstream.AFFECTED}, which reports zeros, invents ids and drops the fields.",
        epilog="Begin with: agentex-usage-patch scan .",
    )
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {__version__}", help="print the version"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    scan = _command(commands, "scan", _scan)
    verify = _command(commands, "verify", _verify)
    status = _command(commands, "status", _status)
    scan.add_argument("paths", nargs="*", metavar="PATH", help="a folder: a monorepo, or one agent")
    scan.add_argument("--check", action="store_true", help="exit 1 when an agent needs work")
    verify.add_argument("--base-url", metavar="URL", help="the OpenAI-compatible API to ask")
    verify.add_argument("--model", metavar="NAME", help="the model to ask for")
    verify.add_argument("--svg", metavar="FILE", type=_picture, help="draw the report")
    status.add_argument(
        "--require",
        choices=["patched", "native", "either"],
        metavar="SIDE",
        default="either",
        help="which side must provide the fixes: patched, this package; native, the SDK; "
        "either (the default)",
    )
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
) -> argparse.ArgumentParser:
    """Add the parser of a command, with its help as wide as the terminal."""
    summary, description, examples, codes = _HELP[name]
    width = max(shutil.get_terminal_size().columns - 2, 20)
    lines = [f"  agentex-usage-patch {example}" for example in examples]
    wrapped = textwrap.fill(codes, width, initial_indent="  ", subsequent_indent="  ")
    command = commands.add_parser(
        name,
        help=summary,
        description=textwrap.fill(" ".join(description.split()), width),
        epilog="\n".join(["examples:", *lines, "", "exit codes:", wrapped]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--json", action="store_true", help="print JSON, for programs")
    command.set_defaults(run=run, parser=command)
    return command


def _picture(argument: str) -> Path:
    """Return the picture's path; a folder, or a missing parent, is an error before any run."""
    file = Path(argument)
    if file.is_dir() or not file.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{argument!r} cannot be written: name a file")
    return file
