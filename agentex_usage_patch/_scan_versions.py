"""The agentex-sdk that an agent gets: which file says so, and what else it says."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import SpecifierSet

from . import _upstream
from ._scan_above import above
from ._scan_files import Files
from ._scan_locks import again
from ._scan_ranges import Side, newest, within
from ._scan_stated import PATCH, Stated, narrowed
from ._scan_walk import LOCKS, Tree

#: Words in the name of a file with requirements.
_CHECKS = re.compile(
    r"(?<![a-z])(dev|develop|development|tests?|testing|lint|linting|docs?)(?![a-z])", re.IGNORECASE
)


@dataclass(frozen=True)
class Companion:
    """A companion that breaks the agentex-sdk beside it, and what is stated of it, if it is."""

    fact: _upstream.Companion
    stated: Stated | None


@dataclass(frozen=True)
class Versions:
    """What is stated for one agent.

    ``sdk`` is from the file that is trusted most, several where a lock has several
    resolutions, or environments differ; ``side`` is that of the one that needs the most.
    ``others`` say something else. ``patch`` states this package where it counts,
    ``written_patch`` where a person wrote it, which a lock may not know yet. ``editable`` is
    the file and the line where a person would write a requirement. ``again`` is how a tool
    makes the trusted file again, empty for one that a person writes.
    """

    sdk: tuple[Stated, ...]
    side: Side
    others: tuple[Stated, ...]
    patch: Stated | None
    written_patch: Stated | None
    companions: tuple[Companion, ...]
    editable: tuple[Path, int] | None
    again: str

    @property
    def needs_none(self) -> bool:
        """No release that is allowed needs the patch."""
        return self.side in ("fixed", "before")


class Requirements:
    """All that a tree states, read once; ``tree.not_read`` gets what could not be read."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._files = Files(tree)

    def of(self, folder: Path) -> Versions:
        """Return what is stated for an agent in a folder, by the nearest files upward."""
        files = list(self._upward(folder))
        locks = [file for file in files if file.name in LOCKS
                 if self._sdk(file) and self._files.is_for(file, folder)]  # fmt: skip
        written = [file for file in files
                   if file.name not in LOCKS and self._files.is_for(file, folder)]  # fmt: skip
        trusted = next((file for file in locks + written if self._sdk(file)), None)
        locked = trusted in locks
        if not locked:
            self._tree.not_read += above(self._tree.root, trusted is not None)
        # Those further up are of others.
        also = [
            each
            for file in written
            if trusted and self._tree.home(file).is_relative_to(self._tree.home(trusted))
            for each in self._files.named(file, _upstream.DISTRIBUTION)
        ]
        sdk = self._sdk(trusted) if trusted else ()
        sdk = sdk if locked else narrowed(sdk, [each for each in also if each.bounds])
        # A pin that all environments get holds whatever else is required there.
        sdk = tuple(each for each in sdk if each.version and each.always) or sdk
        by_hand = self._by_hand(written)
        ours = self._written(by_hand, PATCH)
        made = None if trusted in by_hand else trusted
        pinned = {each.version for each in sdk}
        return Versions(
            sdk=sdk,
            side=_worst(sdk, locked=locked),
            others=() if None in pinned else tuple(_disagreeing(also, pinned)),
            patch=next(iter(self._made(made, folder) if made else ours), None),
            written_patch=next(iter(ours), None),
            companions=tuple(self._companions(sdk, trusted, written)),
            editable=self._editable(by_hand),
            again=again(made) if made else "",
        )  # fmt: skip

    def brought(self, versions: Versions, shared: Path) -> Stated | None:
        """Return where the project of a shared file requires this package, for an agent whose
        lock knows it too, if it has one.
        """
        if versions.again and not self._files.required(versions.sdk[0].file, PATCH):
            return None
        theirs = self.of(shared.parent)
        return theirs.written_patch or theirs.patch

    def elsewhere(
        self, folders: Iterable[Path], told: Container[Path]
    ) -> Iterator[tuple[Stated | None, Stated | None]]:
        """Yield where this package is required, as a person wrote it and as a tool made of that,
        but by what lies around some folders, by tests and by the files that are told of.
        """
        theirs = {each for folder in folders for each in self._tree.upward(folder)}
        for folder in sorted(self._tree.requirements.keys() - theirs):
            files = sorted(self._tree.requirements[folder], key=_trust)
            files = [file for file in files if file not in told and not self._tree.is_test(file)]
            written = [file for file in files if file.name not in LOCKS]
            by_hand = self._by_hand(written)
            ours = self._written(by_hand, PATCH)
            made = (each for file in files if file not in by_hand
                    for each in self._files.required(file, PATCH))  # fmt: skip
            yield next(iter(ours), None), next(made, None)

    def _upward(self, folder: Path) -> Iterator[Path]:
        """Yield the files that state requirements, nearest first, by trust in each folder."""
        for each in self._tree.upward(folder):
            yield from sorted(self._tree.requirements.get(each, ()), key=_trust)

    def _sdk(self, file: Path) -> tuple[Stated, ...]:
        """Return what a file requires of agentex-sdk: in groups and extras if nowhere else."""
        found = self._files.required(file, _upstream.DISTRIBUTION)
        return tuple(each for each in found if not each.part) or found

    def _made(self, file: Path, folder: Path) -> tuple[Stated, ...]:
        """Return where a file that a tool made states this package for what lies in a folder."""
        required = self._files.member(file, folder)
        if required is not None and PATCH not in required:
            return ()
        return self._files.required(file, PATCH)

    def _by_hand(self, written: list[Path]) -> list[Path]:
        """Return the files that people write, in the place of those that a compiler made."""
        found: list[Path] = []
        for file in written:
            sources = self._files.sources(file)
            found += [file] if sources is None else sources
        return list(dict.fromkeys(found))

    def _written(self, by_hand: list[Path], distribution: str) -> list[Stated]:
        """Return what people write of a distribution, and no compiler into what they include."""
        return [each for file in by_hand for each in self._files.required(file, distribution)
                if self._files.sources(each.file) is None]  # fmt: skip

    def _editable(self, by_hand: list[Path]) -> tuple[Path, int] | None:
        """Return where a requirement is to be written: beside that of agentex-sdk, if any is."""
        for stated in self._written(by_hand, _upstream.DISTRIBUTION):
            return stated.file, stated.line
        return (by_hand[0], 1) if by_hand else None

    def _companions(
        self, sdk: tuple[Stated, ...], trusted: Path | None, written: list[Path]
    ) -> Iterator[Companion]:
        if trusted is None:
            return
        found = {newest(each.releases, []) for each in sdk if each.releases is not None}
        for fact in _upstream.COMPANIONS:
            if not any(version and fact.sdk.contains(version, prereleases=True)
                       for version in found):  # fmt: skip
                continue
            stated = self._files.named(trusted, fact.distribution)
            if trusted.name in LOCKS:
                if not stated:
                    continue  # another distribution's lock, or one of a part
            else:
                elsewhere = (self._files.named(each, fact.distribution) for each in written)
                stated = stated or next(filter(None, elsewhere), ())
            releases = [each.releases for each in stated]
            if not any(each is not None and within(each, fact.works) for each in releases):
                yield Companion(fact, next(iter(stated), None))


