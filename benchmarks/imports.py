"""What a worker's start and the commands cost, beside the import of the SDK."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from agentex_usage_patch import _upstream

from .rounds import keep

PROCESSES = 3

_START = """
import json, sys, time
seconds = {}
def took(name, since):
    seconds[name] = time.thread_time() - since
"""
_PACKAGE = """
now = time.thread_time()
import agentex_usage_patch
took("import, without the SDK", now)
of_the_sdk = {"agentex", "agents", "openai", "rich", "pydantic"} & set(sys.modules)
assert not of_the_sdk, of_the_sdk
"""
_BESIDE_WRAPT = """
import wrapt
now = time.thread_time()
import agentex_usage_patch
took("import, with wrapt imported", now)
"""
_WORKER = f"""
now = time.thread_time()
import {_upstream.MODULE}
took("import of the SDK's model", now)
now = time.thread_time()
import agentex_usage_patch
status = agentex_usage_patch.apply_patch()
took("import and apply", now)
assert status.complete, status
"""
_MODEL = f"import {_upstream.MODULE}"
_WHOLE = f"{_MODEL}, {_upstream.WORKER_MODULE}, {_upstream.ACTIVITIES_MODULE}"
#: What each command imports of the SDK: status in its process, verify in its two others.
_SDK_OF = {"status": (_WHOLE,), "verify": (_MODEL, _WHOLE)}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        # An installed package has its bytecode. This environment may be told to write none.
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder, **_upstream.WORKER_ENVIRONMENT}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for code in (_PACKAGE, _BESIDE_WRAPT, _WORKER):
            _seconds(code, environment)  # which compiles
            for _ in range(PROCESSES):
                for name, seconds in _seconds(code, environment).items():
                    keep(name, "start", [seconds], clock="thread_time")
        for command, imports in _SDK_OF.items():
            run = ["-m", "agentex_usage_patch", command]
            measured = {
                command: [run],
                f"{command}: import of the SDK": [["-c", each] for each in imports],
            }
            for number in range(1 + PROCESSES):
                for name, processes in measured.items():  # in turns, as calls are
                    seconds = sum(_cpu_time(each, environment) for each in processes)
                    if number:  # the first one compiles
                        keep(name, "commands", [seconds], clock="times")
    compiled = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    for _ in range(PROCESSES):
        with tempfile.TemporaryDirectory() as empty:
            found = _seconds(_BESIDE_WRAPT, {**compiled, "PYTHONPYCACHEPREFIX": empty})
        for name, seconds in found.items():
            keep(f"{name}, not compiled", "start", [seconds], clock="thread_time")


def _seconds(code: str, environment: dict[str, str]) -> dict[str, float]:
    """Run code in a process of its own, and return the seconds that it says."""
    program = f"{_START}{code}\nprint(json.dumps(seconds))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True, stdout=subprocess.PIPE, text=True, env=environment, cwd=_ROOT,
    )  # fmt: skip
    seconds: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return seconds


def _cpu_time(arguments: list[str], environment: dict[str, str]) -> float:
    """Return the CPU seconds of a process and of those that it starts."""
    before = os.times()
    done = subprocess.run(
        [sys.executable, *arguments],
        check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment,
        cwd=_ROOT,
    )  # fmt: skip
    assert done.returncode in (0, 1), done  # 1: not applied, and that is what a command says
    after = os.times()
    used = after.children_user + after.children_system
    return used - before.children_user - before.children_system


_ROOT = Path(__file__).resolve().parents[1]

if __name__ == "__main__":
    main()
