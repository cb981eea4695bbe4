"""What files do for the agents that import them: a shared library's, and other agents' none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from ._scan_code import WORKER_FILE, Code, Use
from ._scan_leads import Key, Lead, Leads
from ._scan_modules import NAMES, PACKAGE, module_parts

#: What applies this package, when it is called or when it is imported.
_APPLIES = frozenset({("apply_patch", "call"), ("auto", "import")})

Place = tuple[Path, Use]


class Shared:
    """What uses this package, and which shared files lead to that or to a workaround.

    It is told one after another what leads where. ``ours`` are the uses of this package by
    their file, ``applied`` the places of a file that apply it, its own and those that its
    calls and imports of shared files lead to.
    """

    def __init__(
        self, leads: Leads, is_test: Callable[[Path], bool], is_shared: Callable[[Path], bool]
    ) -> None:
        self.ours: dict[Path, list[Use]] = defaultdict(list)
        self.applied: dict[Path, list[Place]] = defaultdict(list)
        self._leads = leads
        self._is_test = is_test
        self._is_shared = is_shared
        #: What applies this package when it is called, or a file when it is imported: where.
        self._applying: dict[Key, Place] = {}
        self._imports: dict[Path, dict[Path, None]] = defaultdict(dict)
        #: The shared files that do something that matters, and those that import them.
        self._mattering: set[Path] = set()

    def matters(self, path: Path) -> None:
        """Note that who imports a file is to be known, if it is a shared one."""
        waiting = [path]
        while waiting:
            path = waiting.pop()
            if path not in self._mattering and self._is_shared(path):
                self._mattering.add(path)
                self._leads.ask(module_parts(path)[-1])
                waiting += (code.path for code, use in self._leads.of.get((path, ""), ())
                            if use.what == "import")  # fmt: skip

    def lead(self, lead: Lead) -> None:
        """Note that a use leads to a name in a file."""
        code, use = lead.code, lead.use
        if lead.path == PACKAGE:
            self._of_package(code, use, lead.name)
            return
        if self._is_test(code.path):
            return
        self._imports[code.path].update(dict.fromkeys(lead.runs))
        if not self._mattering.isdisjoint(lead.runs):
            self.matters(code.path)
        for key in (*((file, "") for file in lead.runs), (lead.path, lead.name)):
            if key in self._applying and _runs(use, key):
                self._apply(code, use, self._applying[key])

    def reached(self, codes: Iterable[Code]) -> Iterator[Path]:
        """Yield the shared files that matter and that some files import, one through another."""
        waiting = [code.path for code in codes]
        seen = set(waiting)
        while waiting:
            for path in self._imports.get(waiting.pop(), ()):
                if path in self._mattering and path not in seen:
                    seen.add(path)
                    waiting.append(path)
                    yield path

    def own(self, path: Path) -> list[Use]:
        """Return what applies this package in a file itself."""
        return [use for at, use in self.applied[path] if at == path]

    def _of_package(self, code: Code, use: Use, name: str) -> None:
        self.ours[code.path].append(use)
        if self._is_test(code.path):
            return
        self.matters(code.path)
        if use.what == "import" and code.path.name != WORKER_FILE:
            for bound in NAMES if use.bound == "*" else (use.bound,):
                self._leads.ask(bound)
        if (name, use.what) in _APPLIES:
            self._apply(code, use, (code.path, use))

    def _apply(self, code: Code, use: Use, place: Place) -> None:
        """Note that a use applies this package, at some place, and so whatever does so by it."""
        waiting = [(code, use)]
        while waiting:
            code, use = waiting.pop()
            self.applied[code.path].append(place)
            key = _runner(code, use)
            if key and key not in self._applying:
                self._applying[key] = place
                waiting += ((code, use) for code, use in self._leads.of.get(key, ())
                            if _runs(use, key) and not self._is_test(code.path))  # fmt: skip


def _runner(code: Code, use: Use) -> Key | None:
    """Return what a use runs with: the function that it is in, or its file when it is imported;
    None where that is when the file is started.
    """
    definition = use.definition
    if definition and definition.methods is None:
        return code.path, definition.name.removesuffix(".__init__")
    return None if any(each.script for each in use.statement.around()) else (code.path, "")


def _runs(use: Use, key: Key) -> bool:
    """Say whether a use that leads to a function or a file runs it."""
    return use.what in (("call", "decorator") if key[1] else ("import",))
