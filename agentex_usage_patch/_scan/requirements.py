"""Read what requirements, containers and lock files state of a distribution."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from .. import _upstream

PATCH = "agentex-usage-patch"
_WANTED = {PATCH, _upstream.DISTRIBUTION, *(each.distribution for each in _upstream.COMPANIONS)}
#: How tools write that a distribution does not come from an index.
_ORIGINS = ("git", "url", "path", "file", "directory", "editable", "vcs", "archive", "workspace")
#: A line with the lines that continue it, and the comments between them.
_LOGICAL_LINE = re.compile(r"(?:.*\\\n(?:\s*#.*\n)*)*.+")
_COMMENT = re.compile(r"(^|\s)#.*|\\$", re.MULTILINE)
_INSTALL = re.compile(r"\bpip3?\s+install\b|\buv\s+add\b")
#: A package in a lock in TOML, and in that of Pipenv.
_PACKAGE = re.compile(
    r'(?m)^\[\[packages?\]\]\nname = "(?P<name>.+)"\n(?:(?!\[\[package|\[metadata).*\n?)*'
)
_ENTRY = re.compile(r'"(?P<name>[\w.-]+)": \{[^{}]*\}')


@dataclass(frozen=True)
class Stated:
    """A distribution, and the releases of it that a file allows.

    ``written`` is empty for any release. ``origin`` is set when the distribution does not come
    from an index.
    """

    distribution: str
    written: str
    file: Path
    line: int
    locked: bool = False
    origin: str = ""

    @property
    def said(self) -> str:
        """What is allowed, in words."""
        return self.version or ("not from an index" if self.origin else self.written or "any")

    @property
    def releases(self) -> SpecifierSet | None:
        """The releases that are allowed, None when they cannot be known."""
        try:
            releases = SpecifierSet(f"=={self.written}" if self.locked else self.written)
            for each in releases:
                Version(each.version.removesuffix(".*"))
        except (InvalidSpecifier, InvalidVersion):
            return None
        return None if self.origin else releases

    @property
    def version(self) -> str | None:
        """The only release that is allowed, None for a range."""
        for each in self.releases or ():
            if each.operator in ("==", "===") and not each.version.endswith(".*"):
                return each.version
        return None

    def allows(self, version: str) -> bool:
        """Return whether a release is allowed."""
        return self.releases is not None and self.releases.contains(version, prereleases=True)


def read_lines(file: Path, text: str) -> Iterator[Stated]:
    """Yield what the lines of a requirements file, a setup.cfg or a Dockerfile state."""
    for found in _LOGICAL_LINE.finditer(text):
        line = _COMMENT.sub("", found[0])
        written = [re.split(r"\s--?[a-z]", line)[0]]
        for command in re.split(r"&&|\|\||;", line):
            if install := _INSTALL.search(command):
                written += [word.strip("\"'") for word in command[install.end() :].split()]
        for each in (stated for part in written for stated in _requirement(part, file, 1)):
            yield replace(each, line=text.count("\n", 0, found.start()) + 1)


def read_toml(file: Path, text: str) -> Iterator[Stated]:
    """Yield what a pyproject.toml or a Pipfile states, groups and extras included."""
    table = tomllib.loads(text)
    sources = table.get("tool", {}).get("uv", {}).get("sources", {})
    for written in _dependencies(table, inside=file.name == "Pipfile"):
        for each in _requirement(written, file, 1):
            name = each.distribution.replace("-", "[-_.]+")
            pattern = rf"^.*[\"']{re.escape(written)}[\"']|^[^=#\n]*\b{name}\b"
            found = re.search(pattern, text, re.MULTILINE | re.IGNORECASE)
            line = text[: found.start() if found else 0].count("\n") + 1
            origin = each.origin or _origin(sources.get(each.distribution))
            yield replace(each, line=line, origin=origin)


def read_lock(file: Path, text: str) -> Iterator[Stated]:
    """Yield what a lock states: several releases when it resolves for several environments.

    Other packages are not parsed: a lock has megabytes.
    """
    is_json = file.name == "Pipfile.lock"
    for found in (_ENTRY if is_json else _PACKAGE).finditer(text):
        if found["name"] in _WANTED:
            block = found[0].partition(": ")[2] if is_json else found[0]
            package = json.loads(block) if is_json else next(iter(tomllib.loads(block).values()))[0]
            before = text[: found.start()] + found[0].partition("version")[0]
            version = str(package.get("version", "")).removeprefix("==")
            # Poetry writes an index other than the default as a source of this type.
            source = package.get("source") or {}
            origin = "" if source.get("type") == "legacy" else _origin(source) or _origin(package)
            line = before.count("\n") + 1
            yield Stated(found["name"], version, file, line, locked=True, origin=origin)


def _origin(source: object) -> str:
    """Return where a distribution comes from, empty for an index."""
    # uv has a list when the source depends on the environment.
    for each in source if isinstance(source, list) else [source]:
        for kind in _ORIGINS:
            if isinstance(each, dict) and each.get(kind):
                return f"{kind}:{each[kind]}"
    return ""


def _dependencies(table: dict[str, Any], *, inside: bool) -> Iterator[str]:
    """Yield the requirements in all tables and lists of dependencies, whatever tool reads them."""
    for key, value in table.items():
        listed = inside or "dependenc" in key
        if inside and canonicalize_name(key) in _WANTED:
            for each in value if isinstance(value, list) else [value]:
                yield _from_poetry(key, each)
        elif isinstance(value, dict):
            yield from _dependencies(value, inside=listed)
        elif listed and isinstance(value, list):
            yield from (each for each in value if isinstance(each, str))


def _from_poetry(name: str, value: object) -> str:
    """Return an entry of Poetry or Pipenv as a requirement."""
    entry: dict[str, Any] = value if isinstance(value, dict) else {"version": value}
    if origin := _origin(entry):
        return f"{name} @ {origin}"
    extras = ",".join(map(str, entry.get("extras", ())))
    parts = str(entry.get("version", "*")).split(",")
    return f"{name}[{extras}]{','.join(_standard(each.strip()) for each in parts)}"


def _standard(part: str) -> str:
    """Return a range of Poetry in the standard's form."""
    if part[0] not in "^~" or part.startswith("~="):
        return "" if part == "*" else f"=={part}" if part[0].isdigit() else part
    release = [int(number) for number in re.findall(r"\d+", part)]
    first = next((at for at, number in enumerate(release) if number), len(release) - 1)
    place = first if part[0] == "^" else min(1, len(release) - 1)
    return f">={part[1:]},<{'.'.join(map(str, [*release[:place], release[place] + 1]))}"


def _requirement(written: str, file: Path, line: int) -> Iterator[Stated]:
    try:
        requirement = Requirement(written.strip())
    except InvalidRequirement:
        return
    name = canonicalize_name(requirement.name)
    if name in _WANTED:
        yield Stated(name, str(requirement.specifier), file, line, origin=requirement.url or "")
    for extra in requirement.extras if name == PATCH else ():
        for each in _upstream.EXTRAS.get(canonicalize_name(extra), ()):
            yield from _requirement(each, file, line)
