"""The command ``scan``: where the agents of a tree stand, and what to do with each."""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from ._scan_advice import advise, upward
from ._scan_agents import Agent, SharedFile, find_agents
from ._scan_commands import Called, find_commands
from ._scan_elsewhere import advise_elsewhere
from ._scan_progress import Progress
from ._scan_report import AgentReport, ScanReport
from ._scan_versions import Requirements, Versions
from ._scan_walk import Tree, walk


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
    read: list[tuple[Tree, Requirements, list[Agent]]] = []
    found: list[tuple[Agent, Versions]] = []
    others: list[SharedFile] = []
    with Progress() as progress:
        for root in outermost:
            progress.stage("looking for files")
            tree = walk(root, progress.went)
            progress.stage("reading", len(tree.python))
            requirements = Requirements(tree)
            agents, files = find_agents(tree, progress.went)
            found += ((agent, _versions(requirements, agent)) for agent in agents)
            others += files
            read.append((tree, requirements, agents))
    needing = frozenset(agent.folder for agent, versions in found if not versions.needs_none)
    calls: dict[Path | None, list[Called]] = defaultdict(list)
    for tree, _, agents in read:
        for owner, called in find_commands(tree, [each.folder for each in agents], needing):
            calls[owner].append(called)
    reports = [
        AgentReport(agent, versions, tuple(advise(agent, versions, needing, calls[agent.folder])))
        for agent, versions in found
    ]
    told = {action.path for report in reports for action in report.actions}
    told |= {versions.patch.file for _, versions in found if versions.patch}
    # While some need this package, what states it around any agent may be for them.
    required = [each for _, requirements, agents in read
                for each in requirements.elsewhere(
                    [agent.folder for agent in agents if needing], told
                )]  # fmt: skip
    due = bool(found) and not needing
    rest = upward(advise_elsewhere(others, required, calls[None], due=due))
    not_read = {each for tree, _, _ in read for each in tree.not_read}
    return ScanReport(tuple(outermost), tuple(reports), tuple(rest), tuple(sorted(not_read)))


def _versions(requirements: Requirements, agent: Agent) -> Versions:
    """Return what is stated for an agent, and note what it gets with what it shares."""
    versions = requirements.of(agent.folder)
    own = {code.path for code in agent.codes}
    brought = (requirements.brought(versions, path)
               for path, _ in agent.applied if path not in own)  # fmt: skip
    agent.brought = next(filter(None, brought), None)
    return versions
