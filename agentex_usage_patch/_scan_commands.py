"""What names this package and is no Python: the health checks of containers, and scripts."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from ._scan_owners import Owners
from ._scan_walk import PYTHON_LIMIT, NotRead, NotReadError, Tree, read

#: A scan needs nothing of an agent, and may go on.
_NAMED = re.compile(rb"agentex[-_]usage[-_]patch(?! scan\b)", re.IGNORECASE)

#: A file and a line of it.
Place = tuple[Path, int]


def find_commands(
    tree: Tree, agents: Sequence[Path], removing: frozenset[Path]
) -> dict[Path, list[Place]]:
    """Return what names this package, by the folders of the agents that are to do without it.

    What is of no agent may be of any: it counts for the first when all are to do without. What
    could not be read is added to ``tree.not_read``.
    """
    found: dict[Path, list[Place]] = defaultdict(list)
    owners = Owners(tree, agents)
    of_nobody = agents[0] if removing.issuperset(agents) and agents else None
    for path in tree.starting:
        owner = owners.of(path.parent) or of_nobody
        if owner in removing:
            try:
                lines = read(path, PYTHON_LIMIT).splitlines()
            except NotReadError as error:
                tree.not_read.append(NotRead(path, str(error)))
                continue
            found[owner] += [(path, number) for number, line in enumerate(lines, 1)
                             if _NAMED.search(line)]  # fmt: skip
    return found
