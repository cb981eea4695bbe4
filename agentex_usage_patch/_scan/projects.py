"""Find the projects of a tree, and the agentex-sdk that each of them gets."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from .. import _upstream
from .files import Kind, Tree
from .requirements import PATCH, Stated, read_lines, read_lock, read_toml

Verdict = Literal[
    "needs patch", "patched", "in-house patch", "raise bound", "remove", "ok", "unknown"
]
_SDK = _upstream.DISTRIBUTION
#: A pyproject.toml or setup.cfg without any of these tables only configures tools.
_TABLES = re.compile(r"(?m)^\[(project|tool\.(poetry|pdm)|dependency-groups|options|packages)\b")
#: How locks name the folders that they install, such as the members of a workspace.
_MEMBER = re.compile(r'(?:editable|virtual|directory|path|url)"?(?: = |: )"(?:\./)?([^":]+)"')


@dataclass(frozen=True)
class Release:
    """The agentex-sdk that a project gets: ``stated`` decides, ``others`` contradict it.

    ``verdict`` is the verdict on an agent that nothing patches.
    """

    stated: list[Stated]
    others: list[Stated]
    companions: list[tuple[Stated, _upstream.Companion]]
    verdict: Verdict
    requires_patch: bool


class Projects:
    """The projects of a tree, by their folders."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._files: dict[tuple[Path, Kind], list[Path]] = defaultdict(list)
        above = [file for each in tree.upward(tree.root)[1:] for file in sorted(each.glob("*"))]
        for file in (*tree.files, *above):
            # requirements/base.txt belongs to the folder above.
            home = file.parents[file.parent.name == "requirements"]
            self._files[home, tree.kind(file)].append(file)
        self._manifests = {each.parent for each in tree.files if each.name == "manifest.yaml"}
        self.of = cache(self._of)
        self.release = cache(self._release)
        self._stated = cache(self._read)
        self._members = cache(self._read_members)

    def _release(self, project: Path) -> Release:
        """Return the agentex-sdk that a project gets: its lock decides, then pins, then ranges."""
        written, locked = self._counting(project)
        ranges = [each for each in written if each.distribution == _SDK]
        locks = [each for each in locked if each.distribution == _SDK]
        stated = locks or [each for each in ranges if each.version] or ranges
        verdict = _verdict(stated)
        versions = {each.version for each in stated if each.version}
        others = [each for each in ranges if versions and not any(map(each.allows, versions))]
        # An installer replaces a lock that contradicts the requirements, with an unknown release.
        if locks and any(_verdict([each]) not in (verdict, "raise bound") for each in others):
            verdict = "unknown"
        companions = [
            (each, fact)
            for fact in _upstream.COMPANIONS
            for each in locked or written
            if any(_upstream.within(version, fact.sdk) for version in versions)
            and each.distribution == fact.distribution
            and each.version
            and not _upstream.within(each.version, fact.works)
        ]
        required = any(each.distribution == PATCH for each in written or locked)
        return Release(stated, others, companions, verdict, required)

    def _of(self, folder: Path) -> Path:
        """Return the nearest folder upward that is a project, else the folder itself."""
        for each in self._tree.upward(folder):
            if each in self._manifests or self._declares(each):
                return each
        return folder

    def _declares(self, folder: Path) -> bool:
        """Return whether a folder states requirements of its own."""
        return any(map(self._stated, self._files[folder, "container"])) or any(
            each.suffix in (".txt", ".in") or _TABLES.search(self._tree.text(each))
            for each in self._files[folder, "requirements"]
        )

    def _counting(self, project: Path) -> tuple[list[Stated], list[Stated]]:
        """Return what is written and what is locked for a project.

        Both come from the nearest folder upward that states agentex-sdk. A lock above a project
        with requirements of its own counts only when it installs the project.
        """
        written: list[Stated] = []
        locked: list[Stated] = []
        has_own = False
        for folder in self._tree.upward(project):
            if _SDK not in {each.distribution for each in written}:
                files = self._files[folder, "requirements"] + self._files[folder, "container"]
                written += [each for file in files for each in self._stated(file)]
            for lock in reversed(self._files[folder, "lock"]):  # uv.lock first
                if not locked and (not has_own or project in self._members(lock)):
                    locked = self._stated(lock)
            if _SDK in {each.distribution for each in locked}:
                break
            has_own = has_own or self._declares(folder)
        return written, locked

    def _read_members(self, lock: Path) -> set[Path]:
        return {lock.parent / name for name in _MEMBER.findall(self._tree.text(lock))}

    def _read(self, file: Path) -> list[Stated]:
        reader = read_lock if self._tree.kind(file) == "lock" else read_lines
        if file.name in ("pyproject.toml", "Pipfile"):
            reader = read_toml
        try:
            return list(reader(file, self._tree.text(file)))
        except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            self._tree.not_read[file] = f"cannot be understood: {error}"
        return []


def _verdict(stated: list[Stated]) -> Verdict:
    ranges = [each.releases for each in stated if each.releases is not None]
    is_pinned = any(each.version for each in stated)
    if not is_pinned:  # an installer meets all ranges together
        ranges = [SpecifierSet(",".join(map(str, ranges)))]
    allowed = [version for each in ranges for version in _near(each)
               if each.contains(version, prereleases=True)]  # fmt: skip
    if not stated or not allowed or any(each.releases is None for each in stated):
        return "unknown"
    if not any(_upstream.within(str(version), _upstream.AFFECTED) for version in allowed):
        return "ok"
    if max(allowed) < Version(_upstream.FIXED_IN):
        return "needs patch"
    return "unknown" if is_pinned else "raise bound"


def _near(releases: SpecifierSet) -> Iterator[Version]:
    """Yield versions below, at and above each bound: enough to know which sides a range allows."""
    yield from (Version("0"), Version("9999"))
    for each in (*releases, *_upstream.AFFECTED):
        version = Version(each.version.removesuffix(".*"))
        yield version
        for minor, micro in ((0, 1), (0, -1), (1, 0)):
            near = f"{version.minor + minor}.{max(version.micro + micro, 0)}"
            yield Version(f"{version.major}.{near}")
