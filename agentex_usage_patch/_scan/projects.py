"""The projects of a tree, and the agentex-sdk that each of them gets."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from .. import _upstream
from .files import LOCKS, NotReadError, Tree, home_of, kind_of, read
from .locks import folders, read_lock
from .requirements import (
    PATCH,
    Stated,
    project_name,
    read_container,
    read_pyproject,
    read_requirements,
    read_setup_cfg,
)

#: What makes a folder a project: a pyproject.toml may configure a linter alone.
_DECLARES = re.compile(
    r"^\[{1,2}(project|tool\.poetry|tool\.pdm|dependency-groups|options|packages)\b", re.MULTILINE
)
_MANIFEST = re.compile(r"^\s*(acp_type|local_development):", re.MULTILINE)
_SDK = _upstream.DISTRIBUTION


@dataclass(frozen=True)
class Release:
    """What is stated of agentex-sdk for a project.

    ``stated`` counts, and ``others`` differ from it. ``side`` is that of the fix: ``affected``,
    ``fixed``, ``before`` (no such model), ``spans`` or ``unknown``.
    """

    stated: tuple[Stated, ...]
    others: tuple[Stated, ...]
    companions: tuple[tuple[Stated, _upstream.Companion], ...]
    side: str


class Projects:
    """The projects of a tree; what their files state is read once."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._files: dict[Path, list[Path]] = {}
        for file in tree.files:
            if kind_of(file) in ("lock", "requirements", "container"):
                self._files.setdefault(home_of(file), []).append(file)
        self._manifests = {file.parent for file in tree.files if file.name == "manifest.yaml"
                           and _MANIFEST.search(self.text(file))}  # fmt: skip
        self.stated = cache(self._stated)
        self.of = cache(self._of)

    def text(self, file: Path) -> str:
        """Return a file's text, empty where it cannot be read, which is noted."""
        try:
            return read(file).decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError:
            self._tree.not_read[file] = "not in UTF-8"
        except NotReadError as error:
            self._tree.not_read[file] = str(error)
        return ""

    def name(self, folder: Path) -> str:
        """Return the canonical name of the distribution that a project builds."""
        file = folder / "pyproject.toml"
        try:
            return project_name(self.text(file)) if file in self._in(folder) else ""
        except NotReadError:
            return ""

    def declares(self, folder: Path) -> bool:
        """Say whether a folder states requirements of its own."""
        return any(
            bool(self.stated(file)) if kind_of(file) == "container" else
            file.suffix in (".txt", ".in") or bool(_DECLARES.search(self.text(file)))
            for file in self._in(folder) if kind_of(file) != "lock"
        )  # fmt: skip

    def _of(self, folder: Path) -> Path:
        """Return the project of a folder: the nearest upward, else the folder itself."""
        upward = [
            each for each in self._tree.upward(folder) if each.is_relative_to(self._tree.root)
        ]
        return next(
            (each for each in upward if each in self._manifests or self.declares(each)), folder
        )

    def requires_patch(self, project: Path) -> bool:
        """Say whether this package is required by a project, or by what it inherits from."""
        written, locked = self._counting(project)
        return any(each.distribution == PATCH for each in (written or locked))

    def release(self, project: Path) -> Release:
        """Return the agentex-sdk that a project gets."""
        written, locked = self._counting(project)
        ranges = [each for each in written if each.distribution == _SDK]
        locks = [each for each in locked if each.distribution == _SDK]
        required = [each for each in ranges if not each.bound]
        bounds = [each for each in ranges if each.bound]
        pins = [each for each in required if each.version] or (
            [each for each in bounds if each.version] if required else []
        )
        counting = locks or pins or _narrowed(required, bounds)
        sides = {side_of(each.releases) for each in counting}
        side = sides.pop() if len(sides) == 1 else "unknown"
        if sides and "spans" in {side, *sides} and not pins and not locks:
            side = "spans" if {side_of(each.releases) for each in counting} <= {"spans", "fixed"} \
                else side  # fmt: skip
        versions = {each.version for each in counting if each.version}
        others = [each for each in required
                  if versions and each not in counting and not _allows(each, versions)]  # fmt: skip
        # A lock that its own requirements exclude is made anew by its tool: into what?
        if locks and any(side_of(each.releases) not in (side, "spans") for each in others):
            side = "unknown"
        companions = tuple(_breaking(versions, locked if locks else written))
        return Release(tuple(counting), tuple(others), companions, side)

    def _counting(self, project: Path) -> tuple[list[Stated], list[Stated]]:
        """Return what is written and what is locked for a project, from the nearest folder
        upward that says something of agentex-sdk.
        """  # fmt: skip
        written: list[Stated] = []
        locked: list[Stated] = []
        own = True
        for folder in self._tree.upward(project):
            files = sorted(self._in(folder), key=_trust)
            for file in (each for each in files if kind_of(each) == "lock"):
                if not locked and (folder == project or own or project in self._members(file)):
                    locked = self.stated(file)
            if not any(each.distribution == _SDK for each in written):
                written = written + [each for file in files if kind_of(file) != "lock"
                                     for each in self.stated(file)]  # fmt: skip
            if folder == project:
                containers = [file for file, home in self._containers() if home == project]
                written = written + [each for file in containers for each in self.stated(file)]
            own = own and not self.declares(folder)
            if any(each.distribution == _SDK for each in locked):
                break
        return written, locked

    @cache  # noqa: B019 - it lives as long as the scan
    def _containers(self) -> list[tuple[Path, Path]]:
        """Return the containers' files that lie in folders of a project, below it."""
        found = [file for file in self._tree.files if kind_of(file) == "container"]
        return [(file, self.of(file.parent)) for file in found
                if self.of(file.parent) != file.parent]  # fmt: skip

    @cache  # noqa: B019 - as above
    def _members(self, lock: Path) -> set[Path]:
        try:
            return folders(lock, self.text(lock))
        except NotReadError:
            return set()

    @cache  # noqa: B019 - as above
    def _in(self, folder: Path) -> list[Path]:
        if folder.is_relative_to(self._tree.root):
            return self._files.get(folder, [])
        try:  # above the tree that was given, and in the same checkout
            return [folder / name for name in os.listdir(folder)  # noqa: PTH208 - names only
                    if kind_of(folder / name) in ("lock", "requirements")]  # fmt: skip
        except OSError:
            return []

    def _stated(self, file: Path) -> list[Stated]:
        try:
            return list(self._read(file, self.text(file)))
        except NotReadError as error:
            self._tree.not_read[file] = str(error)
        except (AttributeError, TypeError, KeyError, RecursionError) as error:
            # It is well-formed, and holds something where no tool would write it.
            self._tree.not_read[file] = f"cannot be understood: {type(error).__name__}"
        return []

    def _read(self, file: Path, text: str) -> Iterator[Stated] | list[Stated]:
        if kind_of(file) == "lock":
            return read_lock(file, text)
        if kind_of(file) == "container":
            return read_container(file, text)
        if file.name in ("pyproject.toml", "Pipfile"):
            return read_pyproject(file, text)
        if file.name == "setup.cfg":
            return read_setup_cfg(file, text)
        seen = {file}

        def include(other: Path) -> str | None:
            target = Path(os.path.realpath(other))
            if target in seen or not target.is_relative_to(self._tree.top):
                return None
            seen.add(target)
            return self.text(target)

        return read_requirements(file, text, include, bound="constraint" in file.name)


