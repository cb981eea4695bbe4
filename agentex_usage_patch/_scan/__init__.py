"""The command ``scan``: find the agents of a tree, and say what to do next for each."""

from __future__ import annotations

import gc
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from .agents import Agent, Finder
from .files import list_files
from .report import make_report


def scan(paths: Sequence[str], *, as_json: bool = False, check: bool = False) -> int:
    """Read the trees, print the report, and return the exit code.

    Nothing of a tree is imported, run or changed. Nested paths are scanned once. The exit code
    is 1 when ``check`` is set and an agent needs work, and 2 when a path is no folder.
    """
    roots = {Path(os.path.realpath(each)): each for each in paths or ["."]}
    for root, path in roots.items():
        if not root.is_dir():
            print(f"{path}: not a folder. Name the folder of an agent or of a monorepo, "
                  "for instance: agentex-usage-patch scan .", file=sys.stderr)  # fmt: skip
            return 2
    agents: list[Agent] = []
    not_read: dict[Path, str] = {}
    gc.disable()  # Syntax trees hold no cycles, and looking for some takes a fifth of the time.
    with warnings.catch_warnings(action="ignore"):  # those of the code that is read
        for root in roots:
            if roots.keys().isdisjoint(root.parents):
                tree = list_files(root)
                agents += Finder(tree).agents()
                not_read |= tree.not_read
    gc.enable()
    report = make_report(list(roots.values()), agents, not_read, check=check)
    return report.publish(as_json=as_json)
