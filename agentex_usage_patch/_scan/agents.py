"""Find the agents of a tree, and give a verdict on each."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .. import _upstream
from .code import MARKS, OURS, Code, Place
from .files import Tree
from .projects import Projects, Verdict
from .requirements import PATCH, Stated

_NAMED = re.compile(rb"agentex[-_]usage[-_]patch")
_WORD = re.compile(rb"\w+")
_NEXT = {
    "needs patch": "apply this package and require it",
    "patched": "upgrade when you can",
    "in-house patch": "swap it for this package",
    "raise bound": f"require >={_upstream.FIXED_IN}, which a new install gets anyway",
    "unknown": "run `agentex-usage-patch status` in its environment",
}


@dataclass(frozen=True)
class Agent:
    """An agent, the verdict on it, the places that led to the verdict, and what to do next."""

    folder: Path
    verdict: Verdict
    sdk: Stated | None
    places: list[Place]
    next: str

    @property
    def due(self) -> bool:
        """Whether the agent needs work."""
        repair = any(each.what in ("workaround", "companion") for each in self.places)
        return repair or self.verdict in ("needs patch", "in-house patch", "remove")


class Finder:
    """Finds the agents of a tree."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._projects = Projects(tree)
        self._codes: dict[Path, Code] = {}
        #: The lines that name this package, by project.
        self._names: dict[Path, list[Place]] = defaultdict(list)
        #: The Python files, by the last part of the module's name.
        self._modules: dict[str, list[Path]] = defaultdict(list)
        for path in tree.files:
            if tree.kind(path) == "python":
                self._modules[_module(path).name].append(path)
        # A project's own module named agentex_usage_patch shadows this package.
        self._hiding = {self._project(each) for each in self._modules.get(OURS, ())}

    def agents(self) -> list[Agent]:
        """Return the agents. Lines of no agent come last, under the tree itself."""
        self._read()
        found: dict[Path, list[Place]] = defaultdict(list)
        for path, code in self._codes.items():
            found[self._project(path)] += [*code.places, *self._imported(path, code)]
        agents = [
            self._agent(project, places)
            for project, places in sorted(found.items())
            if any(each.what != "workaround" for each in places)
        ]
        folders = {each.folder for each in agents}
        rest = [place for project, places in self._names.items() for place in places
                if project not in folders]  # fmt: skip
        if rest and all(each.verdict in ("ok", "remove") for each in agents):
            following = _remaining(len(rest), PATCH)
            agents.append(Agent(self._tree.root, "remove", None, rest, following))
        return agents

    def _project(self, path: Path) -> Path:
        return self._projects.of(path.parent)

    def _read(self) -> None:
        """Read the lines that name this package, the code that matters, and its importers."""
        python = {each for files in self._modules.values() for each in files}
        for path in self._tree.files:
            source = self._tree.read(path)
            if _NAMED.search(source.lower()) and b"\0" not in source:
                self._names[self._project(path)] += [
                    Place(path, number, "names this package", line.decode(errors="replace").strip())
                    for number, line in enumerate(source.splitlines(), 1)
                    if _NAMED.search(line.lower())
                ]
            if path in python and any(mark in source for mark in MARKS):
                self._read_code(path, source)
        followed = ("in-house patch", "applies this package")
        names = {_module(path).name.encode() for path, code in self._codes.items()
                 if any(each.what in followed for each in code.places)}  # fmt: skip
        unread = python - self._codes.keys() - self._tree.not_read.keys() if names else ()
        for path in sorted(unread):
            source = self._tree.read(path)
            if not names.isdisjoint(_WORD.findall(source)):
                self._read_code(path, source)

    def _read_code(self, path: Path, source: bytes) -> None:
        try:
            code = self._codes[path] = Code(path, source)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            self._tree.not_read[path] = f"not valid Python: {error}"
            return
        if self._project(path) in self._hiding:
            code.places = [each for each in code.places if each.what != "applies this package"]

    def _imported(self, path: Path, code: Code) -> Iterator[Place]:
        """Yield the imports of files that patch the class or apply this package, and the calls."""
        for line, dotted in code.imports:
            module, name = self._find(path, dotted)
            for each in self._codes[module].places if module in self._codes else ():
                wanted = dotted if name else f"{dotted}.{each.function}"
                calls = [at for at, called in code.calls if called == wanted]
                if module == path or (each.function not in ("", name) and not calls):
                    continue
                if each.what == "in-house patch":
                    yield each
                    yield Place(path, line, "uses in-house patch", "imports it")
                    yield from (Place(path, at, "uses in-house patch", "calls it") for at in calls)
                elif each.what == "applies this package":
                    yield Place(path, line, each.what, "through another file")

    def _find(self, importer: Path, dotted: str) -> tuple[Path, str]:
        """Return the nearest file that an import refers to, and the name imported from it.

        Return the importer if the import refers to no file of the tree.
        """
        parts = dotted.lstrip(".").split(".")
        for taken, name in ((parts, ""), (parts[:-1], parts[-1])):
            found = [
                each
                for each in self._modules.get(taken[-1] if taken else "", ())
                if _module(each).parts[-len(taken) :] == tuple(taken)
                # One word is the name of many modules: it means one of the same project.
                if len(taken) > 1 or self._project(each) == self._project(importer)
            ]
            if found:
                return max(found, key=lambda each: len(os.path.commonpath((each, importer)))), name
        return importer, ""

    def _agent(self, project: Path, places: list[Place]) -> Agent:
        release = self._projects.release(project)
        applied = {self._project(at.file) for at in places if at.what == "applies this package"}
        required = applied and {project, *applied}
        patched = any(self._projects.release(each).requires_patch for each in required)
        in_house = any(each.what in ("in-house patch", "uses in-house patch") for each in places)
        verdict = release.verdict
        if verdict == "needs patch" and (in_house or patched):
            verdict = "in-house patch" if in_house else "patched"
        if verdict == "ok":
            places = [each for each in places if each.what != "uses the model"]
            lines = {(each.file, each.line) for each in places if each.what != "workaround"}
            places += [each for each in self._names[project]
                       if (each.file, each.line) not in lines]  # fmt: skip
            verdict = "remove" if any(each.what != "workaround" for each in places) else "ok"
        places = list(dict.fromkeys(places))
        following = _NEXT.get(verdict, "")
        if verdict == "remove":
            following = _remaining(len(places), "an in-house patch" if in_house else PATCH)
        for each, fact in release.companions:
            text = f"{each.distribution} {each.written}: {fact.pin} works. {fact.reason}"
            places.append(Place(each.file, each.line, "companion", text))
        if verdict != "ok":
            places[:0] = [
                Place(
                    each.file, each.line, "sdk", f"{each.distribution} {each.origin or each.said}"
                )
                for each in (*release.stated, *release.others)
            ]
        return Agent(project, verdict, next(iter(release.stated), None), places, following)


def _remaining(count: int, what: str) -> str:
    return f"{count} lines still name {what}" if count > 1 else f"1 line still names {what}"


def _module(path: Path) -> Path:
    return path.parent if path.name == "__init__.py" else path.with_suffix("")
