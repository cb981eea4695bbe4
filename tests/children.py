"""Run code in a separate process, with the SDK of this environment."""

from __future__ import annotations

import atexit
import functools
import json
import os
import subprocess
import sys
import tempfile
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
        "bypasses": status.bypasses,
        "loaded": sorted(loaded & {"agentex", "agents", "openai", "rich", "pydantic"}),
    }
"""

#: Code that makes one call, as the tests of the equations do.
CALL = """
import asyncio
from tests import calls
from tests.clients import ask
from tests.wire import Wire, completed
calls.enter_task()
async def call():
    wire = Wire([completed()])
    result = await ask(calls.make_model(wire.client()), conversation_id="conv_1")
    return calls.tokens(result.usage), wire.bodies[0].get("conversation")
said["call"] = asyncio.run(call())
"""

ANSWER = [[1234, 56, 1290, 987, 42], "conv_1"]
UNPATCHED = [[0] * 5, None] if AFFECTED else ANSWER


def fresh(code: str, *paths: Path, **environment: str) -> Any:
    """Run code in a new interpreter, and return its ``said`` dictionary.

    Use it for code that must import the SDK for the first time, or import another SDK.
    """
    done = subprocess.run(
        [sys.executable, "-c", f"{_BEGIN}{code}\nprint(json.dumps(said))"],
        env={**_environment(*paths), **environment}, cwd=ROOT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def child(code: str, **environment: str) -> Any:
    """Run code in a fork of a server process, and return its ``said`` dictionary.

    The server has imported the dependencies of the SDK's module, but neither the module nor
    this package. This saves seconds: a first import of the SDK is slow.
    """
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder, "output"), Path(folder, "errors")
        request = [f"{_BEGIN}{code}\nprint(json.dumps(said))", environment]
        server = _server()
        assert server.stdin and server.stdout
        server.stdin.write(json.dumps([*request, str(output), str(errors)]) + "\n")
        server.stdin.flush()
        assert server.stdout.readline() == "0\n", errors.exists() and errors.read_text()
        return json.loads(output.read_text().splitlines()[-1])


_SERVER = """
import gc, json, os, sys, traceback
import agents, openai, agentex.lib.adk
assert "agentex_usage_patch" not in sys.modules
gc.freeze()
for request in sys.stdin:
    code, environment, *files = json.loads(request)
    child = os.fork()
    if not child:
        try:
            for number, file in enumerate(files, 1):
                os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
            os.environ.update(environment)
            exec(code, {"__name__": "__main__"})
            sys.stdout.flush()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@functools.cache
def _server() -> subprocess.Popen[str]:
    # Coverage would double the server's import time, and record nothing in its forks.
    environment = {
        name: value
        for name, value in _environment().items()
        if not name.startswith("COVERAGE_PROCESS")
    }
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVER],
        env=environment, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    atexit.register(server.communicate)
    return server


def _environment(*paths: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (*paths, ROOT))),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "OPENAI_API_KEY": "sk-test",
    }
