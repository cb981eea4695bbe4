"""In-house patches, and who imports and calls them, across the files of a tree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ._scan_code import OURS, Code, Function, Use

#: What a copy does of which nothing else is seen: it hides this package from imports.
BY_NAME = "has the name of this package"


@dataclass(frozen=True, order=True)
class Place:
    """Lines of a file that use a patch: an import, a call, or a function that only calls it."""

    path: Path
    line: int
    end: int
    what: Literal["import", "call", "function"]


@dataclass(frozen=True)
class InHouse:
    """An in-house patch: where it stands, and the function that has to be called for it.

    Without a function it acts when its file is imported. ``lines`` are those to delete
    where the file holds other things.
    """

    path: Path
    line: int
    lines: tuple[int, int]
    how: str
    function: Function | None

    @property
    def names(self) -> tuple[str, ...]:
        """The names without one of which no file uses it, or its file for something else."""
        function = (self.function.name,) if self.function else ()
        return (*function, module_parts(self.path)[-1])


def in_house(code: Code) -> list[InHouse]:
    """Return the in-house patches of a file, one for each function that holds any."""
    found: dict[Function | int, InHouse] = {}
    for patch in code.patches:
        function = patch.function
        lines = (function.line, function.end) if function else (patch.line, patch.end)
        one = InHouse(code.path, patch.line, lines, patch.how, function)
        found.setdefault(function or patch.line, one)
    if not found and module_parts(code.path)[-1] == OURS:
        found[0] = InHouse(code.path, 1, (1, 1), BY_NAME, None)
    return list(found.values())


class Modules:
    """The modules of a tree: which file a dotted name leads to, seen from another file.

    ``owners`` are the folders of the agents by the files that are theirs; a file of a
    folder in ``libraries`` may be imported by any other.
    """

    def __init__(
        self, files: Iterable[Path], owners: Mapping[Path, Path], libraries: frozenset[Path]
    ) -> None:
        self._owners = owners
        self._libraries = libraries
        self._named: dict[str, list[Path]] = defaultdict(list)
        for path in files:
            self._named[module_parts(path)[-1]].append(path)

    def is_installed(self, seen_from: Path) -> bool:
        """Say whether this package's name leads out of the tree, seen from a file."""
        return not any(
            self._is_mine(file, seen_from) or file.parent in seen_from.parents
            for file in self._named[OURS]
        )

    def uses(self, codes: list[Code], patches: list[InHouse]) -> list[Place]:
        """Return what, in some files, imports and calls what applies an in-house patch.

        A function that does nothing but call one counts as one.
        """
        applying = {(patch.path, patch.function.name if patch.function else None)
                    for patch in patches}  # fmt: skip
        places: set[Place] = set()
        wrappers: set[tuple[Path, Function]] = set()
        before = -1
        while before != len(applying):
            before = len(applying)
            for code in codes:
                imports = [use for use in code.imports if self._applies(use, code, applying)]
                calls = [use for use in code.calls if self._applies(use, code, applying)]
                places |= {_place(code, use, "import") for use in imports}
                places |= {_place(code, use, "call") for use in calls}
                names = frozenset(use.name for use in calls)
                for function in {use.function for use in calls if use.function}:
                    if code.only_calls(function, names):
                        wrappers.add((code.path, function))
                        applying.add((code.path, function.name))
        inside = {
            place
            for place in places
            for path, function in wrappers
            if place.path == path and function.line <= place.line <= function.end
        }
        whole = {Place(path, each.line, each.end, "function") for path, each in wrappers}
        return sorted((places - inside) | whole)

    def used_otherwise(self, codes: Iterable[Code], patches: list[InHouse]) -> set[Path]:
        """Return the files with a patch of which others import or call something else."""
        applying = {(patch.path, patch.function.name if patch.function else None)
                    for patch in patches}  # fmt: skip
        return {
            file
            for code in codes
            for use in (*code.imports, *code.calls)
            for file, name in self._led_to(use, code, {patch.path for patch in patches})
            if name is not None and not {(file, name), (file, None)} & applying
        }

    def _applies(self, use: Use, code: Code, applying: set[tuple[Path, str | None]]) -> bool:
        if (code.path, use.name) in applying:
            return True  # a function of the file itself
        for file, name in self._led_to(use, code, {path for path, _ in applying}):
            if (file, name) in applying or (file, None) in applying:
                return True
            if name is None and use in code.imports:
                # The module as a whole: it is there for the patch when nothing else is used.
                through = [each for each in code.calls if each.name.startswith(f"{use.name}.")]
                return all(self._applies(each, code, applying) for each in through)
        return False

    def _led_to(self, use: Use, code: Code, files: set[Path]) -> Iterator[tuple[Path, str | None]]:
        """Yield the one of some other files that a name leads to, and the name in it."""
        others = files - {code.path}
        if not others:
            return  # as in most trees, of which every import and call is asked
        for module, name in _splits(use.name):
            file = self._file(module, code.path, others)
            if file is not None:
                yield file, name
                return

    def _file(self, module: str, seen_from: Path, files: Iterable[Path]) -> Path | None:
        """Return the file that a module's name leads to: of the same agent, else the nearest
        that another one's files may import.
        """
        name = module.lstrip(".")
        if dots := len(module) - len(name):
            if dots > len(seen_from.parents):
                return None
            target = seen_from.parents[dots - 1].joinpath(*filter(None, name.split(".")))
            either = (target.with_suffix(".py"), target / "__init__.py")
            return next((file for file in files if file in either), None)
        parts = tuple(module.split("."))
        matching = [file for file in files if module_parts(file)[-len(parts) :] == parts]
        mine = [file for file in matching if self._is_mine(file, seen_from)]
        others = [file for file in matching if file.parent in seen_from.parents
                  or self._owners.get(file, file) in self._libraries | {file}]  # fmt: skip
        near = mine or others
        return max(near, key=lambda file: _in_common(file, seen_from), default=None)

    def _is_mine(self, file: Path, seen_from: Path) -> bool:
        owner = self._owners.get(seen_from)
        return owner is not None and self._owners.get(file) == owner


def _place(code: Code, use: Use, what: Literal["import", "call"]) -> Place:
    return Place(code.path, use.line, use.end, what)


def _splits(name: str) -> Iterator[tuple[str, str | None]]:
    """Yield the ways to read a dotted name: a module alone, or a module and a name in it."""
    yield name, None
    stripped = name.lstrip(".")
    module, _, last = stripped.rpartition(".")
    if module or name != stripped:
        yield name[: len(name) - len(stripped)] + module, last


def module_parts(path: Path) -> tuple[str, ...]:
    """Return the parts of a module's name, more to the left than anybody would write."""
    return path.parent.parts if path.name == "__init__.py" else path.with_suffix("").parts


def _in_common(one: Path, other: Path) -> int:
    return sum(1 for a, b in zip(one.parts, other.parts, strict=False) if a == b)
