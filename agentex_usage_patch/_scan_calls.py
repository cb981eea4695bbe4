"""In-house patches, and who imports and calls them, across the files of a tree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ._scan_blocks import Definition, Statement
from ._scan_code import OURS, SAYS, WORKER_FILE, Code, Patch, Use
from ._scan_leads import Leads
from ._scan_modules import Modules, module_parts

#: What a copy does of which nothing else is seen: it hides this package from imports.
BY_NAME = "has the name of this package"


@dataclass(frozen=True)
class Place:
    """Lines of a file that use a patch; ``use`` is what they are, None for a whole function."""

    path: Path
    line: int
    end: int
    what: Literal["import", "call", "decorator", "reference", "function"]
    statement: Statement
    use: Use | None = None


@dataclass(frozen=True)
class InHouse:
    """An in-house patch: where it stands, and the function or class that is there for it.

    Without one it is a statement among others, ``patch``; then it acts when its file is
    imported, if ``on_import``. Without either, its file has the name of this package.
    """

    path: Path
    line: int
    how: str
    function: Definition | None
    patch: Patch | None
    on_import: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The names without one of which no file uses it, or its file for something else."""
        function = (self.function.name.rpartition(".")[2],) if self.function else ()
        return (*function, module_parts(self.path)[-1])


def in_house(code: Code) -> list[InHouse]:
    """Return the in-house patches of a file, one for each function or class that holds any."""
    patching = {patch.definition for patch in code.patches if patch.definition}
    found: dict[object, InHouse] = {}
    for patch in code.patches:
        function = _there_for(patch, patching)
        on_import = patch.definition is None or (
            patch.definition.methods is not None and not patch.nested
        )
        one = InHouse(code.path, patch.line, patch.how, function, patch, on_import)
        found.setdefault(function or patch.statement, one)
    if not found and module_parts(code.path)[-1] == OURS:
        found[OURS] = InHouse(code.path, 1, BY_NAME, None, None, on_import=True)
    return list(found.values())


def _there_for(patch: Patch, patching: set[Definition]) -> Definition | None:
    """Return the function, or the class, that does nothing but patch."""
    definition = patch.definition
    if definition is None or definition.does_more:
        return None
    if definition.methods is not None:
        return None  # a statement of its body
    holder = definition.holder
    if holder is None:
        return definition
    methods = holder.methods or ()
    others = (each for each in methods if each not in patching and not _is_private(each))
    if any(others) or any(each.does_more for each in methods):
        # Python itself calls those, by no name: ``with`` would miss one that is deleted.
        return None if definition.name.endswith("__") else definition
    return holder


def _is_private(method: Definition) -> bool:
    return method.name.rpartition(".")[2].startswith("_")


