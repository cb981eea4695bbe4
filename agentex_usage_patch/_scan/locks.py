"""Lock files: the releases that an environment gets."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from .files import NotReadError
from .requirements import ORIGINS, WANTED, Stated, canonical, line_of

_BLOCK = re.compile(r"^\[\[packages?\]\][ \t]*$", re.MULTILINE)
_NAME = re.compile(r'^name = "([^"]+)"', re.MULTILINE)
_FOLDER = re.compile(r"^source = .*\b(editable|virtual|directory)\b", re.MULTILINE)
#: How Poetry, PDM and Pipenv write a distribution that is installed from a folder.
_PATH = re.compile(r'^\s*"?(?:url|path)"?(?: =|:) "([^"]+)"', re.MULTILINE)
#: A merge that was not finished leaves no lock, though each half may look like one.
_CONFLICT = re.compile(r"^(<{7}|>{7}) ", re.MULTILINE)


def read_lock(file: Path, text: str) -> list[Stated]:
    """Return what a lock states; raise `NotReadError` where it is none.

    A lock that resolves several times has several releases of one distribution.
    """
    if _CONFLICT.search(text):
        raise NotReadError("an unfinished merge stands in it")
    if file.name == "Pipfile.lock":
        return list(_pipfile(file, text))
    return [
        Stated(canonical(package.get("name")), str(package.get("version", "")), file, line,
               locked=True, origin=_origin(package))
        for line, package in _packages(text, lambda block: _name(block) in WANTED)
    ]  # fmt: skip


def folders(file: Path, text: str) -> set[Path]:
    """Return the folders that a lock installs from: the members of a workspace, and others."""
    if file.name == "uv.lock":
        sources = [package.get("source", {}) for _, package in _packages(text, _FOLDER.search)]
        names = [value for source in sources for value in source.values()]
    else:
        names = [name for name in _PATH.findall(text) if "://" not in name]
    return {(file.parent / str(name)).resolve() for name in names}


def _name(block: str) -> str:
    found = _NAME.search(block)
    return canonical(found[1]) if found else ""


def _origin(package: dict[str, Any]) -> str:
    source = package.get("source")
    where = source if isinstance(source, dict) else {}
    # Poetry writes another index than the default as a source.
    where = {} if where.get("type") == "legacy" else where
    found = (each[kind] for each in (where, package) for kind in ORIGINS if each.get(kind))
    return str(next(found, ""))


def _packages(text: str, asked: Callable[[str], Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the packages that are asked for, with the lines of their versions.

    The rest is not parsed: a lock has megabytes, and a fleet has many.
    """
    starts = [found.start() for found in _BLOCK.finditer(text)]
    for start, end in pairwise([*starts, len(text)]):
        block = text[start:end]
        if asked(block):
            line = text.count("\n", 0, start) + 1
            try:
                table = tomllib.loads(block)
                (package,) = table.get("package") or table["packages"]
            except ValueError as error:
                raise NotReadError(f"no TOML from line {line} on: {error}") from None
            before, found, _ = block.partition("\nversion = ")
            yield line + (before.count("\n") + 1 if found else 0), package


def _pipfile(file: Path, text: str) -> Iterator[Stated]:
    try:
        lock = json.loads(text)
        for section in ("default", "develop"):
            for name, entry in lock.get(section, {}).items():
                if (distribution := canonical(name)) in WANTED:
                    version = str(entry.get("version", "")).removeprefix("==")
                    line = line_of(text, distribution)
                    rest, _, _ = "\n".join(text.splitlines()[line - 1 :]).partition("}")
                    before, found, _ = rest.partition('"version"')
                    yield Stated(distribution, version, file,
                                 line + (before.count("\n") if found else 0),
                                 locked=True, origin=_origin(entry))  # fmt: skip
    except (ValueError, AttributeError, RecursionError) as error:
        raise NotReadError(f"no lock of Pipenv: {error}") from None
