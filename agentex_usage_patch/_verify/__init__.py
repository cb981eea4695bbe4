"""The command ``verify``: the installed SDK over real HTTP, without and with the patch."""

from __future__ import annotations

import asyncio
import json

from .. import _upstream
from .._picture import can_be_drawn, draw
from .report import Report


def verify(*, as_json: bool = False, svg: str = "") -> int:
    """Run two chained turns without and with the patch, print the table, return the exit code.

    0: every row is right with the patch. 1: one is not, or the SDK could not be run.
    2: ``svg`` is a file into which no picture of the table can be drawn. 3: agentex-sdk is
    not installed. Everything stays on loopback; nothing is changed.
    """
    if svg and not can_be_drawn(svg):
        return 2
    there = _upstream.is_there()
    if not there:
        report = Report(None, (), ())
    else:
        from .comparison import compare  # needs aiohttp, which comes with the SDK

        report = asyncio.run(compare(_upstream.sdk_version() or _upstream.UNKNOWN))
    if as_json:
        print(json.dumps(report.as_dict(), indent=2))
    else:
        report.print()
    if not there:
        return 3
    if svg and not draw(report.show, svg):
        return 2
    return 0 if report.right else 1
