"""Every order of importing, patching, reloading and forking ends in the same state."""

from __future__ import annotations

import pytest

from agentex_usage_patch import _upstream

from ..children import AFFECTED, ANSWER, CALL, UNPATCHED, child

pytestmark = pytest.mark.processes

_SDK = _upstream.MODULE

#: After each, the test makes a call, removes the patch, and makes another call.
ORDERS = {
    "import the name, patch": f"""
from {_SDK} import {_upstream.CLASS} as named
apply_patch()
assert sys.modules["{_SDK}"].{_upstream.CLASS} is named
""",
    "patch twice, import": f"apply_patch()\napply_patch()\nimport {_SDK}",
    "import, patch twice": f"import {_SDK}\napply_patch()\napply_patch()",
    "patch, remove twice, import, patch": f"""
apply_patch()
remove_patch()
remove_patch()
import {_SDK}
apply_patch()
""",
    "import, patch, remove twice, patch": f"""
import {_SDK}
apply_patch()
remove_patch()
remove_patch()
apply_patch()
""",
    "patch, import, reload": f"""
apply_patch()
import {_SDK}
importlib.reload(sys.modules["{_SDK}"])
""",
    "import, patch, reload twice": f"""
import {_SDK}
apply_patch()
importlib.reload(sys.modules["{_SDK}"])
importlib.reload(sys.modules["{_SDK}"])
""",
    "import, reload, patch": f"""
import {_SDK}
importlib.reload(sys.modules["{_SDK}"])
apply_patch()
""",
    "patch, import, forget, import": f"""
apply_patch()
import {_SDK}
del sys.modules["{_SDK}"]
import {_SDK}
""",
    "patch, import, fork": f"""
apply_patch()
import {_SDK}
fork()
""",
    "patch, import, fork while another thread holds the lock": f"""
apply_patch()
import {_SDK}
held = threading.Event()
def hold():
    with apply._lock:
        held.set()
        threading.Event().wait()
threading.Thread(target=hold, daemon=True).start()
held.wait()
fork()
""",
    "import in several threads while another one patches": f"""
barrier = threading.Barrier(5)
def run(do):
    barrier.wait()
    do()
imports = [lambda: importlib.import_module("{_SDK}")] * 4
threads = [threading.Thread(target=run, args=[do]) for do in [*imports, apply_patch]]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
""",
}

_BEGIN = """
import importlib, os, threading
from agentex_usage_patch import apply_patch, remove_patch, status
from agentex_usage_patch._patching import apply
finders = list(sys.meta_path)
def fork():
    # The code continues in the child; the parent exits with the child's exit code.
    child = os.fork()
    if child:
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""

_END = f"""
seen("patched", status())
{CALL}
said["answer"] = said["call"]
seen("removed", remove_patch())
{CALL}
found = vars(calls.sdk.{_upstream.CLASS})["{_upstream.METHOD}"]
said["original"] = type(found).__name__, found.__module__
said["finders"] = [repr(finder) for finder in sys.meta_path if "PostImportHook" in repr(finder)]
"""


@pytest.mark.parametrize("order", ORDERS)
def test_every_order_ends_in_the_same_state(order: str) -> None:
    said = child(_BEGIN + ORDERS[order] + _END)
    assert said["patched"]["states"] == ["patched" if AFFECTED else "native"]
    assert said["answer"] == ANSWER
    # One line for each application, and no other lines.
    times = 1 + (order == "import, patch, remove twice, patch")
    old_class = AFFECTED and order == "import, reload, patch"
    assert ("from before a reload, is not patched" in said["patched"]["summary"]) is old_class
    level = "WARNING" if old_class else "INFO"
    assert said["lines"] == [[level, said["patched"]["summary"]]] * times
    assert said["removed"]["states"] == ["missing" if AFFECTED else "native"]
    assert said["call"] == UNPATCHED
    assert said["original"] == ["function", _SDK]
    assert said["finders"] == []


def test_model_from_before_a_reload_stays_patched_until_removal() -> None:
    said = child(f"""
import importlib
from agentex_usage_patch import apply_patch, remove_patch
apply_patch()
{CALL}
model_class = calls.sdk.{_upstream.CLASS}
importlib.reload(calls.sdk)
assert calls.sdk.{_upstream.CLASS} is not model_class
calls.sdk.{_upstream.CLASS}, reloaded = model_class, calls.sdk.{_upstream.CLASS}
{CALL}
said["before"] = said["call"]
calls.sdk.{_upstream.CLASS} = reloaded
remove_patch()
calls.sdk.{_upstream.CLASS} = model_class
{CALL}
""")
    assert said["before"] == ANSWER
    assert said["call"] == UNPATCHED
