"""What files state of a distribution: requirements, containers' commands, and locks."""

from __future__ import annotations

import configparser
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from .. import _upstream
from .files import NotReadError

PATCH = "agentex-usage-patch"
WANTED = {PATCH, _upstream.DISTRIBUTION, *(each.distribution for each in _upstream.COMPANIONS)}
#: Where a requirement or a lock says that something is not from an index.
ORIGINS = ("git", "url", "path", "file", "directory", "editable", "vcs", "archive")
_INCLUDE = re.compile(r"(-r|--requirement|-c|--constraint)(?:\s+|=|(?<=-[rc]))(\S+)")
_NAMED = re.compile(r"#egg=([\w.-]+)|/([A-Za-z][\w.-]*?)(?:-\d[^/]*|\.git)?(?:@[^/]*)?/?$")
_INSTALL = re.compile(r"\b(?:uv\s+)?pip3?\s+install\b|\buv\s+(?:add|tool install)\b")
_AND = re.compile(r",|\s+(?=[\^~<>=!])")


@dataclass(frozen=True)
class Stated:
    """A distribution and the releases that a file allows.

    ``written`` is as the file has it, empty for any release. ``origin`` is set when the
    distribution is not from an index. A ``bound`` narrows what is required elsewhere.
    """

    distribution: str
    written: str
    file: Path
    line: int
    locked: bool = False
    origin: str = ""
    bound: bool = False

    @property
    def releases(self) -> SpecifierSet | None:
        """The releases that are allowed, None where nobody can know."""
        try:
            if self.origin:
                return None
            if self.locked:
                return SpecifierSet(f"=={Version(self.written)}")
            return SpecifierSet(self.written)
        except (InvalidSpecifier, InvalidVersion):
            return None

    @property
    def version(self) -> str | None:
        """The one release that is allowed, None where there are several."""
        for each in self.releases or ():
            if each.operator in ("==", "===") and not each.version.endswith(".*"):
                return each.version
        return None


def canonical(name: object) -> str:
    """Return the canonical form of a distribution's name, empty for what is no name."""
    return canonicalize_name(name) if isinstance(name, str) else ""


def line_of(text: str, *parts: str) -> int:
    """Return the first line that names the first part and holds most of the others."""
    name = re.compile(re.escape(parts[0]).replace(r"\-", "[-_.]+") + r"(?![\w-])", re.IGNORECASE)
    lines = [
        (-sum(part in line for part in parts[1:]), number)
        for number, line in enumerate(text.splitlines(), 1)
        if name.search(line.partition("#")[0])
    ]
    return min(lines, default=(0, 1))[1]


def read_requirements(
    file: Path, text: str, include: Callable[[Path], str | None], *, bound: bool = False
) -> Iterator[Stated]:
    """Yield what a requirements file states, with what it includes.

    ``include`` returns the text of another file, None when it is not to be read.
    """
    for number, line in _logical_lines(text):
        if found := _INCLUDE.match(line):
            other = file.parent / found[2]
            if (included := include(other)) is not None:
                narrows = bound or "c" in found[1][:3]
                yield from read_requirements(other, included, include, bound=narrows)
        else:
            requirement = re.split(r"\s--?[a-z]", line)[0].strip()
            for each in _one(requirement, file, number):
                yield replace(each, bound=bound)


def read_container(file: Path, text: str) -> Iterator[Stated]:
    """Yield what the ``pip install`` commands of a Dockerfile state."""
    for number, line in _logical_lines(text, comment=r"^\s*#.*$"):
        for command in re.split(r"&&|\|\||;", line):
            if found := _INSTALL.search(command):
                for word in command[found.end() :].split():
                    for each in _one(word.strip("\"',[]") if "[" not in word[1:-1]
                                     else word.strip("\"',"), file, number):  # fmt: skip
                        at = line_of(text, each.distribution, word)
                        yield replace(each, line=max(number, at))


def read_pyproject(file: Path, text: str) -> Iterator[Stated]:
    """Yield what a pyproject.toml or a Pipfile states, groups and extras included."""
    table = _toml(text)
    project, tool = _table(table, "project"), _table(table, "tool")
    pdm, uv, poetry = _table(tool, "pdm"), _table(tool, "uv"), _table(tool, "poetry")
    sources = {canonical(name): each for name, each in _table(uv, "sources").items()}
    lists = [
        project.get("dependencies"),
        *_table(project, "optional-dependencies").values(),
        *_table(table, "dependency-groups").values(),
        *_table(pdm, "dev-dependencies").values(),
        uv.get("dev-dependencies"),
    ]
    for written in (each for group in lists if isinstance(group, list) for each in group):
        if isinstance(written, str):
            for each in _in_text(written, file, text):
                yield replace(each, origin=each.origin or _origin(sources.get(each.distribution)))
    constraints = uv.get("constraint-dependencies")
    for written in constraints if isinstance(constraints, list) else ():
        yield from (replace(each, bound=True) for each in _in_text(str(written), file, text))
    groups = [poetry, *_table(poetry, "group").values(), {"dependencies": table.get("packages"),
              "dev-dependencies": table.get("dev-packages")}]  # fmt: skip
    for group in groups:
        for kind in ("dependencies", "dev-dependencies"):
            yield from _poetry(_table(group, kind), file, text)


