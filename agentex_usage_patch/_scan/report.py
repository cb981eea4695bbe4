"""Turn agents into the report that ``scan`` prints."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .. import _upstream
from .._report import Report
from .agents import Agent
from .requirements import PATCH

_COLUMNS = ("agent", _upstream.DISTRIBUTION, "verdict", "next")
#: The user and the password in a URL. JSON has a space between two strings.
_CREDENTIALS = re.compile(r"://[^\s/]*@")
_HOW = (
    "At the top of the file that builds the provider: from agentex_usage_patch import apply_patch; "
    f"apply_patch()\nIn the requirements: {PATCH}"
)


def make_report(
    paths: Sequence[str], agents: Sequence[Agent], not_read: dict[Path, str], *, check: bool
) -> Report:
    """Return the report. With ``check``, its exit code is 1 when an agent needs work."""
    table = [(_shown(each.folder), each.sdk.said if each.sdk else "", each.verdict, each.next)
             for each in agents]  # fmt: skip
    # All that is printed, as one text: none of it is missed.
    text = json.dumps([table, _as_dict(agents, not_read)])
    rows, told = json.loads(_CREDENTIALS.sub("://***@", text))
    return Report(
        columns=_COLUMNS if rows else (),
        rows=[[*map(_printable, row)] for row in rows],
        sentences=list(_sentences(told, paths)),
        json=told,
        exit_code=int(check and told["due"] > 0),
    )


def _as_dict(agents: Sequence[Agent], not_read: dict[Path, str]) -> dict[str, Any]:
    """Return what ``--json`` prints: schema 2, which docs/scan.md describes."""
    return {
        "schema": 2,
        "agents": [
            {
                "folder": _shown(each.folder),
                "verdict": each.verdict,
                "sdk": each.sdk and {
                    "written": each.sdk.written, "version": each.sdk.version,
                    "file": _shown(each.sdk.file), "line": each.sdk.line,
                    "locked": each.sdk.locked,
                },
                "places": [{"file": _shown(file), "line": line, "what": what, "text": text}
                           for file, line, what, text, _ in each.places],
                "next": each.next,
            }
            for each in agents
        ],
        "not_read": [{"path": _shown(path), "reason": reason}
                     for path, reason in sorted(not_read.items())],
        "due": sum(each.due for each in agents),
    }  # fmt: skip


def _sentences(told: dict[str, Any], paths: Sequence[str]) -> Iterator[str]:
    """Yield the places, what was not read, what to type, and a summary."""
    agents, due = told["agents"], told["due"]
    for agent in agents:
        if agent["places"]:
            yield ""
        for each in agent["places"]:
            what = "" if each["what"] == "sdk" else f"{each['what']}: "
            yield _printable(f"{each['file']}:{each['line']}: {what}{each['text']}")
    if agents:
        yield ""
    for each in told["not_read"]:
        yield _printable(f"not read: {each['path']}: {each['reason']}")
    if any(each["verdict"] in ("needs patch", "in-house patch") for each in agents):
        yield _HOW
    # The tree itself is listed when it has lines of no agent.
    count = sum(each["sdk"] is not None or each["verdict"] != "remove" for each in agents)
    if count:
        yield f"{count} agent{'s' * (count > 1)}: {due or 'none'} need{'s' * (due == 1)} work."
    else:
        where = ", ".join(map(repr, paths))
        yield f"No agent in {where}: no code uses {_upstream.CLASS} of agentex-sdk."


def _shown(path: Path) -> str:
    """Return a path that a terminal in the current folder makes clickable."""
    here = os.getcwd()  # noqa: PTH109 - it is called for each line
    return "." if str(path) == here else str(path).removeprefix(f"{here}{os.sep}")


def _printable(text: str) -> str:
    """Return a text for one line: the name of a file can hold characters that move a cursor."""
    return "".join(each if each.isprintable() else "?" for each in text)
