"""The files of a tree that ``scan`` reads, and those that it does not, with the reason."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from ._scan_git import GitSilentError, ignored, is_second

#: In bytes. The first is far above any written file, the second above any lock file.
PYTHON_LIMIT = 2 * 1024 * 1024
REQUIREMENTS_LIMIT = 16 * 1024 * 1024

LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock")
#: The name of a folder whose files are those of the folder around it.
_FOLDER = "requirements"
RANGES = (
    "requirements*.txt", "*[-_.]requirements.txt", "requirements*.in", "*[-_.]requirements.in",
    "Pipfile", "pyproject.toml", "setup.cfg",
)  # fmt: skip
_CONTAINERS = ("Dockerfile", "Containerfile")
_STARTING = (".dockerfile", ".yml", ".yaml", ".sh")

_LEFT_OUT = frozenset({
    ".git", ".hg", ".svn", ".tox", ".nox", ".eggs", ".mypy_cache", ".ruff_cache",
    ".pytest_cache", "__pycache__", "__pypackages__", "node_modules", "site-packages",
})  # fmt: skip
#: A folder with one of these is a virtual environment, or a cache by its own word.
_MARKS = frozenset({"pyvenv.cfg", "CACHEDIR.TAG"})


@dataclass(frozen=True, order=True)
class NotRead:
    """A path, and why nothing is said about what it holds."""

    path: Path
    reason: str


class NotReadError(Exception):
    """A file cannot be read; the message says why."""


@dataclass
class Tree:
    """What was found below ``root``: Python files, by folder what states requirements, and
    what is known for ``starting`` programs: of containers, pipelines and shells.
    """

    root: Path
    python: list[Path] = field(default_factory=list)
    requirements: dict[Path, list[Path]] = field(default_factory=dict)
    starting: list[Path] = field(default_factory=list)
    not_read: list[NotRead] = field(default_factory=list)

    def upward(self, folder: Path) -> tuple[Path, ...]:
        """Return a folder of the tree and those around it, up to the root."""
        folders = (folder, *folder.parents)
        return folders[: folders.index(self.root) + 1]

    def home(self, file: Path) -> Path:
        """Return the folder of what a file states: ``requirements/prod.txt`` is beside it."""
        folder = file.parent
        inside = folder.name == _FOLDER and folder != self.root and file.suffix in (".txt", ".in")
        return folder.parent if inside else folder

    def is_test(self, path: Path) -> bool:
        """Say whether a file tests an agent, and is no part of a running one."""
        inside = path.relative_to(self.root).parts
        return "tests" in inside[:-1] or path.name.startswith("test_") or path.name == "conftest.py"


def walk(root: Path, went: Callable[[], None]) -> Tree:
    """Find the files of a tree; ``went`` is called once for each folder.

    Goes nowhere out of ``root``: a symbolic link to a folder is not followed, and one to a
    file only where that file lies in the tree. Left out are virtual environments, caches,
    what git ignores, further worktrees, and what belongs to git itself.
    """
    tree = Tree(root)
    left_out: set[str] = set()
    folders = [str(root)]
    while folders:
        folder = folders.pop()
        went()
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            tree.not_read.append(NotRead(Path(folder), f"folder: {error.strerror}"))
            continue
        names = {entry.name for entry in entries}
        if names & _MARKS and folder != str(root):
            continue
        if ".git" in names and folder != str(root) and is_second(Path(folder), root):
            why = "a worktree of a repository that is read already: left out"
            tree.not_read.append(NotRead(Path(folder), why))
            continue
        if ".git" in names or folder == str(root):
            left_out |= _ignored(tree, Path(folder))
        for entry in entries:
            if entry.name in _LEFT_OUT or entry.path in left_out:
                continue
            if entry.is_symlink():
                _link(tree, entry)
            elif entry.is_dir():
                folders.append(entry.path)
            else:
                _file(tree, Path(entry.path))
    return tree


def _ignored(tree: Tree, folder: Path) -> frozenset[str]:
    try:
        return ignored(folder)
    except GitSilentError as error:
        tree.not_read.append(NotRead(folder, f"what git ignores is not left out: {error}"))
        return frozenset()


def _link(tree: Tree, entry: os.DirEntry[str]) -> None:
    path = Path(entry.path)
    try:
        target = Path(os.path.realpath(path, strict=True))
    except OSError as error:
        tree.not_read.append(NotRead(path, f"symbolic link: {error.strerror}"))
        return
    inside = target.is_relative_to(tree.root)
    if target.is_dir():
        where = "to a folder" if inside else "out of the tree"
        if path.is_relative_to(target):
            where = "in a loop"
        tree.not_read.append(NotRead(path, f"symbolic link {where}: not followed"))
    elif inside:
        _file(tree, path)
    elif _kind(path):
        tree.not_read.append(NotRead(path, "symbolic link out of the tree: not followed"))


def _file(tree: Tree, path: Path) -> None:
    kind = _kind(path)
    if kind == "python":
        tree.python.append(path)
    elif kind == "starting":
        tree.starting.append(path)
    elif kind:
        tree.requirements.setdefault(tree.home(path), []).append(path)


def _kind(path: Path) -> str:
    name = path.name
    if name.endswith(".py"):
        return "python"
    if path.parent.name == _FOLDER and path.suffix in (".txt", ".in"):
        return "requirements"
    if name in LOCKS or any(fnmatch(name, pattern) for pattern in RANGES):
        return "requirements"
    if name.startswith(_CONTAINERS) or name.endswith(_STARTING):
        return "starting"
    return ""


def read(path: Path, limit: int) -> bytes:
    """Return a file's content; raise `NotReadError` where it is no file, or too large."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise NotReadError("not a regular file")
        if status.st_size > limit:
            raise NotReadError(f"too large: {status.st_size / 1024**2:.0f} MiB")
        return path.read_bytes()
    except OSError as error:
        raise NotReadError(str(error.strerror)) from None
