"""List the files of a tree, and read them."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

Kind = Literal["ignored", "python", "lock", "requirements", "container", "other"]
#: What a file is by its path in the tree. Tests and agentex-sdk itself are ``ignored``.
_KINDS: dict[Kind, str] = {
    "ignored": r".*/(tests?/.*|agentex/lib/.*|conftest|test_[^/]*|[^/]*_test)\.py",
    "python": r".*\.py",
    "lock": r".*/((uv|poetry|pdm|Pipfile)\.lock|pylock(\.[^/.]+)?\.toml)",
    "requirements": (
        r".*/(requirements/[^/]+\.(txt|in)|([^/]*[-_.])?(requirements|constraints)[^/]*\.(txt|in)"
        r"|pyproject\.toml|setup\.cfg|Pipfile)"
    ),
    "container": r".*/((Docker|Container)file([.-][^/]*)?|[^/]*\.[dD]ockerfile)",
}
#: The largest file that is read, in bytes. Lock files have several megabytes.
LIMIT = 16 * 1024**2
#: What is skipped where git does not say what to ignore.
_SKIPPED = {".git", ".nox", ".tox", ".venv", "__pycache__", "node_modules", "site-packages"}
_GIT = "git -c core.fsmonitor=false ls-files -z --cached --others --exclude-standard"
# These return False in a folder that may not be searched. The methods of Path raise.
_exists, _is_folder, _is_link = os.path.lexists, os.path.isdir, os.path.islink


@dataclass
class Tree:
    """The files below ``root``, and the reasons why others were not read.

    ``top`` is the top of the checkout that holds ``root``, or ``root`` itself.
    """

    root: Path
    top: Path
    files: list[Path] = field(default_factory=list)
    not_read: dict[Path, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._is_inside = cache(self._lies_inside)

    def _lies_inside(self, path: Path) -> bool:
        """Return whether no link leads from a path out of ``top``."""
        return Path(os.path.realpath(path)).is_relative_to(self.top)

    def upward(self, folder: Path) -> tuple[Path, ...]:
        """Return a folder and those above it, up to ``top``."""
        folders = (folder, *folder.parents)
        return folders[: folders.index(self.top) + 1]

    def kind(self, path: Path) -> Kind:
        """Return what a file is."""
        name = str(path).removeprefix(str(self.root))
        kinds = (kind for kind, each in _KINDS.items() if re.fullmatch(each, name, re.DOTALL))
        return next(kinds, "other")

    def read(self, path: Path) -> bytes:
        """Return the content of a file. When that fails, note why and return nothing."""
        if not self._is_inside(path if _is_link(path) else path.parent):
            self.not_read[path] = "a link out of the tree"
            return b""
        try:
            status = path.stat()
            if stat.S_ISREG(status.st_mode) and status.st_size <= LIMIT:
                return path.read_bytes()
            self.not_read[path] = f"not a regular file, or larger than {LIMIT >> 20} MiB"
        except OSError as error:
            self.not_read[path] = str(error.strerror)
        return b""

    def text(self, path: Path) -> str:
        """Return the text of a file. Windows writes UTF-16 with a byte order mark."""
        source = self.read(path)
        encoding = "utf-16" if source.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
        return source.decode(encoding, "replace").replace("\r\n", "\n")


def list_files(root: Path) -> Tree:
    """List the files of a tree: those that git lists, or all outside of a checkout."""
    tree = Tree(root, next(filter(_is_checkout, (root, *root.parents)), root))
    if _is_checkout(tree.top):
        _list_checkout(tree, root)
    else:
        _walk(tree, root)
    tree.files.sort(key=str)
    return tree


def _is_checkout(folder: Path) -> bool:
    return _exists(folder / ".git")


def _list_checkout(tree: Tree, folder: Path) -> None:
    # These variables would lead git to another checkout.
    environment = {name: each for name, each in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 - no part of the command comes from the tree
            _GIT.split(), cwd=folder, env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=60, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        tree.not_read[folder] = f"git fails, so files that it ignores are read: {error}"
        _walk(tree, folder)
        return
    # An unmerged file is listed once for each side, and a deleted one is still in the index.
    for name in filter(None, dict.fromkeys(done.stdout.split(b"\0"))):
        path = folder / os.fsdecode(name)
        if not _is_folder(path) or _is_link(path):
            _add(tree, path)
        elif _is_checkout(path):  # a submodule or a clone
            _list_checkout(tree, path)


def _walk(tree: Tree, top: Path) -> None:
    def missed(error: OSError) -> None:
        tree.not_read[Path(error.filename)] = str(error.strerror)

    for name, folders, files in os.walk(top, onerror=missed):
        folder = Path(name)
        if folder != top and _is_checkout(folder):
            folders.clear()
            _list_checkout(tree, folder)
        else:
            folders[:] = set(folders) - _SKIPPED
            for each in set(files) - _SKIPPED:
                _add(tree, folder / each)


def _add(tree: Tree, path: Path) -> None:
    if _exists(path):
        tree.files.append(path)
