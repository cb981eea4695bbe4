"""Measure a scan of 10,000 Python files: none of them matters, or all do."""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

from agentex_usage_patch import _upstream, cli

FILES = 10_000
IN_AGENT = 100

_MODEL = f"from {_upstream.MODULE} import {_upstream.CLASS}\n"
_KINDS = {
    "nothing that matters": "",
    "the model": f"{_MODEL}model = {_upstream.CLASS}()\n",
    "this package": "from agentex_usage_patch import apply_patch\napply_patch()\n",
    "an in-house patch": (
        f"{_MODEL}def install():\n    {_upstream.CLASS}.{_upstream.METHOD} = None\ninstall()\n"
    ),
}
_FUNCTION = '''

def step_{0}(amount):
    """Add up numbers, to have some code."""
    total = 0
    for each in range(amount):
        if each % {0}:
            total += each
    return {{"total": total, "of": [amount, str(amount)]}}
'''
_CODE = "".join(_FUNCTION.format(number) for number in range(1, 11))


def main() -> None:
    """Print a table with a row for each kind of tree, or for those given as arguments."""
    print("| each file names | files | seconds | of CPU |")
    print("| --- | --: | --: | --: |")
    for kind in sys.argv[1:] or _KINDS:
        for files in (FILES // 2, FILES):
            with tempfile.TemporaryDirectory() as folder:
                _write(Path(folder), _KINDS[kind], files)
                wall, cpu = perf_counter(), process_time()
                with contextlib.redirect_stdout(io.StringIO()):
                    cli.main(["scan", folder])
                wall, cpu = perf_counter() - wall, process_time() - cpu
            print(f"| {kind} | {files:,} | {wall:.1f} | {cpu:.1f} |", flush=True)


def _write(root: Path, head: str, files: int) -> None:
    for number in range(files):
        agent = root / f"agent{number // IN_AGENT}"
        if number % IN_AGENT == 0:
            agent.mkdir()
            (agent / "requirements.txt").write_text("agentex-sdk==0.10.4\n")
        (agent / f"module_{number}.py").write_text(head + _CODE)


if __name__ == "__main__":
    main()
