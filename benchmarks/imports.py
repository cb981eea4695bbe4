"""What a worker's start costs: import and apply, beside the import of the SDK's model."""

from __future__ import annotations

import json
import subprocess
import sys

from agentex_usage_patch import _upstream

from .rounds import keep

PROCESSES = 3

_START = """
import json, sys, time
seconds = {}
def took(name, since):
    seconds[name] = time.thread_time() - since
now = time.thread_time()
"""
_PACKAGE = """
import agentex_usage_patch
took("import, without the SDK", now)
of_the_sdk = {"agentex", "agents", "openai", "rich", "pydantic"} & set(sys.modules)
assert not of_the_sdk, of_the_sdk
"""
_WORKER = f"""
import {_upstream.MODULE}
took("import of the SDK's model", now)
now = time.thread_time()
import agentex_usage_patch
status = agentex_usage_patch.apply_patch()
took("import and apply", now)
assert status.complete, status
"""


def main() -> None:
    for _ in range(PROCESSES):
        for code in (_PACKAGE, _WORKER):
            program = f"{_START}{code}\nprint(json.dumps(seconds))"
            done = subprocess.run(
                [sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True
            )
            for name, seconds in json.loads(done.stdout).items():
                keep(name, "start", [seconds], clock="thread_time")


if __name__ == "__main__":
    main()
