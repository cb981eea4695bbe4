"""What names this package and is no Python: the health checks of containers, and scripts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from ._scan_owners import Owners
from ._scan_walk import PYTHON_LIMIT, NotRead, NotReadError, Tree, read

#: A scan needs nothing of an agent, and may go on.
_NAMED = re.compile(rb"agentex[-_]usage[-_]patch(?! scan\b)", re.IGNORECASE)


def find_commands(
    tree: Tree, agents: Iterable[Path], needing: frozenset[Path]
) -> Iterator[tuple[Path | None, Path, int]]:
    """Yield each line that names this package, with the folder of the agent that it is for.

    The lines for agents that are ``needing`` the package are not looked for, nor, while some
    are, those for no agent. What could not be read is added to ``tree.not_read``.
    """
    owners = Owners(tree, agents)
    for path in tree.starting:
        owner = owners.of(path.parent)
        if owner in needing or (owner is None and needing):
            continue
        try:
            lines = read(path, PYTHON_LIMIT).splitlines()
        except NotReadError as error:
            tree.not_read.append(NotRead(path, str(error)))
            continue
        for number, line in enumerate(lines, 1):
            if _NAMED.search(line):
                yield owner, path, number
