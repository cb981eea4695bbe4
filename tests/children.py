"""Code that runs in a process of its own, with the SDK that is installed here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from agentex_usage_patch import _upstream

AFFECTED = _upstream.within(_upstream.sdk_version(), _upstream.AFFECTED)
ROOT = Path(__file__).parents[1]

_BEGIN = """
import json, logging, sys
lines = []
handler = logging.Handler()
handler.emit = lambda record: lines.append([record.levelname, record.getMessage()])
logging.getLogger("agentex_usage_patch").addHandler(handler)
logging.getLogger("agentex_usage_patch").setLevel(logging.DEBUG)
said = {"lines": lines}

def seen(name, status):
    loaded = {module.partition(".")[0] for module in sys.modules}
    said[name] = {
        "states": sorted({fix.state for fix in status.fixes}),
        "summary": status.summary,
        "model": status.model,
        "loaded": sorted(loaded & {"agentex", "agents", "openai", "rich", "pydantic"}),
    }
"""

#: One call, made as the tests of the equations make it.
CALL = """
import asyncio
from tests import calls
from tests.clients import ask
from tests.wire import Wire, completed
for name in ("streaming_task_id", "streaming_trace_id", "streaming_parent_span_id"):
    getattr(calls.sdk, name).set("id")
async def call():
    wire = Wire([completed()])
    result = await ask(calls.make_model(wire.client()), conversation_id="conv_1")
    return calls.tokens(result.usage), wire.bodies[0].get("conversation")
said["call"] = asyncio.run(call())
"""

ANSWER = [[1234, 56, 1290, 987, 42], "conv_1"]
UNPATCHED = [[0] * 5, None] if AFFECTED else ANSWER


def child(code: str, *paths: Path, **environment: str) -> Any:
    """Run code in a process of its own, and return what it said of itself."""
    done = subprocess.run(
        [sys.executable, "-c", f"{_BEGIN}{code}\nprint(json.dumps(said))"],
        env={**_environment(*paths), **environment}, cwd=ROOT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


_FORKS = """
import json, os, sys, traceback
import agents, openai, {package}
for code in json.load(sys.stdin):
    child = os.fork()
    if not child:
        try:
            exec(code, {{}})
            sys.stdout.flush()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        print("null", flush=True)
"""


def forked(codes: list[str], package: str) -> list[Any]:
    """Run each code in a process of its own; return what each said of itself.

    They are forks of one process that has imported a package which holds what the SDK's
    module imports, but neither the module nor ours: seconds are saved for each. One
    that failed has said None.
    """
    done = subprocess.run(
        [sys.executable, "-c", _FORKS.format(package=package)],
        input=json.dumps([f"{_BEGIN}{code}\nprint(json.dumps(said))" for code in codes]),
        env=_environment(), cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    print(done.stderr)
    assert done.returncode == 0
    said = [json.loads(line) for line in done.stdout.splitlines() if line[:1] in "{n"]
    assert len(said) == len(codes)
    return said


def _environment(*paths: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (*paths, ROOT))),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "OPENAI_API_KEY": "sk-test",
    }
