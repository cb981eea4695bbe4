"""Where the names lead that the files of a tree use, through those that pass them on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from ._scan_code import Code, Use
from ._scan_modules import PACKAGE, Modules, module_parts

#: A file and a name in it: empty for the module itself, ``*`` for all that it holds.
Key = tuple[Path, str]

#: Where names end that lead to each other.
_NOWHERE: Key = (Path(), "")


class Lead(NamedTuple):
    """A use, the file and the name that it leads to, and the files that an import runs."""

    code: Code
    use: Use
    path: Path
    name: str
    runs: tuple[Path, ...] = ()


class Leads:
    """What leads where, as far as files were looked at; ``of`` has the uses by their end.

    Names that are ``asked`` for are worth reading a file for: ``unread`` are those that name
    one, or to which a use of one leads.
    """

    def __init__(self, modules: Modules) -> None:
        self.of: dict[Key, list[tuple[Code, Use]]] = defaultdict(list)
        self.asked: set[str] = set()
        self.unread: list[Path] = []
        #: The names of a file that lead on.
        self.passing: dict[Path, set[str]] = defaultdict(set)
        self._modules = modules
        self._naming: dict[str, list[Path]] = defaultdict(list)
        self._codes: dict[Path, Code] = {}
        self._imported: dict[Key, Key] = {}
        self._stars: dict[Path, list[Path]] = defaultdict(list)
        #: Where a name leads that was followed before.
        self._known: dict[Key, list[Key]] = {}
        #: What cannot be followed further before a file is looked at.
        self._stuck: dict[Path, list[Lead]] = defaultdict(list)

    def ask(self, name: str) -> None:
        """Note a name that matters."""
        if name not in self.asked:
            self.asked.add(name)
            self.unread += self._naming.pop(name, ())

    def names(self, path: Path, names: Iterable[str]) -> None:
        """Note what a file names that need not be read unless one of it matters."""
        for name in names:
            self._naming[name].append(path)

    def look(self, codes: Collection[Code]) -> Iterator[Lead]:
        """Look at files and yield what leads where, again when it turns out to lead further."""
        for code in codes:
            self._pass_on(code)
        for code in codes:
            for use in code.uses:
                yield from self._led(code, use)
            for lead in self._stuck.pop(code.path, ()):
                for end in self.ends(lead.path, lead.name):
                    yield self._ended(lead, end)

    def ends(self, path: Path, name: str) -> list[Key]:
        """Return where a name of a file leads, several where stars do not tell whose it is."""
        waiting, seen, found = [(path, name)], set[Key](), list[Key]()
        while waiting:
            at = waiting.pop()
            if at in seen:
                continue
            seen.add(at)
            onward = self._known.get(at) or self._onward(*at)
            if onward:
                self.passing[at[0]].add(at[1])
                waiting += onward
            else:
                found.append(at)
        found = found or [_NOWHERE]
        if len(found) == 1:  # then all on the way lead there
            self._known.update((at, found) for at in seen if at != found[0])
        return [end for end in found if end != _NOWHERE]

    def _pass_on(self, code: Code) -> None:
        """Note which names of a file are those of others."""
        self._codes[code.path] = code
        for use in code.uses:
            if not use.bound or use.definition:
                continue
            path, name = self._led_to(code, use)
            if path is None:
                continue
            if use.bound == "*":
                self._stars[code.path].append(path)
            else:
                self._imported[code.path, use.bound] = path, name

    def _led(self, code: Code, use: Use) -> Iterator[Lead]:
        path, name = self._led_to(code, use)
        if path is None:
            return
        runs: tuple[Path, ...] = ()
        if use.what == "import":
            runs = (path, *self._modules.packages(path))
            for file in runs:
                self.of[file, ""].append((code, use))
        for end in self.ends(path, name):
            yield self._ended(Lead(code, use, path, name, runs), end)

    def _led_to(self, code: Code, use: Use) -> tuple[Path | None, str]:
        if use.imported:
            return self._modules.led_to(use.name, code.path)
        return code.path, use.name

    def _ended(self, lead: Lead, end: Key) -> Lead:
        path, name = end
        lead = lead._replace(path=path, name=name)
        if name or not lead.runs:
            self.of[end].append((lead.code, lead.use))
        last = lead.use.name.rpartition(".")[2]
        for file in (path, *self._shadowing(path, name)):
            if file not in self._codes and file != PACKAGE:
                self._stuck[file].append(lead)
                if last in self.asked:
                    self.unread.append(file)
                else:
                    self._naming[last].append(file)
        return lead

    def _onward(self, path: Path, name: str) -> list[Key]:
        """Return what a name of a file stands for, nothing where it is the file's own."""
        for package in self._shadowing(path, name):
            hiding = self._imported.get((package, module_parts(path)[-1]), (path, ""))
            return [hiding] if hiding != (path, "") else []
        first, _, rest = name.partition(".")
        if imported := self._imported.get((path, first)):
            return [(imported[0], ".".join(filter(None, (imported[1], rest))))]
        code = self._codes.get(path)
        if code is None or first in ("", "*") or first in code.own:
            return []
        return [(star, name) for star in self._stars.get(path, ()) if self._exports(star, first)]

    def _shadowing(self, path: Path, name: str) -> tuple[Path, ...]:
        """Return the package of which a module may be hidden by something of its name."""
        return () if name else self._modules.packages(path)[:1]

    def _exports(self, path: Path, name: str) -> bool:
        """Say whether a star brings in a name of a file, as far as that can be told."""
        code = self._codes.get(path)
        if code is None or code.listed is None:
            return not name.startswith("_")
        return name in code.listed
