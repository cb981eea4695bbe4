"""The agents of a tree: what their code does, what patches it, and the verdict on each."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from .. import _upstream
from .code import MARKS, OURS, Code, Patch, read_code
from .files import NotReadError, Tree, is_test, kind_of, list_files, read
from .projects import Projects, Release
from .requirements import PATCH, Stated

Verdict = Literal[
    "needs patch", "patched", "in-house patch", "raise bound", "remove", "ok", "unknown"
]
What = Literal[
    "sdk", "uses the model", "applies this package", "names this package", "in-house patch",
    "uses in-house patch", "workaround", "companion",
]  # fmt: skip
_NAMED = re.compile(rb"agentex[-_]usage[-_]patch", re.IGNORECASE)
_SDK_FILE = _upstream.MODULE.replace(".", "/") + ".py"
NEXT: dict[str, str] = {
    "needs patch": "apply this package and require it",
    "patched": "upgrade when you can",
    "in-house patch": "swap it for this package",
    "raise bound": f"{_upstream.DISTRIBUTION}>={_upstream.FIXED_IN}: a new install has the fix",
    "ok": "",
    "unknown": "run `agentex-usage-patch status` in its environment",
}


class Place(NamedTuple):
    """A line that matters, and why."""

    file: Path
    line: int
    what: What
    text: str


@dataclass(frozen=True)
class Agent:
    """An agent, its verdict, the places that led to it, and what is next."""

    folder: Path
    verdict: Verdict
    sdk: Stated | None
    places: tuple[Place, ...]
    next: str

    @property
    def due(self) -> bool:
        """Say whether somebody has to do something."""
        mend = any(each.what in ("workaround", "companion") for each in self.places)
        return mend or self.verdict in ("needs patch", "in-house patch", "remove")


def find_agents(root: Path) -> tuple[list[Agent], dict[Path, str]]:
    """Return the agents of a tree, and what was not read with the reasons."""
    tree = list_files(root)
    return _Finder(tree).agents(), tree.not_read


class _Finder:
    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._codes: dict[Path, Code] = {}
        self._names: list[Place] = []
        self._modules: dict[str, list[Path]] = defaultdict(list)
        for path in tree.files:
            self._read(path)
        self._projects = Projects(tree)
        copies = [each for each in tree.files if each.as_posix().endswith(_SDK_FILE)]
        depth = _SDK_FILE.count("/")
        self._copies = {each.parents[depth - 1] for each in copies}
        self._hiding = {self._projects.of(path.parent) for path in self._modules[OURS]}

    def _read(self, path: Path) -> None:
        python = kind_of(path) == "python"
        try:
            source = read(path)
        except NotReadError as error:
            self._tree.not_read[path] = str(error)
            return
        if _NAMED.search(source) and b"\0" not in source[:8192]:
            for number, line in enumerate(source.splitlines(), 1):
                if _NAMED.search(line):
                    text = line.decode(errors="replace").strip()
                    self._names.append(Place(path, number, "names this package", text))
        if python and not is_test(path, self._tree.root):
            self._modules[_parts(path)[-1]].append(path)
            if MARKS.search(source):
                try:
                    self._codes[path] = read_code(source)
                except NotReadError as error:
                    self._tree.not_read[path] = str(error)

    def agents(self) -> list[Agent]:
        """Return the agents, and last the tree itself where lines of no agent are left."""
        self._follow()
        found: dict[Path, list[Place]] = defaultdict(list)
        for path, code in self._codes.items():
            found[self._projects.of(path.parent)] += self._places(path, code)
        agents = [
            self._agent(project, places)
            for project, places in sorted(found.items())
            if any(each.what != "workaround" for each in places) and not self._is_upstream(project)
        ]
        folders = {each.folder for each in agents}
        rest = [each for each in self._names
                if self._projects.of(each.file.parent) not in folders]  # fmt: skip
        if agents and rest and all(each.verdict in ("ok", "remove") for each in agents):
            text = _remaining(len(rest))
            agents.append(Agent(self._tree.root, "remove", None, tuple(rest), text))
        return agents

    def _is_upstream(self, project: Path) -> bool:
        return self._projects.name(project) in (_upstream.DISTRIBUTION, PATCH)

    def _follow(self) -> None:
        """Read the files that import a module that patches, by its name."""
        self._patching = {path: [*code.patches, *self._applied(path, code)]
                          for path, code in self._codes.items()}  # fmt: skip
        names = {_parts(path)[-1] for path, each in self._patching.items() if each}
        marks = re.compile("|".join(map(re.escape, sorted(names))).encode() or b"(?!)")
        for path in self._tree.files:
            if kind_of(path) != "python" or path in self._codes or path in self._tree.not_read:
                continue
            if names and not is_test(path, self._tree.root) and marks.search(source := read(path)):
                try:
                    self._codes[path] = read_code(source)
                except NotReadError as error:
                    self._tree.not_read[path] = str(error)

    def _applied(self, path: Path, code: Code) -> list[Patch]:
        """Return where a file applies this package: none where another module has its name."""
        return [] if self._projects.of(path.parent) in self._hiding else code.applies

    def _places(self, path: Path, code: Code) -> Iterator[Place]:
        if any(path.is_relative_to(copy) for copy in self._copies):
            return
        shown = code.builds or ([] if code.patches else code.uses[:1])
        for line in dict.fromkeys(shown):
            yield Place(path, line, "uses the model", "builds it" if code.builds else "imports it")
        for each in self._applied(path, code):
            yield Place(path, each.line, "applies this package", each.how)
        for each in code.patches:
            yield Place(path, each.line, "in-house patch", each.how)
        for line, name in code.workarounds:
            text = f'"{name}" in extra_args is a TypeError from {_upstream.FIXED_IN} on'
            yield Place(path, line, "workaround", text)
        for line, dotted in code.imports:
            module, name = self._imported(path, dotted)
            if module is not None and module != path:
                for each in self._patching.get(module, []):
                    if name in ("", each.function) or not each.function:
                        yield from self._followed(path, line, dotted, name, module, each)

    def _followed(
        self, path: Path, line: int, dotted: str, name: str, module: Path, patch: Patch
    ) -> Iterator[Place]:
        """Yield what an import of a module that patches, or applies this package, amounts to."""
        names = {dotted} if name else {f"{dotted}.{patch.function}"}
        called = [at for at, call in self._codes[path].calls if call in names]
        if patch in self._codes[module].patches:
            yield Place(path, line, "uses in-house patch", "imports it")
            yield Place(module, patch.line, "in-house patch", patch.how)
            yield from (Place(path, at, "uses in-house patch", "calls it") for at in called)
        elif called or not patch.function:
            at = called[0] if called else line
            yield Place(path, at, "applies this package", "through a shared file")

    def _imported(self, path: Path, dotted: str) -> tuple[Path | None, str]:
        """Return the file of the tree that an import is of, and the name that it takes of it."""
        bare = dotted.lstrip(".")
        parts = bare.split(".")
        for taken in (parts, parts[:-1]):
            found = [each for each in self._modules.get(taken[-1] if taken else "", [])
                     if self._may_be(each, taken, path, len(dotted) - len(bare))]  # fmt: skip
            nearest = sorted(found, key=lambda each: -_shared(each, path))
            if nearest:
                return nearest[0], "" if taken is parts else parts[-1]
        return None, ""

    def _may_be(self, module: Path, parts: list[str], importer: Path, level: int) -> bool:
        inside = _parts(module)
        if list(inside[-len(parts) :]) != parts:
            return False
        depth = len(parts) - (module.name != "__init__.py")
        start = module.parents[depth]
        if level:
            return start == importer.parents[level - 1]
        project = self._projects.of(module.parent)
        near = start in importer.parents or project == self._projects.of(importer.parent)
        return near or len(parts) > 1

    def _agent(self, project: Path, places: list[Place]) -> Agent:
        release = self._projects.release(project)
        whats = {each.what for each in places}
        in_house = not whats.isdisjoint(("in-house patch", "uses in-house patch"))
        applied = "applies this package" in whats
        required = self._projects.requires_patch(project) or any(
            self._projects.requires_patch(self._projects.of(each.file.parent))
            for each in places if each.what == "applies this package"
        )  # fmt: skip
        names = [each for each in self._names if self._projects.of(each.file.parent) == project]
        verdict = _verdict(release, in_house, applied and required, bool(names))
        if verdict in ("ok", "remove"):
            places = [each for each in places if each.what != "uses the model"]
        places += [Place(each.file, each.line, "companion",
                         f"{each.distribution} {each.written}: {fact.mend} works. {fact.reason}")
                   for each, fact in release.companions]  # fmt: skip
        left = {(each.file, each.line) for each in places if each.what != "workaround"}
        if verdict == "remove":
            places += [each for each in names if (each.file, each.line) not in left]
        if verdict != "ok":
            places = [Place(each.file, each.line, "sdk", _said(each))
                      for each in (*release.stated, *release.others)] + places  # fmt: skip
        kept = tuple(dict.fromkeys(places))
        following = NEXT.get(verdict, "")
        if verdict == "needs patch" and applied:
            following = "require this package: the code applies it, and no requirement names it"
        elif verdict == "remove":
            following = _remaining(sum(each.what != "sdk" for each in kept))
        elif verdict == "unknown" and release.others:
            following = "what is stated differs: lock again, then scan again"
        sdk = next(iter(release.stated), None)
        return Agent(project, verdict, sdk, kept, following)


def _verdict(release: Release, in_house: bool, patched: bool, named: bool) -> Verdict:
    if release.side == "spans":
        return "raise bound"
    if release.side == "affected":
        return "in-house patch" if in_house else "patched" if patched else "needs patch"
    if release.side in ("fixed", "before"):
        return "remove" if in_house or named else "ok"
    return "unknown"


def _remaining(count: int) -> str:
    return f"{count} lines still name it" if count > 1 else "1 line still names it"


def _said(stated: Stated) -> str:
    return f"{stated.distribution} {stated.origin or stated.written or '(any release)'}"


def _parts(path: Path) -> tuple[str, ...]:
    module = path.parent if path.name == "__init__.py" else path.with_suffix("")
    return module.parts


def _shared(one: Path, other: Path) -> int:
    pairs = zip(one.parts, other.parts, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), len(one.parts))
