"""The command ``verify``: run the installed SDK over HTTP, without and with the patch."""

from __future__ import annotations

import asyncio
from pathlib import Path

from .. import _upstream
from .report import Comparison


def verify(*, as_json: bool = False, svg: Path | None = None) -> int:
    """Make two chained turns without and with the patch, print them, return the exit code.

    The servers are on loopback. Nothing is changed, except that ``svg`` names a file for a
    picture of the report.

    0: every row is right with the patch, and a worker can be built. 1: otherwise. 2: the picture
    cannot be written. 3: agentex-sdk is not installed.
    """
    comparison = Comparison(None)
    if _upstream.is_installed():
        from .comparison import compare  # needs aiohttp, which comes with the SDK

        comparison = asyncio.run(compare(_upstream.sdk_version() or _upstream.UNKNOWN))
    return comparison.report().publish(as_json=as_json, svg=svg)
