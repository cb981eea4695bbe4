"""The agents of a tree: which files are whose, and what they use of which patch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ._scan_calls import InHouse, Modules, Place, in_house
from ._scan_code import MARKS, OURS, Code, Use, read_code
from ._scan_walk import PYTHON_LIMIT, NotRead, NotReadError, Tree, read

_WORKER_FILE = "run_worker.py"
#: What applies this package, when it is called or when it is imported.
_APPLIES = frozenset({(f"{OURS}.apply_patch", "call"), (f"{OURS}.auto", "import")})


@dataclass
class Agent:
    """An agent by its folder, and what its files do.

    ``worker`` is the file that starts it, or else builds its worker or uses a model.
    ``patches`` are the in-house patches in its files, ``alone`` the files that are there
    for those alone, ``uses`` what imports and calls those and shared ones. ``applied`` are
    the places that apply this package, ``ours`` all that imports and calls it.
    """

    folder: Path
    worker: Code | None = None
    codes: list[Code] = field(default_factory=list)
    patches: list[InHouse] = field(default_factory=list)
    alone: frozenset[Path] = frozenset()
    uses: list[Place] = field(default_factory=list)
    applied: list[Place] = field(default_factory=list)
    ours: list[Place] = field(default_factory=list)


def find_agents(tree: Tree, went: Callable[[], None]) -> list[Agent]:
    """Read the Python files of a tree and return its agents; ``went`` counts the files.

    Every file of an agent is parsed, any other only where it names something that matters.
    What is not Python is added to ``tree.not_read``.
    """
    codes: dict[Path, Code] = {}
    for path in tree.python:
        went()
        _read(tree, codes, path, only_marked=path.name != _WORKER_FILE)
    folders = _folders(tree, codes)
    agents = {folder: Agent(folder) for folder in sorted(folders)}
    owned = {path: owner for path in tree.python if (owner := _owner(tree, folders, path))}
    for path, owner in owned.items():
        if path not in codes:
            went()
            _read(tree, codes, path, only_marked=False)
        if path in codes:
            agents[owner].codes.append(codes[path])
    _patches(tree, codes, owned, list(agents.values()))
    return list(agents.values())


def _patches(
    tree: Tree, codes: dict[Path, Code], owned: dict[Path, Path], agents: list[Agent]
) -> None:
    """Find the in-house patches, and each agent's uses of them and of this package."""
    patches = [each for code in codes.values() if not is_test(tree, code.path)
               for each in in_house(code)]  # fmt: skip
    libraries = frozenset(
        agent.folder
        for agent in agents
        if not any(_starts(code) or code.worker for code in agent.codes)
    )
    modules = Modules(tree.python, owned, libraries)
    used = modules.used_otherwise(codes.values(), patches)
    for agent in agents:
        agent.patches = [each for each in patches if owned.get(each.path) == agent.folder]
        agent.alone = frozenset(
            each.path for each in agent.patches
            if not (each.path in used or codes[each.path].worker or _starts(codes[each.path]))
        )  # fmt: skip
        agent.worker = _worker(agent)
        agent.uses = [place for place in modules.uses(agent.codes, patches)
                      if place.path not in agent.alone]  # fmt: skip
        for code in agent.codes:
            if not modules.is_installed(code.path):
                continue
            for use, what in _all(code):
                place = Place(code.path, use.line, use.end, what)
                if use.name.partition(".")[0] == OURS:
                    agent.ours.append(place)
                if (use.name, what) in _APPLIES and not is_test(tree, code.path):
                    agent.applied.append(place)


def _all(code: Code) -> Iterator[tuple[Use, Literal["import", "call"]]]:
    yield from ((use, "import") for use in code.imports)
    yield from ((use, "call") for use in code.calls)


def _starts(code: Code) -> bool:
    return code.path.name == _WORKER_FILE


def is_test(tree: Tree, path: Path) -> bool:
    """Say whether a file tests an agent, and is no part of a running one."""
    inside = path.relative_to(tree.root).parts
    return "tests" in inside[:-1] or path.name.startswith("test_") or path.name == "conftest.py"


def _read(tree: Tree, codes: dict[Path, Code], path: Path, *, only_marked: bool) -> None:
    if any(each.path == path for each in tree.not_read):
        return
    try:
        source = read(path, PYTHON_LIMIT)
        if only_marked and b"\0" not in source and not any(mark in source for mark in MARKS):
            return
        codes[path] = read_code(path, source)
    except NotReadError as error:
        tree.not_read.append(NotRead(path, str(error)))


def _folders(tree: Tree, codes: dict[Path, Code]) -> set[Path]:
    """Return the folders of the agents: those of workers, then of what uses a model."""
    running = [code for code in codes.values() if not is_test(tree, code.path)]
    folders = {code.path.parent for code in running if _starts(code)}
    for kind in (
        [code for code in running if code.worker],
        [code for code in running if code.model or code.patches],
    ):
        without = [code.path for code in kind if _owner(tree, folders, code.path) is None]
        # An outer folder first: what lies below it is then part of it.
        for path in sorted(without, key=lambda path: len(path.parts)):
            if not any(path.is_relative_to(folder) for folder in folders):
                folders.add(path.parent)
    return folders


def _owner(tree: Tree, folders: Iterable[Path], path: Path) -> Path | None:
    """Return the folder of the agent that a file belongs to.

    That is the nearest around it; else the only one in its project, which is the nearest
    folder upward that states requirements.
    """
    known = set(folders)
    for each in path.parents:
        if each in known:
            return each
        if each == tree.root:
            break
    project = _project(tree, path.parent)
    beside = [folder for folder in known if project and _project(tree, folder) == project]
    return beside[0] if len(beside) == 1 else None


def _project(tree: Tree, folder: Path) -> Path | None:
    for each in (folder, *folder.parents):
        if each in tree.requirements:
            return each
        if each == tree.root:
            break
    return None


def _worker(agent: Agent) -> Code | None:
    """Return the file to apply a patch in: the one that starts, builds the worker, or uses a
    model for more than an in-house patch.
    """

    def rank(code: Code) -> tuple[bool, bool, int]:
        return not _starts(code), not code.worker, len(code.path.parts)

    some = [code for code in agent.codes if _starts(code) or code.worker or code.model]
    return min((code for code in some if code.path not in agent.alone), key=rank, default=None)
