"""The agents of a tree: which files are whose, and what they use of which patch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ._scan_calls import InHouse, InHouseUses, Place, in_house
from ._scan_code import WORKER_FILE, Code, Use
from ._scan_extra_args import Workaround
from ._scan_leads import Lead, Leads
from ._scan_modules import Modules
from ._scan_owners import Owners
from ._scan_reading import follow, read_marked
from ._scan_shared import Shared
from ._scan_stated import Stated
from ._scan_walk import Tree


@dataclass
class SharedFile:
    """A file that agents import, or nobody: ``ours`` are its imports and calls of this package,
    ``applied`` those that apply it, ``agents`` the folders of those that import it, themselves
    or through other such files. ``patches`` are the in-house patches in it, ``owner`` the folder
    of the agent whose it is, if it is one's.
    """

    path: Path
    owner: Path | None
    is_test: bool
    workarounds: list[Workaround]
    ours: list[Use]
    applied: list[Use]
    patches: list[InHouse]
    agents: set[Path] = field(default_factory=set)


@dataclass
class Agent:
    """An agent by its folder, and what its files do.

    ``worker`` is the file that starts it, or else builds its worker or uses a model.
    ``patches`` are the in-house patches in its files, ``alone`` the files that are there
    for those alone, ``uses`` what imports and calls those and shared ones. ``applied`` are
    the places that apply this package, ``ours`` all that imports and calls it. ``shared``
    are the files of no agent, or of one that does not run, that it imports, and ``importers``
    the folders of the agents that import some of its own. ``brought`` is where one of those
    files' projects requires this package, which the agent then gets with it.
    """

    folder: Path
    worker: Code | None = None
    codes: list[Code] = field(default_factory=list)
    patches: list[InHouse] = field(default_factory=list)
    alone: frozenset[Path] = frozenset()
    uses: list[Place] = field(default_factory=list)
    applied: list[tuple[Path, Use]] = field(default_factory=list)
    ours: list[tuple[Path, Use]] = field(default_factory=list)
    shared: list[SharedFile] = field(default_factory=list)
    importers: set[Path] = field(default_factory=set)
    brought: Stated | None = None

    @property
    def starts(self) -> bool:
        """Something in it starts a worker, even if that cannot be read."""
        return (self.folder / WORKER_FILE).exists() or any(code.worker for code in self.codes)

    @property
    def runs(self) -> bool:
        """Something in it starts a worker or uses a model, and no agent imports that: what is
        imported runs with the release, and the patch, of those who do.
        """
        return self.starts or (self.worker is not None and not self.importers)

    @property
    def workarounds(self) -> list[tuple[Path, Workaround]]:
        """The fields that its files and the shared ones pass through ``extra_args``."""
        own = [(code.path, each) for code in self.codes for each in code.workarounds]
        return own + [(file.path, each) for file in self.shared for each in file.workarounds]


def find_agents(tree: Tree, went: Callable[[], None]) -> tuple[list[Agent], list[SharedFile]]:
    """Read the Python files of a tree and return its agents, and the files of no agent that
    use this package or a workaround; ``went`` counts the files.

    Every file of an agent has its syntax checked, any other only where it names something
    that matters. What is not Python is added to ``tree.not_read``.
    """
    codes = read_marked(tree, went)
    patching = {path: in_house(code) for path, code in codes.items() if not tree.is_test(path)}
    owners = _owners(tree, codes)
    agents = {folder: Agent(folder) for folder in sorted(owners.folders)}
    owned = {path: owner for path in tree.python if (owner := owners.of(path.parent))}
    patches = [each for found in patching.values() for each in found]
    uses, shared = _follow(tree, codes, owned, patches)
    for path, owner in owned.items():
        if path in codes:
            agents[owner].codes.append(codes[path])
    for agent in agents.values():
        agent.patches = [each for code in agent.codes for each in patching.get(code.path, ())]
        _use(agent, uses, shared)
    # A script that is nobody's is told of with the patch that it uses.
    for path in sorted(codes.keys() - owned.keys()):
        for owner in [owned[each] for each in uses.led_to(codes[path]) if each in owned][:1]:
            agents[owner].uses += uses.of(path)
    files = _shared_files(tree, codes, owned, shared, patching)
    for agent in agents.values():
        for path in shared.reached(agent.codes):
            if path in files:
                agent.shared.append(files[path])
                files[path].agents.add(agent.folder)
            if path in owned:
                agents[owned[path]].importers.add(agent.folder)
    return list(agents.values()), [each for each in files.values() if each.owner is None]


def _follow(
    tree: Tree, codes: dict[Path, Code], owned: Mapping[Path, Path], patches: list[InHouse]
) -> tuple[InHouseUses, Shared]:
    """Return what uses the patches and this package; add to the files those that have to be read
    to know that.
    """
    running = {owned[code.path] for code in codes.values()
               if code.path in owned and (_starts(code.path) or code.worker)}  # fmt: skip
    modules = Modules(tree.python, owned, frozenset(owned.values()) - running)
    leads = Leads(modules)
    uses = InHouseUses(patches, modules, leads)
    shared = Shared(leads, tree.is_test, lambda path: owned.get(path) not in running)
    for patch in patches:
        for name in patch.names:
            leads.ask(name)
    for code in codes.values():
        if code.workarounds or code.model:
            shared.matters(code.path)

    def told(lead: Lead) -> None:
        uses.lead(lead.code, lead.use, lead.path, lead.name)
        shared.lead(lead)

    follow(tree, codes, owned, leads, told)
    uses.end(codes.values())
    return uses, shared


def _shared_files(
    tree: Tree,
    codes: dict[Path, Code],
    owned: Mapping[Path, Path],
    shared: Shared,
    patching: Mapping[Path, list[InHouse]],
) -> dict[Path, SharedFile]:
    """Return the files with something that matters to who imports them."""
    files = {}
    for path, code in sorted(codes.items()):
        is_test = tree.is_test(path)
        found = [] if is_test else code.workarounds
        ours, patches = shared.ours[path], patching.get(path, [])
        if found or ours or patches:
            files[path] = SharedFile(
                path, owned.get(path), is_test, found, ours, shared.own(path), patches
            )
    return files


def _owners(tree: Tree, codes: dict[Path, Code]) -> Owners:
    """Return whose a file is: of the agents that are run, then of what uses a model."""
    running = [code for code in codes.values() if not tree.is_test(code.path)]
    folders = {path.parent for path in tree.python if _starts(path) and not tree.is_test(path)}
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


def _use(agent: Agent, uses: InHouseUses, shared: Shared) -> None:
    """Note what an agent uses of in-house patches and of this package."""
    agent.alone = uses.alone & {patch.path for patch in agent.patches}
    agent.worker = _worker(agent)
    for code in agent.codes:
        if code.path not in agent.alone:
            agent.uses += uses.of(code.path)
        agent.ours += ((code.path, use) for use in shared.ours[code.path])
        agent.applied += shared.applied[code.path]
    agent.applied = list(dict.fromkeys(agent.applied))


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