def _allows(stated: Stated, versions: set[str]) -> bool:
    releases = stated.releases
    return releases is not None and any(
        releases.contains(version, prereleases=True) for version in versions
    )


def side_of(releases: SpecifierSet | None) -> str:
    """Return on which side of the fix the releases lie that a range allows."""
    if releases is None:
        return "unknown"
    sides = {_side(each) for each in _probes(releases) if releases.contains(each, prereleases=True)}
    if len(sides) > 1:
        return "spans" if "fixed" in sides else "affected"
    return next(iter(sides), "unknown")


def _side(version: Version) -> str:
    if _upstream.AFFECTED.contains(version, prereleases=True):
        return "affected"
    return "fixed" if version >= Version(_upstream.FIXED_IN) else "before"


def _probes(releases: SpecifierSet) -> Iterator[Version]:
    """Yield versions around each bound: one of them lies on each side that a range reaches."""
    named = {each.version.removesuffix(".*") for each in (*releases, *_upstream.AFFECTED)}
    for each in ("0", "9999", _upstream.FIXED_IN, *sorted(named)):
        try:
            version = Version(each)
        except InvalidVersion:
            continue
        yield version
        *before, last = version.release
        yield from (Version(".".join(map(str, [*before, near])))
                    for near in (last + 1, max(last - 1, 0)))  # fmt: skip
        yield Version(".".join(map(str, [*version.release, 1])))


def _narrowed(required: list[Stated], bounds: list[Stated]) -> list[Stated]:
    """Return what constraints leave of the ranges that are required."""
    limits = [each.releases for each in bounds if each.releases is not None]
    return [
        each if each.releases is None or not limits else
        replace(each, written=",".join(filter(None, map(str, [each.releases, *limits]))))
        for each in required
    ]  # fmt: skip


def _breaking(
    versions: set[str], stated: list[Stated]
) -> Iterator[tuple[Stated, _upstream.Companion]]:
    """Yield the companions, of one release each, with which no worker starts."""
    for fact in _upstream.COMPANIONS:
        if any(_upstream.within(version, fact.sdk) for version in versions):
            for each in stated:
                held = each.distribution == fact.distribution and each.version
                if held and not _upstream.within(each.version, fact.works):
                    yield each, fact


def _trust(file: Path) -> tuple[int, str]:
    order = [*LOCKS, "pyproject.toml"]
    return order.index(file.name) if file.name in order else len(order), file.name
