"""Files that people write requirements into: the releases that an environment may get."""

from __future__ import annotations

import configparser
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from . import _upstream
from ._scan_stated import PATCH, Stated, line_of, mentions, wanted
from ._scan_walk import NotRead, NotReadError

_INCLUDE = re.compile(r"(?:(-r|--requirement)|-c|--constraint)(?:\s+|=|(?<=-[rc]))(\S+)")
_OPTION = re.compile(r"\s--?[a-z]")
_COMMENT = re.compile(r"(^|\s)#.*$")
#: How pip is told the name of what lies in a repository.
_EGG = re.compile(r"#egg=([\w.-]+)")
#: The last part of a path or an address, without what follows: a branch, extras, a marker.
_PATH = re.compile(
    r"(?:-e\s+|--editable[\s=]+)?(?!-)(?:[\w+.-]+://(?:[^/@\s]*@)?)?"
    r"[^@#?;\[\s]*[/\\]([^@#?;\[\s/\\]+)"
)
_SUBDIRECTORY = re.compile(r"[#&]subdirectory=(?:[^&\s]*/)?([^&\s/]+)")
#: What follows a name in that of a wheel, a source archive or a repository.
_AFTER_NAME = re.compile(r"-\d|\.git$")
#: Between what has to hold at once, as Poetry takes it.
_AND = re.compile(r",|\s+(?=[\^~<>=!])")
_EXTRAS = re.compile(r"\[([\w., -]+)\]")


def read_requirements(
    file: Path, text: str, include: Callable[[Path, bool], str | None], *, bounds: bool = False
) -> tuple[list[Stated], list[NotRead]]:
    """Return what a requirements file states, with what it includes, and what was not read.

    ``include`` returns the text of another file, None when it has been asked before for the
    same, and raises `NotReadError`. ``bounds`` is that the file is one of constraints.
    """
    stated: list[Stated] = []
    not_read: list[NotRead] = []
    for number, line in _logical_lines(text):
        if found := _INCLUDE.match(line):
            other, only_bounds = file.parent / found.group(2), bounds or not found.group(1)
            try:
                included = include(other, only_bounds)
            except NotReadError as error:
                not_read.append(NotRead(file, f"line {number} includes {found.group(2)}: {error}"))
                continue
            if included is not None:
                more, missed = read_requirements(other, included, include, bounds=only_bounds)
                stated += more
                not_read += missed
            continue
        named = _named(line)
        if name := wanted(named):
            elsewhere = _from_elsewhere(name, line, file, number)
            stated += (replace(each, bounds=bounds) for each in elsewhere)
            continue
        requirement = _OPTION.split(line)[0].strip()
        if not requirement or requirement.startswith("-"):
            continue
        try:
            stated += (replace(each, bounds=bounds) for each in _one(requirement, file, number))
        except InvalidRequirement:
            if mentions(line) and not named:
                not_read.append(NotRead(file, f"line {number} is no requirement"))
    return stated, not_read


def _named(line: str) -> str:
    """Return the name of what is from no index: as pip is told it, or as its wheel, its archive,
    its folder or its repository is called. Empty where a line holds no path.
    """
    found = _EGG.search(line)
    if not found and (found := _PATH.match(line)):
        found = _SUBDIRECTORY.search(line) or found
    return _AFTER_NAME.split(found.group(1))[0] if found else ""


def _from_elsewhere(name: str, line: str, file: Path, number: int) -> Iterator[Stated]:
    yield (stated := Stated(name, "", file, number, origin=line))
    if extras := _EXTRAS.search(line):
        yield from _extras(stated, re.split(r"[\s,]+", extras.group(1)))


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    started, so_far = 0, ""
    for number, physical in enumerate(text.splitlines(), 1):
        started = started or number
        so_far += _COMMENT.sub("", physical)
        if so_far.endswith("\\"):
            so_far = so_far[:-1]
            continue
        yield started, so_far.strip()
        started, so_far = 0, ""
    yield started, so_far.strip()


