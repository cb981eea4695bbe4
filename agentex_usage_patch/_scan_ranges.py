"""Which side of the fix a range of releases lies on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from . import _upstream

#: Where a statement about agentex-sdk leads. ``spans``: a new environment gets the fix,
#: and an older one that also fits may not have it, or another by its markers. ``before``:
#: there is no such model.
Side = Literal["affected", "fixed", "spans", "before", "unknown"]

_HIGH = 99999


def side(stated: SpecifierSet) -> Side:
    """Say which side of the fix the releases lie on that a range allows."""
    allowed = _allowed(stated, [_upstream.AFFECTED])
    if not allowed:
        return "unknown"
    affected = [_upstream.AFFECTED.contains(each, prereleases=True) for each in allowed]
    if affected[-1]:
        return "affected"
    if allowed[-1].release < Version(_upstream.FIXED_IN).release:
        return "before"
    return "spans" if any(affected) else "fixed"


def newest(stated: SpecifierSet, others: Iterable[SpecifierSet]) -> Version | None:
    """Return the newest release that a range allows, made up between those that are named."""
    return next(reversed(_allowed(stated, others)), None)


def within(stated: SpecifierSet, works: SpecifierSet) -> bool:
    """Say whether the newest release that a range allows lies in another range."""
    found = newest(stated, [works])
    return found is None or works.contains(found, prereleases=True)


def _allowed(stated: SpecifierSet, others: Iterable[SpecifierSet]) -> list[Version]:
    """Return the releases at and around each one that is named, as far as they are allowed."""
    points = {Version("0"), Version(str(_HIGH))}
    for each in (stated, *others):
        for specifier in each:
            try:
                points.update(_around(Version(specifier.version.removesuffix(".*"))))
            except InvalidVersion:  # anything may stand behind ===
                continue
    return sorted(each for each in points if stated.contains(each, prereleases=True))


def _around(version: Version) -> Iterator[Version]:
    release = version.release
    yield version
    yield Version(".".join(map(str, (*release, _HIGH))))
    yield Version(".".join(map(str, (*release[:-1], release[-1] + 1))))
    last = max((place for place, part in enumerate(release) if part), default=None)
    if last is not None:
        yield Version(".".join(map(str, (*release[:last], release[last] - 1, _HIGH))))
