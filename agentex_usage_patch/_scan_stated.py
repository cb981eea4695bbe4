"""What one file states of a distribution, whatever kind of file it is."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from . import _upstream
from ._scan_ranges import Side, side

PATCH = "agentex-usage-patch"
#: In characters. Python makes no number of some thousand digits, and nobody means one.
_LONGEST = 1000
#: The distributions about which something is to be known.
WANTED = frozenset({
    PATCH, _upstream.DISTRIBUTION, *(each.distribution for each in _upstream.COMPANIONS),
})  # fmt: skip

_SPELLED = {
    name: re.compile(
        rf"(?<![\w.-]){name.replace('-', '[-_.]+')}(?![\w-]|\.[A-Za-z])", re.IGNORECASE
    )
    for name in WANTED
}


@dataclass(frozen=True)
class Stated:
    """A distribution and the releases that a file allows: one, from a lock or a pin, or many.

    ``written`` is as it stands there, empty for any release. ``origin`` is where it comes
    from when it is not from an index: then its release is not known. ``part`` is that of a
    group or an extra, ``marked`` what some environments get and others do not.
    """

    distribution: str
    written: str
    file: Path
    line: int
    locked: bool = False
    origin: str = ""
    bounds: bool = False
    part: bool = False
    marked: bool = False

    @property
    def releases(self) -> SpecifierSet | None:
        """The releases that are allowed, None where that cannot be known."""
        try:
            if (self.origin and not self.locked) or len(self.written) > _LONGEST:
                return None
            if self.locked:
                return SpecifierSet(f"=={Version(self.written)}")
            return SpecifierSet(self.written)
        except (InvalidSpecifier, InvalidVersion):
            return None

    @property
    def always(self) -> bool:
        """It counts in every environment."""
        return not self.part and not self.marked

    @property
    def side(self) -> Side:
        """Where this leads, of agentex-sdk."""
        return side(self.releases) if self.releases is not None else "unknown"

    @property
    def version(self) -> str | None:
        """The one release that is allowed, None where there are several or none is known."""
        releases = list(self.releases or ())
        if len(releases) != 1 or releases[0].operator not in ("==", "==="):
            return None
        version = releases[0].version
        return None if version.endswith(".*") else version


def narrowed(required: tuple[Stated, ...], bounds: list[Stated]) -> tuple[Stated, ...]:
    """Return what constraints leave of what is required, one that pins it in its place."""
    pins = tuple(each for each in bounds if each.version)
    found: list[Stated] = []
    for each in required:
        releases = each.releases
        if releases is None or each.version or not bounds:
            found.append(each)
        elif pins:
            found += pins
        else:
            for bound in bounds:
                releases &= bound.releases or SpecifierSet()
            found.append(replace(each, written=str(releases)))
    return tuple(dict.fromkeys(found))


def mentions(text: str) -> bool:
    """Say whether a wanted distribution may be named in a text, however it is spelled."""
    return any(_SPELLED[name].search(text) for name in WANTED)


def line_of(text: str, distribution: str, near: str = "") -> int:
    """Return the first line that names a distribution, rather one that also holds ``near``."""
    spelled = _SPELLED[distribution]
    lines = [
        (near not in line, number)
        for number, line in enumerate(text.splitlines(), 1)
        if spelled.search(line.partition("#")[0])
    ]
    return min(lines, default=(True, 1))[1]


def wanted(name: object) -> str | None:
    """Return a distribution's name as it is written here, None when it is not wanted."""
    canonical = canonicalize_name(name) if isinstance(name, str) else ""
    return canonical if canonical in WANTED else None
