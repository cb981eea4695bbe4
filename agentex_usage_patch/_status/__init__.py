"""The command ``status``: apply the patch in this process, build a worker, and report."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys

from .. import _upstream
from .._patching.apply import apply_patch
from . import worker
from .report import make_report


def status(require: str = "either", *, as_json: bool = False) -> int:
    """Apply the patch in this process, print what was observed, and return the exit code.

    Imports the model of the installed agentex-sdk and builds a worker. Connects to nothing.

    0: the required side (``patched``, ``native`` or ``either``) provides every fix, there is no
    conflict and no bypass, and a worker can be built. 1: otherwise. 3: agentex-sdk is not
    installed.
    """
    for name, value in _upstream.OFFLINE.items():
        os.environ.setdefault(name, value)
    # The SDK prints while it is imported. The standard output is for the report.
    with contextlib.redirect_stdout(sys.stderr):
        problem = _import_model() if _upstream.is_installed() else ""
        observed = apply_patch()
        built = worker.NOT_TRIED
        if _upstream.is_installed() and not problem:
            built = worker.build()
    return make_report(observed, problem, built, require).publish(as_json=as_json)


def _import_model() -> str:
    """Import the SDK's model and return why that failed, empty if it did not."""
    try:
        importlib.import_module(_upstream.MODULE)
    except Exception as error:  # noqa: BLE001 - a broken environment can raise anything
        return f"Its model cannot be imported: {worker.safe_text(error)}"
    return ""
