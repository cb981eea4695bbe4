"""The command ``scan``: where the agents of a tree stand, and what is next for each."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from .agents import Agent, find_agents
from .report import Report


def scan(paths: Sequence[str], *, as_json: bool = False, check: bool = False) -> int:
    """Read the trees, print the report, and return the exit code.

    Nothing of a tree is imported, run or changed. 0: read. 1: with ``check``, an agent needs
    work. 2: a path is no folder.
    """
    roots = []
    for path in paths or ["."]:
        try:
            root = Path(os.path.realpath(path, strict=True))
            if not root.is_dir():
                raise NotADirectoryError(0, "it is not a folder")
        except OSError as error:
            print(f"{path}: {error.strerror}. Name the folder of an agent or of a monorepo, "
                  "for instance: agentex-usage-patch scan .", file=sys.stderr)  # fmt: skip
            return 2
        roots.append(root)
    agents: list[Agent] = []
    not_read: dict[Path, str] = {}
    for root in dict.fromkeys(roots):
        if not any(other in root.parents for other in roots):
            found, missed = find_agents(root)
            agents += found
            not_read |= missed
    report = Report(roots, agents, not_read)
    if as_json:
        print(json.dumps(report.as_dict(), indent=2))
    else:
        report.print()
    return 1 if check and report.due else 0
