"""The agentex-sdk that an agent gets: which file says so, and what else it says."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from packaging.specifiers import SpecifierSet

from . import _upstream
from ._scan_locks import members, read_lock
from ._scan_ranges import Side, newest, side, within
from ._scan_requirements import read_pyproject, read_requirements, read_setup_cfg
from ._scan_stated import PATCH, Stated
from ._scan_walk import LOCKS, REQUIREMENTS_LIMIT, NotRead, NotReadError, Tree, read


@dataclass(frozen=True)
class Companion:
    """A companion that breaks the agentex-sdk beside it, and what is stated of it, if it is."""

    fact: _upstream.Companion
    stated: Stated | None


@dataclass(frozen=True)
class Versions:
    """What is stated for one agent.

    ``sdk`` is from the file that is trusted most, several where a lock has several
    resolutions; ``side`` is that of the one that needs the most. ``others`` say something
    else. ``patch`` states this package where it counts, ``written_patch`` where a person
    wrote it, which a lock may not know yet. ``editable`` is the file and the line where a
    person would write a requirement.
    """

    sdk: tuple[Stated, ...]
    side: Side
    others: tuple[Stated, ...]
    patch: Stated | None
    written_patch: Stated | None
    companions: tuple[Companion, ...]
    editable: tuple[Path, int] | None


class Requirements:
    """All that a tree states, read once; ``tree.not_read`` gets what could not be read."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._stated: dict[Path, list[Stated]] = {}
        self._members: dict[Path, dict[str, frozenset[str]]] = {}

    def of(self, folder: Path) -> Versions:
        """Return what is stated for an agent in a folder, by the nearest files upward."""
        locks = [file for file in self._upward(folder) if file.name in LOCKS]
        written = [file for file in self._upward(folder) if file.name not in LOCKS]
        trusted = next(
            (file for file in locks + written
             if self._named(file, _upstream.DISTRIBUTION) and self._is_for(file, folder)), None,
        )  # fmt: skip
        sdk = self._named(trusted, _upstream.DISTRIBUTION) if trusted else ()
        exact = tuple(each for each in sdk if each.version)
        sdk = exact or sdk
        by_hand = next((each for file in written for each in self._named(file, PATCH)), None)
        locked = trusted is not None and trusted.name in LOCKS
        pinned = {each.version for each in exact}
        return Versions(
            sdk=sdk,
            side=_worst(sdk),
            others=tuple(
                each
                for file in written
                if trusted and file.parent.is_relative_to(trusted.parent)
                for each in self._named(file, _upstream.DISTRIBUTION)
                if pinned and each.releases and not _allows_one(each.releases, pinned)
            ),
            patch=self._patch(trusted, folder) if locked else by_hand,
            written_patch=by_hand,
            companions=tuple(self._companions(sdk, trusted, written)),
            editable=self._editable(written, trusted),
        )

    def brought(self, versions: Versions, shared: Path) -> Stated | None:
        """Return where the project of a shared file requires this package, for an agent whose
        lock knows it too, if it has one.
        """
        lock = versions.sdk[0] if versions.sdk and versions.sdk[0].locked else None
        if lock and not self._named(lock.file, PATCH):
            return None
        theirs = self.of(shared.parent)
        return theirs.written_patch or theirs.patch

    def elsewhere(
        self, folders: Iterable[Path], told: Container[Path]
    ) -> Iterator[tuple[Stated | None, Stated | None]]:
        """Yield where this package is required, as a person wrote it and in a lock, but by what
        lies around some folders, by tests and by the files that are told of.
        """
        theirs = {each for folder in folders for each in self._tree.upward(folder)}
        for folder in sorted(self._tree.requirements.keys() - theirs):
            files = sorted(self._tree.requirements[folder], key=_trust)
            files = [file for file in files if file not in told and not self._tree.is_test(file)]
            stated = [each for file in files for each in self._named(file, PATCH)]
            yield (next((each for each in stated if not each.locked), None),
                   next((each for each in stated if each.locked), None))  # fmt: skip

    def _upward(self, folder: Path) -> Iterator[Path]:
        """Yield the files that state requirements, nearest first, by trust in each folder."""
        for each in self._tree.upward(folder):
            yield from sorted(self._tree.requirements.get(each, ()), key=_trust)

    def _named(self, file: Path, distribution: str) -> tuple[Stated, ...]:
        if file not in self._stated:
            self._stated[file] = self._read(file)
        return tuple(each for each in self._stated[file] if each.distribution == distribution)

    def _read(self, file: Path) -> list[Stated]:
        try:
            text = _text(file)
            if file.name in LOCKS:
                if file.name == "uv.lock":
                    self._members[file] = members(text)
                return read_lock(file, text)
            if file.name in ("pyproject.toml", "Pipfile"):
                return read_pyproject(file, text)
            if file.name == "setup.cfg":
                return read_setup_cfg(file, text)
            include = partial(self._included, {file.resolve()})
            stated, missed = read_requirements(file, text, include)
        except NotReadError as error:
            self._tree.not_read.append(NotRead(file, str(error)))
            return []
        except (ValueError, TypeError, AttributeError, LookupError, RuntimeError) as error:
            # Well-formed, with something where no tool would write it, or nested without end.
            self._tree.not_read.append(NotRead(file, _not_understood(error)))
            return []
        self._tree.not_read += missed
        return stated

    def _included(self, before: set[Path], other: Path) -> str | None:
        """Return the text of a file that another includes, None if it was ``before``."""
        try:
            target = other.resolve()
        except (ValueError, RuntimeError) as error:  # no path at all, or a loop of links
            raise NotReadError(_not_understood(error)) from None
        if not target.is_relative_to(self._tree.root):
            raise NotReadError("out of the tree")
        if target in before:
            return None
        before.add(target)
        return _text(target)

    def _is_for(self, file: Path, folder: Path) -> bool:
        """Say whether a lock is for what lies in a folder: a workspace says which it is for."""
        return not self._members.get(file) or self._member(file, folder) is not None

    def _member(self, lock: Path, folder: Path) -> frozenset[str] | None:
        """Return what the member of a lock requires that a folder is part of.

        One that lies further up than the folder's own requirements is another project.
        """
        required = {(lock.parent / name).resolve(): names
                    for name, names in self._members.get(lock, {}).items()}  # fmt: skip
        # The folder of the lock is one with requirements.
        nearest = next(each for each in self._tree.upward(folder)
                       if each in required or each in self._tree.requirements)  # fmt: skip
        return required.get(nearest)

    def _patch(self, lock: Path | None, folder: Path) -> Stated | None:
        """Return where a lock states this package for what lies in a folder."""
        required = self._member(lock, folder) if lock else None
        if lock is None or (required is not None and PATCH not in required):
            return None
        return next(iter(self._named(lock, PATCH)), None)

    def _editable(self, written: list[Path], trusted: Path | None) -> tuple[Path, int] | None:
        """Return where a requirement is to be written: beside that of agentex-sdk, if any is."""
        for file in [trusted, *written]:
            if file in written:
                for stated in self._named(file, _upstream.DISTRIBUTION):
                    return stated.file, stated.line
        return (written[0], 1) if written else None

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
            stated = self._named(trusted, fact.distribution)
            if trusted.name in LOCKS:
                if not stated:
                    continue  # another distribution's lock, or one of a part
            else:
                stated = stated or next(
                    filter(None, (self._named(each, fact.distribution) for each in written)), ()
                )
            releases = [each.releases for each in stated]
            if not any(each is not None and within(each, fact.works) for each in releases):
                yield Companion(fact, next(iter(stated), None))


def _not_understood(error: Exception) -> str:
    return f"cannot be understood: {type(error).__name__}"


def _text(file: Path) -> str:
    try:
        return read(file, REQUIREMENTS_LIMIT).decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise NotReadError("not in UTF-8") from None


def _trust(file: Path) -> tuple[int, str]:
    order = [*LOCKS, "requirements", "Pipfile", "pyproject.toml", "setup.cfg"]
    name = "requirements" if file.suffix == ".txt" else file.name
    return order.index(name), file.stem


def _worst(sdk: tuple[Stated, ...]) -> Side:
    sides = {side(each.releases) if each.releases is not None else "unknown" for each in sdk}
    order: tuple[Side, ...] = ("affected", "spans", "unknown", "fixed", "before")
    return next((each for each in order if each in sides), "unknown")


def _allows_one(releases: SpecifierSet, versions: set[str | None]) -> bool:
    return any(version and releases.contains(version, prereleases=True) for version in versions)