class InHouseUses:
    """What imports and calls what applies an in-house patch.

    It is told one after another what uses what, and then it is the ``end``. A function that
    does nothing but call a patch is one, and so is what an import calls one. ``alone`` are the
    files that are there for their patches alone.
    """

    def __init__(self, patches: Collection[InHouse], modules: Modules, leads: Leads) -> None:
        self.alone: frozenset[Path] = frozenset()
        self._modules = modules
        self._leads = leads
        self._patching = {patch.path for patch in patches}
        self._hiding = {patch.path for patch in patches if patch.how == BY_NAME}
        #: What applies a patch when it is called: the file and its name, or its class's.
        self._applying = {(patch.path, patch.function.name, patch.function.methods is None)
                          for patch in patches if patch.function}  # fmt: skip
        self._places: dict[Path, dict[Place, None]] = defaultdict(dict)
        self._applied: set[Use] = set()
        self._calling: dict[Definition, set[str]] = defaultdict(set)
        #: The files that pass on all that a file with a patch holds.
        self._starred: set[Path] = set()
        self._whole: list[tuple[Code, Use, Path]] = []
        self._used: list[tuple[Use, Path]] = []

    def lead(self, code: Code, use: Use, path: Path, name: str) -> None:
        """Note that a use leads to a name in a file."""
        if name == "*" and (path in self._patching or path in self._starred):
            self._pass_on(code.path)
        if path in self._hiding:
            self._apply(code, use)
        elif path in self._patching and name in ("", "*"):
            self._whole.append((code, use, path))
            self._leads.ask(use.bound)
        else:
            if path in self._patching and path != code.path:
                self._used.append((use, path))
            if self._applies(path, name):
                self._apply(code, use)

    def end(self, codes: Collection[Code]) -> None:
        """Note which files are there for their patches alone, and who imports those."""
        otherwise = {path for use, path in self._used if use not in self._applied}
        for_patches = self._patching - otherwise
        self.alone = frozenset(
            code.path for code in codes
            if code.path in self._hiding or (code.path in for_patches and self._is_for_them(code))
        )  # fmt: skip
        for code, use, path in self._whole:
            if self._is_for_the_patch(code, use, path):
                self._apply(code, use)

    def of(self, path: Path) -> list[Place]:
        """Return those of a file, of a function that is one the whole."""
        found = self._places.get(path, {})
        whole = {each.statement for each in found if each.what == "function"}
        outermost = (each for each in found if whole.isdisjoint(each.statement.around()))
        return sorted(outermost, key=lambda each: (each.line, each.end, each.what))

    def led_to(self, code: Code) -> list[Path]:
        """Return the files whose patches a file uses, or what only calls them."""
        used = (use for use in code.uses if use in self._applied)
        found = (self._modules.led_to(use.name, code.path)[0] for use in used)
        return sorted({path for path in found if path})

    def _pass_on(self, path: Path) -> None:
        waiting = [path]
        while waiting:
            path = waiting.pop()
            if path not in self._starred:
                self._starred.add(path)
                self._leads.ask(module_parts(path)[-1])
                waiting += (code.path for code, _ in self._leads.of.get((path, "*"), ()))

    def _apply(self, code: Code, use: Use) -> None:
        waiting = [(code, use)]
        while waiting:
            code, use = waiting.pop()
            if use in self._applied:
                continue
            self._applied.add(use)
            if use.bound:
                self._leads.ask(use.bound)
            place = Place(code.path, use.line, use.end, use.what, use.statement, use)
            self._places[code.path][place] = None
            caller = use.definition
            if use.what == "call" and caller and self._only_calls(caller, use.name):
                self._applying.add((code.path, caller.name, True))
                self._leads.ask(caller.name)
                whole = caller.statement
                place = Place(code.path, whole.line, whole.end, "function", whole)
                self._places[code.path][place] = None
                waiting += self._leads.of.get((code.path, caller.name), ())

    def _applies(self, path: Path, name: str) -> bool:
        named = (path, name, True), (path, name.partition(".")[0], False)
        return not self._applying.isdisjoint(named)

    def _only_calls(self, caller: Definition, name: str) -> bool:
        """Say whether a function calls patches, and beside them nothing but a log."""
        calling = self._calling[caller]
        calling.add(name)
        others = (each for each in caller.calls if each not in calling)
        return (
            caller.is_plain and caller.holder is None and caller.methods is None
            and all(each.rpartition(".")[2] in SAYS for each in others)
        )  # fmt: skip

    def _is_for_them(self, code: Code) -> bool:
        """Say whether a file with patches, of which nothing else is used, does nothing else."""
        ours = {use.name for use in code.uses if use in self._applied}
        return not (code.worker or code.path.name == WORKER_FILE or code.effects - ours)

    def _is_for_the_patch(self, code: Code, use: Use, path: Path) -> bool:
        """Say whether a module is imported as a whole for its patch, and nothing else of it."""
        module = f"{use.name.removesuffix('.*')}."
        through = [each for each in code.uses
                   if each is not use and each.name.startswith(module)]  # fmt: skip
        if path in self.alone or not through:
            return path in self.alone
        passed_on = (end for name in self._leads.passing.get(code.path, ())
                     for end in self._leads.ends(code.path, name))  # fmt: skip
        return all(each in self._applied for each in through) and all(
            self._applies(to, name) for to, name in passed_on if to == path
        )
