"""The command ``scan``: where the agents of a tree stand, and what to do with each."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ._scan_advice import advise
from ._scan_agents import find_agents
from ._scan_commands import find_commands
from ._scan_progress import Progress
from ._scan_report import AgentReport, ScanReport
from ._scan_versions import Requirements
from ._scan_walk import NotRead, walk


def scan(paths: Sequence[str], *, as_json: bool = False, check: bool = False) -> int:
    """Read the trees, print the report, return the exit code; change and import nothing.

    0: read. 1: something is to be done, with ``check``. 2: a path is no folder.
    """
    roots = []
    for path in paths:
        try:
            root = Path(os.path.realpath(path, strict=True))
            if not root.is_dir():
                raise NotADirectoryError(0, "it is not a folder")
        except OSError as error:
            print(f"{path}: {error.strerror}. Name the folder of an agent or of a monorepo, "
                  "for instance: agentex-usage-patch scan .", file=sys.stderr)  # fmt: skip
            return 2
        roots.append(root)
    report = examine(roots)
    if as_json:
        print(json.dumps(report.as_dict(), indent=2))
    else:
        report.print()
    return 1 if check and report.due else 0


def examine(roots: Sequence[Path]) -> ScanReport:
    """Read the trees and return what is to be told; a tree within another is read once."""
    outermost = [root for root in dict.fromkeys(roots)
                 if not any(other in root.parents for other in roots)]  # fmt: skip
    agents: list[AgentReport] = []
    not_read: list[NotRead] = []
    with Progress() as progress:
        for root in outermost:
            progress.stage("looking for files")
            tree = walk(root, progress.went)
            progress.stage("reading", len(tree.python))
            requirements = Requirements(tree)
            found = {agent.folder: (agent, requirements.of(agent.folder))
                     for agent in find_agents(tree, progress.went)}  # fmt: skip
            removing = frozenset(folder for folder, (_, versions) in found.items()
                                 if versions.needs_none)  # fmt: skip
            commands = find_commands(tree, list(found), removing)
            for folder, (agent, versions) in found.items():
                actions = advise(agent, versions, commands.get(folder, ()))
                agents.append(AgentReport(agent, versions, tuple(actions)))
            not_read += tree.not_read
    return ScanReport(tuple(outermost), tuple(agents), tuple(sorted(set(not_read))))
