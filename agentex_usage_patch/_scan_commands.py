"""What names this package and is no Python: the health checks of containers, and scripts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ._scan_owners import Owners
from ._scan_walk import PYTHON_LIMIT, NotRead, NotReadError, Tree, read

_NAMED = re.compile(rb"agentex[-_]usage[-_]patch", re.IGNORECASE)
#: A scan needs nothing of an agent, and may go on. Its line may name the package more than once,
#: as in ``uvx --from``, and ``", "`` may be between the words.
_SCANS = re.compile(rb"(?!.*\bstatus\b).*agentex[-_]usage[-_]patch[^\w&|;]+scan\b", re.IGNORECASE)
#: Needed by a scan, too.
_INSTALLS = re.compile(rb"install|dependenc", re.IGNORECASE)
_HEALTH_CHECK = re.compile(rb"\s*HEALTHCHECK\s", re.IGNORECASE)


@dataclass(frozen=True)
class Called:
    """Lines that call this package, install it or set something for it."""

    path: Path
    line: int
    end: int
    #: They are a health check of a container as a whole, which cannot lose a line.
    checks: bool


def find_commands(
    tree: Tree, agents: Iterable[Path], needing: frozenset[Path]
) -> Iterator[tuple[Path | None, Called]]:
    """Yield each place that calls this package, with the folder of the agent that it is for.

    Those for agents that are ``needing`` the package are not looked for, nor, while some
    are, those for no agent. What could not be read is added to ``tree.not_read``.
    """
    owners = Owners(tree, agents)
    for path in tree.starting:
        owner = owners.of(path.parent)
        if owner in needing or (owner is None and needing):
            continue
        try:
            text = read(path, PYTHON_LIMIT)
        except NotReadError as error:
            tree.not_read.append(NotRead(path, str(error)))
            continue
        if _NAMED.search(text):  # few do
            yield from ((owner, Called(path, *lines)) for lines in _calling(text.splitlines()))


def _calling(lines: list[bytes]) -> Iterator[tuple[int, int, bool]]:
    """Yield the first and the last line of each place, and whether it is a health check."""
    scans = any(map(_SCANS.match, lines))
    number = 0
    while number < len(lines):
        first, checks = number, bool(_HEALTH_CHECK.match(lines[number]))
        while checks and number + 1 < len(lines) and _goes_on(lines[number]):
            number += 1
        number += 1
        if any(_calls(line, scans=scans) for line in lines[first:number]):
            yield first + 1, number, checks


def _goes_on(line: bytes) -> bool:
    """Say whether a statement of a Dockerfile goes on after a line, which may be a comment."""
    return line.rstrip().endswith(b"\\") or line.lstrip().startswith(b"#")


def _calls(line: bytes, *, scans: bool) -> bool:
    """Say whether a line needs this package, and not for a scan that its file does."""
    if not _NAMED.search(line) or _SCANS.match(line):
        return False
    return not (scans and _INSTALLS.search(line))
