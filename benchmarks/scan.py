"""What a scan takes of 10,000 files: ordinary ones, and such as all name what matters."""

from __future__ import annotations

import contextlib
import io
import resource
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

from agentex_usage_patch import _upstream, cli

FILES = 10_000
IN_AGENT = 100

_WORKER = f"from agentex.lib.core.temporal.workers.worker import {_upstream.WORKER}\n"
_MODEL = f"from {_upstream.MODULE} import {_upstream.CLASS}\n"
_KINDS = {
    "nothing that matters": "",
    "the model": f"{_MODEL}model = {_upstream.CLASS}()\n",
    "this package": "from agentex_usage_patch import apply_patch\napply_patch()\n",
    "an in-house patch of its own": (
        f"{_MODEL}def install():\n    {_upstream.CLASS}.{_upstream.METHOD} = None\ninstall()\n"
    ),
}
_FUNCTION = '''

def step_{0}(amount):
    """Add up, as any code does."""
    total = 0
    for each in range(amount):
        if each % {0}:
            total += each
    return {{"total": total, "of": [amount, str(amount)]}}
'''
#: Some 100 lines, which is what a file has.
_CODE = "".join(_FUNCTION.format(number) for number in range(1, 11))


def main() -> None:
    print("| each file names | MB | seconds | of CPU | MiB at most so far |")
    print("| --- | --: | --: | --: | --: |")
    for kind in sys.argv[1:] or _KINDS:
        with tempfile.TemporaryDirectory() as folder:
            size = _write(Path(folder), _KINDS[kind])
            wall, cpu = perf_counter(), process_time()
            with contextlib.redirect_stdout(io.StringIO()):
                cli.main(["scan", folder])
            wall, cpu = perf_counter() - wall, process_time() - cpu
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"| {kind} | {size / 1e6:.0f} | {wall:.1f} | {cpu:.1f} | {memory:.0f} |", flush=True)


def _write(folder: Path, head: str) -> int:
    """Write agents of equal size, and return how many bytes they have."""
    size = 0
    for number in range(FILES):
        agent = folder / f"agent_{number // IN_AGENT}"
        if number % IN_AGENT == 0:
            agent.mkdir()
            (agent / "requirements.txt").write_text(f"{_upstream.DISTRIBUTION}==0.10.4\n")
            (agent / "run_worker.py").write_text(f"{_WORKER}{_upstream.WORKER}()\n")
            continue
        size += (agent / f"module_{number}.py").write_text(head + _CODE)
    return size


if __name__ == "__main__":
    main()