def _trust(file: Path) -> tuple[int, bool, bool, str]:
    order = [*LOCKS, ".txt", ".in", "Pipfile", "pyproject.toml", "setup.cfg"]
    kind = order.index(file.suffix if file.suffix in order else file.name)
    # What runs an agent before what checks it, and the file of all before those of parts.
    return kind, bool(_CHECKS.search(file.stem)), file.stem != "requirements", file.stem


def _worst(sdk: tuple[Stated, ...], *, locked: bool) -> Side:
    sides = {each.side for each in sdk}
    differ = {"fixed"} if all(each.always for each in sdk) else {"fixed", "spans"}
    if not locked and "affected" in sides and sides & differ:
        return "spans"  # by environment
    order: tuple[Side, ...] = ("affected", "spans", "unknown", "fixed", "before")
    return next((each for each in order if each in sides), "unknown")


def _disagreeing(stated: list[Stated], pinned: set[str | None]) -> Iterator[Stated]:
    """Yield what allows no release that is pinned; a group, an extra or a marker may differ from
    what else the same file states.
    """
    agree = {each.file for each in stated if _allows_one(each, pinned)}
    for each in stated:
        may_differ = not each.always and each.file in agree
        if each.releases and not may_differ and not _allows_one(each, pinned):
            yield each


def _allows_one(stated: Stated, versions: set[str | None]) -> bool:
    releases = stated.releases or SpecifierSet()
    return any(version and releases.contains(version, prereleases=True) for version in versions)