def read_setup_cfg(file: Path, text: str) -> Iterator[Stated]:
    """Yield what a setup.cfg states, extras included."""
    config = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        config.read_string(text)
    except configparser.Error as error:
        raise NotReadError(f"no setup.cfg: {str(error).splitlines()[0]}") from None
    lists = [config.get("options", "install_requires", fallback="")]
    if config.has_section("options.extras_require"):
        lists += [value for _, value in config.items("options.extras_require")]
    for line in (line.strip() for value in lists for line in value.splitlines()):
        yield from _in_text(line, file, text)


def project_name(text: str) -> str:
    """Return the canonical name that a pyproject.toml gives its project, empty for none."""
    table = _toml(text)
    named = _table(table, "project"), _table(_table(table, "tool"), "poetry")
    return next(filter(None, (canonical(each.get("name")) for each in named)), "")


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise NotReadError(f"no TOML: {error}") from None


def _table(table: object, name: str) -> dict[str, Any]:
    found = table.get(name) if isinstance(table, dict) else None
    return found if isinstance(found, dict) else {}


def _origin(source: object) -> str:
    """Return where something comes from that is not from an index, empty for an index."""
    # One for each marker, as uv has it.
    for each in source if isinstance(source, list) else [source]:
        for kind in (*ORIGINS, "workspace"):
            if isinstance(each, dict) and each.get(kind):
                return f"{kind} {each[kind]}"
    return ""


def _logical_lines(text: str, comment: str = r"(^|\s)#.*$") -> Iterator[tuple[int, str]]:
    started, so_far = 0, ""
    for number, physical in enumerate([*text.splitlines(), ""], 1):
        started = started or number
        part = re.sub(comment, "", physical)
        so_far += part.removesuffix("\\")
        # A comment between continued lines does not end the command.
        if part.endswith("\\") or (so_far and not part and physical.strip()):
            continue
        yield started, so_far.strip()
        started, so_far = 0, ""


def _one(written: str, file: Path, line: int) -> Iterator[Stated]:
    try:
        requirement = Requirement(written)
    except InvalidRequirement:
        found = _NAMED.search(written.partition(";")[0].split("[")[0])
        name = canonical(found[1] or found[2].replace("_", "-")) if found else ""
        if name in WANTED:  # a path, a wheel or a repository
            yield Stated(name, "", file, line, origin=written)
        return
    name = canonical(requirement.name)
    if name in WANTED:
        yield Stated(name, str(requirement.specifier), file, line, origin=requirement.url or "")
    for extra in sorted(requirement.extras) if name == PATCH else ():
        for each in _upstream.EXTRAS.get(canonical(extra), ()):
            yield from _one(each, file, line)


def _in_text(written: str, file: Path, text: str) -> Iterator[Stated]:
    for each in _one(written, file, 0):
        named = canonical(re.match(r"[\w.-]*", written)[0])  # type: ignore[index]  # it may be empty, and matches
        yield replace(each, line=line_of(text, named, written.partition(";")[0].strip()))


def _poetry(table: dict[str, Any], file: Path, text: str) -> Iterator[Stated]:
    for name, value in table.items():
        if canonical(name) not in WANTED:
            continue
        for each in value if isinstance(value, list) else [value]:
            entry = each if isinstance(each, dict) else {"version": each}
            version = str(entry.get("version", "*"))
            line = line_of(text, canonical(name), version)
            origin = _origin(entry)
            for one in version.split("||"):
                yield Stated(canonical(name), _standard(one), file, line, origin=origin)
            extras = entry.get("extras")
            for extra in extras if isinstance(extras, list) else ():
                for required in _upstream.EXTRAS.get(canonical(extra), ()):
                    yield from _one(required, file, line)


def _standard(written: str) -> str:
    """Return Poetry's way to write a range in the standard one."""
    parts = []
    for part in (each.strip() for each in _AND.split(written)):
        number = part.lstrip("^~= ")
        release = [int(digits) for digits in re.findall(r"\d+", number)]
        if part == "*" or not release:
            continue
        if part.startswith("^"):
            place = next((at for at, digit in enumerate(release) if digit), len(release) - 1)
            parts += [f">={number}", f"<{_next(release, place)}"]
        elif part.startswith("~") and not part.startswith("~="):
            parts += [f">={number}", f"<{_next(release, min(1, len(release) - 1))}"]
        else:
            parts.append(f"=={part}" if part[0].isdigit() else part)
    return ",".join(parts)


def _next(release: list[int], place: int) -> str:
    return ".".join(map(str, [*release[:place], release[place] + 1]))
