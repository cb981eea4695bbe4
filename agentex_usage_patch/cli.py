"""The command ``agentex-usage-patch``."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import os
import shutil
import sys
import textwrap
from collections.abc import Sequence

from . import __version__, _upstream
from ._patching.apply import apply_patch, status
from ._status.report import Require, StatusReport

#: Of each command: what it is, what it does, examples, and its exit codes.
_HELP = {
    "scan": (
        "where the agents of a monorepo stand, and what is next for each",
        """Read a tree, and import, run or change nothing in it: which agentex-sdk each agent gets,
        what patches it, and what is next, a line each, then the lines of files that led to that.
        Begin with this. Without a PATH it reads the current folder.""",
        ["scan .", "scan --check .", "scan --json . > fleet.json"],
        "0 read; 1 an agent needs work and --check was given; 2 wrong arguments",
    ),
    "verify": (
        "what changes: two turns over HTTP, without and with the patch",
        """Run the installed agentex-sdk against a model server on loopback, without and with the
        patch, and compare. With --base-url and --model, ask a backend instead which of the
        stateful fields it knows: five short requests at most, with the key in OPENAI_API_KEY,
        which is never printed.""",
        ["verify", "verify --svg verify.svg",
         "verify --base-url http://127.0.0.1:8000/v1 --model gpt-4o"],
        "0 all is right; 1 not; 2 wrong arguments; 3 what has to be installed is not",
    ),
    "status": (
        "whether the patch works in this environment",
        """Import the model of the installed agentex-sdk, apply the patch in this process, build a
        worker as upstream's template does, and report what was observed, what is in the way, and
        what to do next. It connects to nothing. It does not see whether your worker has the two
        lines: its log line says that, and scan. For a health check: --require patched before the
        upgrade, --require native after it.""",
        ["status", "status --require patched", "status --json"],
        "0 every fix is in place, and a worker can be built; 1 not; 2 wrong arguments; 3 no SDK",
    ),
}  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code, which the help of each command explains.

    0 is that all is well, 1 that it is not, 2 that the arguments were wrong, 3 that something
    is not installed. 130 is that it was interrupted, 141 that nobody reads what is printed.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # an answer is not lost for a character
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(argv)
        print(end="", flush=True)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # What is still buffered would be written at exit, and fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return code


def _run(argv: Sequence[str] | None) -> int:
    parser, commands = _parsers()
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as stop:  # argparse's way to say 2, or 0 after --help
        return int(stop.code or 0)
    if arguments.command == "scan":
        from . import _scan

        return _scan.scan(arguments.paths, as_json=arguments.json, check=arguments.check)
    if arguments.command == "status":
        report = _observed(arguments.require)
        report.print(as_json=arguments.json)
        return report.exit_code
    told = {"as_json": arguments.json, "svg": arguments.svg}
    if arguments.base_url is not None and arguments.model is not None:
        from . import _backend

        return _backend.verify_backend(arguments.base_url, arguments.model, **told)
    if arguments.base_url is not None or arguments.model is not None:
        commands["verify"].print_usage(sys.stderr)
        print("--base-url and --model belong together.", file=sys.stderr)
        return 2
    from . import _verify

    return _verify.verify(**told)


def _parsers() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """Return the parser, and those of the commands by name."""
    width = max(shutil.get_terminal_size().columns - 2, 20)
    parser = argparse.ArgumentParser(
        prog="agentex-usage-patch",
        description="Real usage, response ids and stateful fields on agentex-sdk "
        f"{_upstream.AFFECTED}, which return zeros, invent the ids and drop the fields.",
        epilog="Begin with: agentex-usage-patch scan .",
    )
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {__version__}", help="print the version"
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands = {}
    for name, (brief, description, examples, codes) in _HELP.items():
        shown = [f"  agentex-usage-patch {example}" for example in examples]
        said = textwrap.fill(codes, width, initial_indent="  ", subsequent_indent="  ")
        command = subparsers.add_parser(
            name,
            help=brief,
            description=textwrap.fill(" ".join(description.split()), width),
            epilog="\n".join(["examples:", *shown, "", "exit codes:", said]),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_argument("--json", action="store_true", help="print JSON, for machines")
        commands[name] = command
    scan, verify, status_command = commands.values()
    scan.add_argument("paths", nargs="*", metavar="PATH", help="a folder: a monorepo, or one agent")
    scan.add_argument("--check", action="store_true", help="exit 1 when an agent needs work")
    verify.add_argument("--base-url", metavar="URL", help="the OpenAI-compatible API to ask")
    verify.add_argument("--model", metavar="NAME", help="the model to ask there for")
    verify.add_argument("--svg", metavar="FILE", default="", help="draw what is told as a picture")
    status_command.add_argument(
        "--require",
        choices=["patched", "native", "either"],
        metavar="SIDE",
        default="either",
        help="by which side the fixes have to be in place: patched, by this package; native, by "
        "the SDK; either (the default)",
    )
    return parser, commands


def _observed(require: Require) -> StatusReport:
    """Import the SDK's model, apply the patch, and observe."""
    problem, worker_problem = "", None
    for name, value in _upstream.OFFLINE.items():
        os.environ.setdefault(name, value)
    # What the SDK prints while it is imported is not part of the answer.
    with contextlib.redirect_stdout(sys.stderr):
        observed = apply_patch()
        if _upstream.is_there():
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
            if not problem:
                from ._status import worker

                worker_problem = worker.problem()
    return StatusReport(observed, problem, worker_problem, require)
