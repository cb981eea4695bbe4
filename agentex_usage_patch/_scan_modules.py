"""The modules of a tree: which file a dotted name leads to, seen from another file."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from . import __all__ as public
from ._scan_code import OURS

#: The file that stands for this package, where that is installed: one that is in no tree.
PACKAGE = Path(OURS)
#: The names that it has.
NAMES = frozenset({*public, "auto", "*"})


class Modules:
    """The files of a tree by the names under which others import them.

    ``owners`` are the folders of the agents by the files that are theirs; a file of a
    folder in ``libraries`` may be imported by any other.
    """

    def __init__(
        self, files: Iterable[Path], owners: Mapping[Path, Path], libraries: frozenset[Path]
    ) -> None:
        self._files = frozenset(files)
        self._owners = {path.parent: owner for path, owner in owners.items()}
        self._owned: dict[tuple[Path, str], list[Path]] = defaultdict(list)
        self._beside: dict[tuple[Path, str], list[Path]] = defaultdict(list)
        self._shared: dict[str, list[Path]] = defaultdict(list)
        self._last: set[str] = set()
        for path in sorted(self._files):
            last, owner = module_parts(path)[-1], owners.get(path)
            self._last.add(last)
            self._beside[path.parent, last].append(path)
            if owner is not None:
                self._owned[owner, last].append(path)
            if owner is None or owner in libraries:
                self._shared[last].append(path)
        self._found: dict[tuple[str, Path], Path | None] = {}
        self._hidden: dict[Path, bool] = {}
        self._packages: dict[Path, tuple[Path, ...]] = {}

    def is_installed(self, seen_from: Path) -> bool:
        """Say whether this package's name leads out of the tree, seen from a file."""
        folder = seen_from.parent
        if folder not in self._hidden:
            self._hidden[folder] = any(self._near(OURS, folder))
        return not self._hidden[folder]

    def led_to(self, name: str, seen_from: Path) -> tuple[Path | None, str]:
        """Return the file that a dotted name leads to, and the name in it, empty for all.

        For this package it is `PACKAGE`, even where a file that is not near has its name, unless
        it is a name that this package does not have.
        """
        stripped = name.lstrip(".")
        dots, parts = name[: len(name) - len(stripped)], stripped.split(".")
        ours = not dots and parts[0] == OURS and self.is_installed(seen_from)
        if ours and NAMES.issuperset(parts[1:2]):
            return PACKAGE, ".".join(parts[1:])
        for count in range(len(parts), -1 if dots else 0, -1):
            file = self._file(dots + ".".join(parts[:count]), seen_from.parent)
            if file is not None:
                return (None if file == seen_from else file), ".".join(parts[count:])
        return (PACKAGE, ".".join(parts[1:])) if ours else (None, "")

    def packages(self, file: Path) -> tuple[Path, ...]:
        """Return the ``__init__`` of each package that a file is in, from within."""
        if file not in self._packages:
            of = file.parent if file.name == "__init__.py" else file
            init = of.parent / "__init__.py"
            around = (init, *self.packages(init)) if init in self._files else ()
            self._packages[file] = around
        return self._packages[file]

    def _file(self, module: str, folder: Path) -> Path | None:
        if (module, folder) not in self._found:
            find = self._relative if module.startswith(".") else self._absolute
            self._found[module, folder] = find(module, folder)
        return self._found[module, folder]

    def _relative(self, module: str, folder: Path) -> Path | None:
        name = module.lstrip(".")
        around = (folder, *folder.parents)
        dots = len(module) - len(name)
        return self._below(around[dots - 1], name) if dots <= len(around) else None

    def _below(self, folder: Path, name: str) -> Path | None:
        target = folder.joinpath(*filter(None, name.split(".")))
        either = (target.with_name(f"{target.name}.py"), target / "__init__.py")
        return next((file for file in either if file in self._files), None)

    def _absolute(self, module: str, folder: Path) -> Path | None:
        """Return a file of the same agent, else the nearest that another one's may import, else
        that which has the whole name, from a folder around on.
        """
        parts = tuple(module.split("."))
        if parts[-1] not in self._last:
            return None  # as most names, which are of functions and of other packages
        for files in (self._mine(parts[-1], folder), self._others(parts, folder)):
            matching = [file for file in files if module_parts(file)[-len(parts) :] == parts]
            if matching:
                return max(matching, key=lambda file: _in_common(file, folder))
        whole = (self._below(each, module) for each in (folder, *folder.parents))
        return next(filter(None, whole), None)

    def _near(self, last: str, folder: Path) -> Iterator[Path]:
        yield from self._mine(last, folder)
        for each in (folder, *folder.parents):
            yield from self._beside.get((each, last), ())

    def _mine(self, last: str, folder: Path) -> Iterable[Path]:
        owner = self._owners.get(folder)
        return self._owned.get((owner, last), ()) if owner else ()

    def _others(self, parts: tuple[str, ...], folder: Path) -> Iterator[Path]:
        if parts[0] in sys.stdlib_module_names:
            return  # that is found before what another folder holds
        yield from self._near(parts[-1], folder)
        for file in self._shared.get(parts[-1], ()):
            outermost = Path(*module_parts(file)[: -len(parts)])
            if outermost / "__init__.py" not in self._files:  # else it is of a package
                yield file


def module_parts(path: Path) -> tuple[str, ...]:
    """Return the parts of a module's name, more to the left than anybody would write."""
    parts = path.parts
    return parts[:-1] if parts[-1] == "__init__.py" else (*parts[:-1], path.stem)


def _in_common(file: Path, folder: Path) -> int:
    return sum(1 for a, b in zip(file.parts, folder.parts, strict=False) if a == b)
