"""Reads the files of a tree: those that name something that matters, and what that asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from pathlib import Path

from ._scan_code import MARKS, OURS, WORKER_FILE, Code, read_code
from ._scan_leads import Lead, Leads
from ._scan_modules import module_parts
from ._scan_syntax import check_syntax
from ._scan_walk import PYTHON_LIMIT, NotRead, NotReadError, Tree, read

#: What may be a name in a file; others than these are written by nobody for a module.
_NAME = re.compile(rb"[A-Za-z_]\w*")


def read_marked(tree: Tree, went: Callable[[], None]) -> dict[Path, Code]:
    """Return the files that name what matters by itself; ``went`` counts all of them."""
    codes = {}
    for path in tree.python:
        went()
        with _naming_unread(tree, path):
            source = read(path, PYTHON_LIMIT)
            needed = path.name == WORKER_FILE or module_parts(path)[-1] == OURS
            if needed or any(mark in source for mark in MARKS):
                codes[path] = read_code(path, source)
    return codes


def follow(
    tree: Tree,
    codes: dict[Path, Code],
    owned: Container[Path],
    leads: Leads,
    told: Callable[[Lead], None],
) -> None:
    """Look at the files that were read, add to them those that name what these ask for, and
    tell of all what leads where.
    """

    def look(found: list[Code]) -> None:
        codes.update((code.path, code) for code in found)
        for lead in leads.look(found):
            told(lead)

    look(list(codes.values()))
    look(list(_naming_asked(tree, codes, owned, leads)))
    missed = {each.path for each in tree.not_read}
    while leads.unread:
        paths, leads.unread = leads.unread, []
        found = []
        for path in dict.fromkeys(paths):
            if path not in codes and path not in missed:
                with _naming_unread(tree, path):
                    found.append(read_code(path, read(path, PYTHON_LIMIT)))
        look(found)


def _naming_asked(
    tree: Tree, codes: Container[Path], owned: Container[Path], leads: Leads
) -> Iterator[Code]:
    """Read what names something that is asked for; of the others note what they name."""
    missed = {each.path for each in tree.not_read}
    for path in tree.python:
        if path in codes or path in missed or not (leads.asked or path in owned):
            continue
        with _naming_unread(tree, path):
            source = read(path, PYTHON_LIMIT)
            names = set(map(bytes.decode, _NAME.findall(source))) if leads.asked else set[str]()
            if not leads.asked.isdisjoint(names):
                yield read_code(path, source)
                continue
            if path in owned:
                check_syntax(source)
            leads.names(path, names)


@contextmanager
def _naming_unread(tree: Tree, path: Path) -> Iterator[None]:
    """Add a file to those that are not read where it turns out so."""
    try:
        yield
    except NotReadError as error:
        tree.not_read.append(NotRead(path, str(error)))
