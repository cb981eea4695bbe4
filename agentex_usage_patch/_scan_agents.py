"""The agents of a tree: which files are whose, and what they use of which patch."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ._scan_calls import InHouse, InHouseUses, Place, in_house
from ._scan_code import MARKS, OURS, WORKER_FILE, Code, Use, read_code
from ._scan_modules import Modules, module_parts
from ._scan_owners import Owners
from ._scan_syntax import check_syntax
from ._scan_walk import PYTHON_LIMIT, NotRead, NotReadError, Tree, read

#: What may be a name in a file; others than these are written by nobody for a module.
_NAME = re.compile(rb"[A-Za-z_]\w*")
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
    applied: list[tuple[Path, Use]] = field(default_factory=list)
    ours: list[tuple[Path, Use]] = field(default_factory=list)

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
        with _naming_unread(tree, path):
            source = read(path, PYTHON_LIMIT)
            hides = module_parts(path)[-1] == OURS
            if _starts(path) or hides or any(mark in source for mark in MARKS):
                codes[path] = read_code(path, source)
    patching = {path: in_house(code) for path, code in codes.items() if not is_test(tree, path)}
    patches = [each for found in patching.values() for each in found]
    owners = _owners(tree, codes)
    agents = {folder: Agent(folder) for folder in sorted(owners.folders)}
    owned = {path: owner for path in tree.python if (owner := owners.of(path.parent))}
    running = {owned[code.path] for code in codes.values()
               if code.path in owned and (_starts(code.path) or code.worker)}  # fmt: skip
    modules = Modules(tree.python, owned, frozenset(agents) - running)
    uses = _uses(tree, codes, owned, patches, modules)
    for path, owner in owned.items():
        if path in codes:
            agents[owner].codes.append(codes[path])
    for agent in agents.values():
        agent.patches = [each for code in agent.codes for each in patching.get(code.path, ())]
        _use(agent, modules, uses)
        applying = (each for each in agent.ours if (each[1].name, each[1].what) in _APPLIES)
        agent.applied = [(path, use) for path, use in applying if not is_test(tree, path)]
    # A script that is nobody's is told of with the patch that it uses.
    for path in sorted(codes.keys() - owned.keys()):
        for owner in [owned[each] for each in uses.led_to(codes[path]) if each in owned][:1]:
            agents[owner].uses += uses.of(path)
    return list(agents.values())


def _uses(
    tree: Tree,
    codes: dict[Path, Code],
    owned: Mapping[Path, Path],
    patches: list[InHouse],
    modules: Modules,
) -> InHouseUses:
    """Return what uses the patches; read what names them, and what names what only calls them."""
    asked = {name for patch in patches for name in patch.names}
    missed = {each.path for each in tree.not_read}
    naming: dict[str, list[Path]] = defaultdict(list)
    for path in tree.python if asked else owned:
        if path in codes or path in missed:
            continue
        with _naming_unread(tree, path):
            source = read(path, PYTHON_LIMIT)
            names = set(map(bytes.decode, _NAME.findall(source))) if asked else set[str]()
            if asked.isdisjoint(names):
                if path in owned:
                    check_syntax(source)
                for name in names:
                    naming[name].append(path)
            else:
                codes[path] = read_code(path, source)
    uses = InHouseUses(patches, modules)
    for code in codes.values():
        uses.look(code)
    while waiting := uses.functions - asked:
        asked |= waiting
        for path in (path for name in waiting for path in naming.get(name, ())):
            with _naming_unread(tree, path):
                if path not in codes:
                    codes[path] = read_code(path, read(path, PYTHON_LIMIT))
                    uses.look(codes[path])
    uses.end()
    return uses


@contextmanager
def _naming_unread(tree: Tree, path: Path) -> Iterator[None]:
    """Add a file to those that are not read where it turns out so."""
    try:
        yield
    except NotReadError as error:
        tree.not_read.append(NotRead(path, str(error)))


def is_test(tree: Tree, path: Path) -> bool:
    """Say whether a file tests an agent, and is no part of a running one."""
    inside = path.relative_to(tree.root).parts
    return "tests" in inside[:-1] or path.name.startswith("test_") or path.name == "conftest.py"


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
            if folders.isdisjoint((folder, *folder.parents)):
                folders.add(folder)
    return Owners(tree, folders)


def _use(agent: Agent, modules: Modules, uses: InHouseUses) -> None:
    """Note what an agent uses of in-house patches and of this package."""
    agent.alone = uses.alone & {patch.path for patch in agent.patches}
    agent.worker = _worker(agent)
    for code in agent.codes:
        if code.path not in agent.alone:
            agent.uses += uses.of(code.path)
        if modules.is_installed(code.path):
            for use in code.uses:
                if use.imported and use.name.partition(".")[0] == OURS:
                    agent.ours.append((code.path, use))


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
