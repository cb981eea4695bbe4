"""The agents of a tree: which files are whose, and what they use of which patch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ._scan_calls import InHouse, Modules, Place, in_house, module_parts
from ._scan_code import MARKS, OURS, Code, Use, check_syntax, read_code
from ._scan_owners import Owners
from ._scan_walk import PYTHON_LIMIT, NotRead, NotReadError, Tree, read

#: The file that starts an agent, by the convention of agentex-sdk.
WORKER_FILE = "run_worker.py"
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

    @property
    def runs(self) -> bool:
        """Something in it runs or uses a model, even if that cannot be read."""
        return self.worker is not None or (self.folder / WORKER_FILE).exists()


def find_agents(tree: Tree, went: Callable[[], None]) -> list[Agent]:
    """Read the Python files of a tree and return its agents; ``went`` counts the files.

    Every file of an agent has its syntax checked, any other only where it names something
    that matters. What is not Python is added to ``tree.not_read``.
    """
    codes: dict[Path, Code] = {}
    for path in tree.python:
        went()
        _read(tree, codes, path, MARKS)
    patches = [each for code in codes.values() if not is_test(tree, code.path)
               for each in in_house(code)]  # fmt: skip
    owners = _owners(tree, codes)
    agents = {folder: Agent(folder) for folder in sorted(owners.folders)}
    owned = {path: owner for path in tree.python if (owner := owners.of(path.parent))}
    called = tuple({name.encode() for patch in patches for name in patch.names})
    missed = {each.path for each in tree.not_read}
    for path, owner in owned.items():
        if path not in codes and path not in missed:
            _read(tree, codes, path, called, check=True)
        if path in codes:
            agents[owner].codes.append(codes[path])
    running = {folder for folder, agent in agents.items()
               if any(_starts(code.path) or code.worker for code in agent.codes)}  # fmt: skip
    modules = Modules(tree.python, owned, frozenset(agents) - running)
    used = modules.used_otherwise(codes.values(), patches)
    for agent in agents.values():
        _use(agent, modules, patches, used)
        agent.applied = [each for each in agent.applied if not is_test(tree, each.path)]
    return list(agents.values())


def is_test(tree: Tree, path: Path) -> bool:
    """Say whether a file tests an agent, and is no part of a running one."""
    inside = path.relative_to(tree.root).parts
    return "tests" in inside[:-1] or path.name.startswith("test_") or path.name == "conftest.py"


def _read(
    tree: Tree,
    codes: dict[Path, Code],
    path: Path,
    marks: tuple[bytes, ...],
    *,
    check: bool = False,
) -> None:
    """Read a file that holds one of the marks, if there are any; else only ``check`` it."""
    try:
        source = read(path, PYTHON_LIMIT)
        if _starts(path) or module_parts(path)[-1] == OURS or any(mark in source for mark in marks):
            codes[path] = read_code(path, source)
        elif check:
            check_syntax(source)
    except NotReadError as error:
        tree.not_read.append(NotRead(path, str(error)))


def _owners(tree: Tree, codes: dict[Path, Code]) -> Owners:
    """Return whose a file is: of the agents that are run, then of what uses a model."""
    running = [code for code in codes.values() if not is_test(tree, code.path)]
    folders = {path.parent for path in tree.python if _starts(path) and not is_test(tree, path)}
    for kind in (
        [code for code in running if code.worker],
        [code for code in running if code.model or code.patches],
    ):
        owners = Owners(tree, folders)
        without = {code.path.parent for code in kind if owners.of(code.path.parent) is None}
        # An outer folder first: what lies below it is then part of it.
        for folder in sorted(without, key=lambda folder: len(folder.parts)):
            if not any(folder.is_relative_to(other) for other in folders):
                folders.add(folder)
    return Owners(tree, folders)


def _use(agent: Agent, modules: Modules, patches: list[InHouse], used: set[Path]) -> None:
    """Note an agent's own patches, and what it uses of any and of this package."""
    codes = {code.path: code for code in agent.codes}
    agent.patches = [each for each in patches if each.path in codes]
    agent.alone = frozenset(
        each.path for each in agent.patches
        if not (each.path in used or codes[each.path].worker or _starts(each.path))
    )  # fmt: skip
    agent.worker = _worker(agent)
    agent.uses = [each for each in modules.uses(agent.codes, patches)
                  if each.path not in agent.alone]  # fmt: skip
    for code in agent.codes:
        if modules.is_installed(code.path):
            for use, what in _all(code):
                place = Place(code.path, use.line, use.end, what)
                if use.name.partition(".")[0] == OURS:
                    agent.ours.append(place)
                if (use.name, what) in _APPLIES:
                    agent.applied.append(place)


def _all(code: Code) -> Iterator[tuple[Use, Literal["import", "call"]]]:
    yield from ((use, "import") for use in code.imports)
    yield from ((use, "call") for use in code.calls)


def _starts(path: Path) -> bool:
    return path.name == WORKER_FILE


def _worker(agent: Agent) -> Code | None:
    """Return the file to apply a patch in: the one that starts, builds the worker, or uses a
    model for more than an in-house patch.
    """

    def rank(code: Code) -> tuple[bool, bool, int]:
        return not _starts(code.path), not code.worker, len(code.path.parts)

    some = [code for code in agent.codes if _starts(code.path) or code.worker or code.model]
    return min((code for code in some if code.path not in agent.alone), key=rank, default=None)
