"""What to do with the files that are of no agent, a line each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ._scan_advice import Action, calls, files, later, removals_in, requirement, workarounds
from ._scan_agents import SharedFile
from ._scan_commands import Called
from ._scan_locks import again
from ._scan_stated import Stated


def advise_elsewhere(
    found: Iterable[SharedFile],
    required: Iterable[tuple[Stated | None, Stated | None]],
    commands: Iterable[Called],
    *,
    due: bool,
) -> Iterator[Action]:
    """Yield what to do in the files that no agent imports, and where what is of no agent
    requires this package or calls it: that is ``due`` when no agent needs it any more.
    """
    found = list(found)
    # Copies with our name: what else holds one makes its folder an agent's. A package may be ours.
    yield from files(patch for file in found for patch in file.patches
                     if patch.path.name != "__init__.py")  # fmt: skip
    # A test has to go with what it tests, and is in nobody's way before.
    alone = [file for file in found if not file.agents and (due or not file.is_test)]
    removals = list(removals_in(alone))
    for written, made in required:
        removals += requirement(written, made, "", again(made.file) if made else "")
    removals += calls(commands, "")
    yield from removals if due else map(later, removals)
    # Whether an agent sends these is not known.
    fields = [(file.path, each) for file in alone for each in file.workarounds]
    for action in workarounds(fields, fixed=False):
        yield replace(action, due=False)
