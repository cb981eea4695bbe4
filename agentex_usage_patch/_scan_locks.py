"""Lock files: the releases that an environment gets."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from ._scan_stated import Stated, line_of, wanted
from ._scan_walk import NotReadError

_BLOCK = re.compile(r"^\[\[package\]\][ \t]*$", re.MULTILINE)
#: Where a lock says what is not from an index; of Poetry also one that is no default.
_ORIGIN = ("git", "url", "path", "file")
_INDEX = "legacy"
#: As Poetry, PDM and Pipenv write it.
_FROM_FOLDER = re.compile(r'^\s*"?(?:url|path)"?(?: =|:) "([^"]+)"', re.MULTILINE)
#: A merge that was not finished leaves no lock, though each half may look like one.
_CONFLICT = re.compile(r"^(<{7}|>{7}) ", re.MULTILINE)

_AGAIN = {
    "uv.lock": "`uv lock`",
    "poetry.lock": "`poetry lock`",
    "pdm.lock": "`pdm lock`",
    "Pipfile.lock": "`pipenv lock`",
}


def again(file: Path) -> str:
    """Return how a lock is made again, or requirements that were compiled."""
    return _AGAIN.get(file.name, f"compile {file.name} again")


def read_lock(file: Path, text: str) -> list[Stated]:
    """Return what a lock states; raise `NotReadError` where it is none.

    Several releases of one distribution stand in a lock that has several resolutions.
    """
    if _CONFLICT.search(text):
        raise NotReadError("an unfinished merge stands in it")
    return list(_pipfile(file, text) if file.name == "Pipfile.lock" else _packages(file, text))


def members(text: str) -> dict[str, frozenset[str]]:
    """Return the folders whose environments a uv.lock is for, relative to its own, and of
    each the names of the distributions that it requires itself.
    """
    found = {}
    for _, package in _blocks(
        text,
        lambda block: re.search(
            r"^source = .*\b(editable|virtual|directory)\b", block, re.MULTILINE
        ),
    ):
        source = package.get("source", {})
        folder = source.get("editable") or source.get("virtual") or source.get("directory")
        groups = [package.get("dependencies", [])]
        groups += package.get("optional-dependencies", {}).values()
        groups += package.get("dev-dependencies", {}).values()
        found[str(folder)] = frozenset(each["name"] for group in groups for each in group)
    return found


def folders(text: str) -> list[str]:
    """Return the folders from which any other lock than a uv.lock installs, and addresses."""
    return _FROM_FOLDER.findall(text)


def _packages(file: Path, text: str) -> Iterator[Stated]:
    for line, package in _blocks(text, lambda block: wanted(_name(block))):
        source = package.get("source", {})
        if source.get("type") == _INDEX:
            source = {}
        # PDM writes it beside the version, the others into a table.
        origins = (where.get(kind) for where in (source, package) for kind in _ORIGIN)
        yield Stated(
            distribution=str(wanted(package["name"])),
            written=str(package.get("version", "")),
            file=file,
            line=line,
            locked=True,
            origin=str(next(filter(None, origins), "")),
        )


def _name(block: str) -> str:
    found = re.search(r'^name = "([^"]+)"', block, re.MULTILINE)
    return found.group(1) if found else ""


def _blocks(text: str, is_asked: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the packages that are asked for, each with the line of its version.

    Only these are parsed: a lock has megabytes, and a fleet has many locks.
    """
    starts = [found.start() for found in _BLOCK.finditer(text)]
    for start, end in pairwise([*starts, len(text)]):
        block = text[start:end]
        if not is_asked(block):
            continue
        line = text.count("\n", 0, start) + 1
        try:
            (package,) = tomllib.loads(block)["package"]
        except (tomllib.TOMLDecodeError, KeyError, ValueError) as error:
            raise NotReadError(f"no TOML from line {line} on: {error}") from None
        before, at, _ = block.partition("\nversion = ")
        yield line + (before.count("\n") + 1 if at else 0), package


def _pipfile(file: Path, text: str) -> Iterator[Stated]:
    try:
        lock = json.loads(text)
        sections = [lock[name] for name in ("default", "develop") if name in lock]
        for section in sections:
            for name, entry in section.items():
                if distribution := wanted(name):
                    version = str(entry.get("version", "")).removeprefix("==")
                    line = line_of(text, distribution)
                    yield Stated(
                        distribution=distribution,
                        written=version,
                        file=file,
                        line=line + _until(text, line, '"version"'),
                        locked=True,
                        origin=str(next(filter(None, map(entry.get, _ORIGIN)), "")),
                    )
    except (ValueError, AttributeError, TypeError) as error:
        raise NotReadError(f"no lock of Pipenv: {error}") from None


def _until(text: str, line: int, key: str) -> int:
    """Return how many lines after ``line`` a key stands in the same object, 0 if it does not."""
    entry, _, _ = "\n".join(text.splitlines()[line - 1 :]).partition("}")
    before, at, _ = entry.partition(key)
    return before.count("\n") if at else 0