def read_pyproject(file: Path, text: str) -> list[Stated]:
    """Return what a pyproject.toml states, in the tables of the standard and of the tools.

    A Pipfile is one that has the tables of its tool alone.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise NotReadError(f"no TOML: {error}") from None
    project, tool = _table(table, "project"), _table(table, "tool")
    pdm, uv = _table(tool, "pdm"), _table(tool, "uv")
    lists = [
        project.get("dependencies", []),
        *_table(project, "optional-dependencies").values(),
        *_table(table, "dependency-groups").values(),
        *_table(pdm, "dev-dependencies").values(),
        uv.get("dev-dependencies", []),
    ]
    stated = [
        replace(each, part=place > 0)
        for place, requirements in enumerate(lists)
        for requirement in requirements
        if isinstance(requirement, str)
        for each in _in_text(requirement, file, text)
    ]
    poetry = _table(tool, "poetry")
    for name, group in [("main", poetry), *_table(poetry, "group").items()]:
        for kind in ("dependencies", "dev-dependencies"):
            part = name != "main" or kind != "dependencies"
            stated += _poetry(_table(group, kind), file, text, part=part)
    for kind in ("packages", "dev-packages"):
        stated += _poetry(_table(table, kind), file, text, part=kind != "packages")
    sources = {wanted(name): source for name, source in _table(uv, "sources").items()}
    return [_from(sources[each.distribution], each) if each.distribution in sources else each
            for each in stated]  # fmt: skip


def read_setup_cfg(file: Path, text: str) -> list[Stated]:
    """Return what a setup.cfg states, extras included."""
    config = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        config.read_string(text)
    except configparser.Error as error:
        raise NotReadError(f"no setup.cfg: {str(error).splitlines()[0]}") from None
    lists = [(False, config.get("options", "install_requires", fallback=""))]
    if config.has_section("options.extras_require"):
        lists += [(True, value) for _, value in config.items("options.extras_require")]
    lines = ((part, line.strip()) for part, value in lists for line in value.splitlines())
    return [replace(each, part=part)
            for part, line in lines if line for each in _in_text(line, file, text)]  # fmt: skip


def _table(table: dict[str, Any], name: str) -> dict[str, Any]:
    found = table.get(name, {})
    return found if isinstance(found, dict) else {}


def _one(written: str, file: Path, line: int) -> Iterator[Stated]:
    requirement = Requirement(written)
    if name := wanted(requirement.name):
        stated = Stated(name, str(requirement.specifier), file, line, origin=requirement.url or "",
                        marked=requirement.marker is not None)  # fmt: skip
        yield stated
        yield from _extras(stated, requirement.extras)


def _extras(stated: Stated, extras: Iterable[str]) -> Iterator[Stated]:
    """Yield what the extras of this package require, at the line that asks for them."""
    if stated.distribution == PATCH:
        for extra in sorted(extras):
            for requirement in _upstream.EXTRAS.get(canonicalize_name(extra), ()):
                for each in _one(requirement, stated.file, stated.line):
                    yield replace(each, marked=stated.marked)


def _in_text(written: str, file: Path, text: str) -> Iterator[Stated]:
    try:
        found = list(_one(written, file, 0))
    except InvalidRequirement:
        return
    near = written.partition(";")[0].strip()
    for each in found:  # an extra's are where the first is
        yield replace(each, line=line_of(text, found[0].distribution, near))


def _poetry(table: dict[str, Any], file: Path, text: str, *, part: bool) -> Iterator[Stated]:
    for name, value in table.items():
        distribution = wanted(name)
        if distribution is None:
            continue
        for each in value if isinstance(value, list) else [value]:
            entry = each if isinstance(each, dict) else {"version": each}
            version = str(entry.get("version", "*"))
            origin = next(
                (str(entry[kind]) for kind in ("git", "url", "path") if kind in entry), ""
            )
            line = line_of(text, distribution, version)
            ranges = version.split("||")
            # Several are for an environment each, by the markers beside them, or any of them.
            marked = isinstance(value, list) or len(ranges) > 1
            stated = [Stated(distribution, _standard(each), file, line, origin=origin,
                             part=part, marked=marked) for each in ranges]  # fmt: skip
            yield from stated
            for found in _extras(stated[0], entry.get("extras", [])):
                yield replace(found, part=part)


def _standard(poetry: str) -> str:
    """Return Poetry's way to write a range in the standard one, as it is if it is none."""
    parts = []
    for part in (each.strip() for each in _AND.split(poetry)):
        number = part.lstrip("^~= ")
        release = [int(digits) for digits in re.findall(r"\d+", number)]
        if part == "*" or not release:
            continue
        if part.startswith("^"):
            place = next((at for at, digit in enumerate(release) if digit), len(release) - 1)
            parts += [f">={number}", f"<{_next(release, place)}"]
        elif part.startswith("~") and not part.startswith("~="):
            parts += [f">={number}", f"<{_next(release, min(1, len(release) - 1))}"]
        elif part[0].isdigit():
            parts.append(f"=={part}")
        else:
            parts.append(part)
    try:
        SpecifierSet(",".join(parts))
    except InvalidSpecifier:
        return poetry.strip()
    return ",".join(parts)


def _next(release: list[int], place: int) -> str:
    return ".".join(map(str, [*release[:place], release[place] + 1]))


def _from(source: Any, stated: Stated) -> Stated:
    where = source if isinstance(source, dict) else {}
    origin = next((str(where[kind]) for kind in ("git", "url", "path") if kind in where), "")
    return replace(stated, origin=origin or stated.origin)
