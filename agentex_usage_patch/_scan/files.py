"""The files of a tree: which there are, and what is in them."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

#: In bytes. Written files are far smaller, and lock files have megabytes.
LIMIT, LOCK_LIMIT = 2 * 1024**2, 16 * 1024**2
LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock")
_PYLOCK = re.compile(r"pylock(\.[^.]+)?\.toml")
_REQUIREMENTS = re.compile(
    r"requirements[^/]*\.(txt|in)|[^/]*[-_.](requirements|constraints)\.(txt|in)|constraints[^/]*\.txt"
)
_WRITTEN = ("pyproject.toml", "setup.cfg", "Pipfile")
_CONTAINER = re.compile(r"(Dockerfile|Containerfile)([.-].*)?|.*\.[dD]ockerfile")
_LEFT_OUT = {
    ".git", ".hg", ".svn", ".tox", ".nox", ".venv", ".eggs", ".mypy_cache", ".ruff_cache",
    ".pytest_cache", "__pycache__", "__pypackages__", "node_modules", "site-packages",
}  # fmt: skip
_MARKS = {"pyvenv.cfg", "CACHEDIR.TAG"}
_GIT = ("git", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")
_SECONDS = 60


class NotReadError(Exception):
    """A file cannot be read or understood; the message says why."""


@dataclass
class Tree:
    """The files below ``root``; ``not_read`` maps what could not be read to the reason."""

    root: Path
    files: list[Path] = field(default_factory=list)
    not_read: dict[Path, str] = field(default_factory=dict)

    @cached_property
    def top(self) -> Path:
        """The top of the checkout that holds the tree, else the root of the tree."""
        folders = (self.root, *self.root.parents)
        return next((each for each in folders if _is_checkout(each)), self.root)

    def upward(self, folder: Path) -> Iterator[Path]:
        """Yield a folder and those above it, up to the top of the checkout."""
        folders = (folder, *folder.parents)
        yield from folders[: folders.index(self.top) + 1]


def kind_of(path: Path) -> str:
    """Return what a file is by its name: a lock, requirements, a container, Python or other."""
    if path.name in LOCKS or _PYLOCK.fullmatch(path.name):
        return "lock"
    listed = path.parent.name == "requirements" and path.suffix in (".txt", ".in")
    if listed or path.name in _WRITTEN or _REQUIREMENTS.fullmatch(path.name):
        return "requirements"
    if _CONTAINER.fullmatch(path.name):
        return "container"
    return "python" if path.suffix == ".py" else "other"


def home_of(path: Path) -> Path:
    """Return the folder whose requirements a file states: ``requirements/a.txt`` is for its
    parent's.
    """  # fmt: skip
    inside = path.parent.name == "requirements" and path.suffix in (".txt", ".in")
    return path.parent.parent if inside else path.parent


def is_test(path: Path, root: Path) -> bool:
    """Say whether a file tests an agent, and is not part of a running one."""
    *folders, name = path.relative_to(root).parts
    return (
        not {"tests", "test"}.isdisjoint(folders)
        or name == "conftest.py"
        or name.startswith("test_")
        or name.endswith("_test.py")
    )


def list_files(root: Path) -> Tree:
    """List the files of a tree: by git's word where it is a checkout, else by walking it.

    No link leads out of the tree, and none to a folder is followed.
    """
    tree = Tree(root)
    _add(tree, root)
    tree.files.sort()
    return tree


def read(path: Path) -> bytes:
    """Return the content of a file; raise `NotReadError` where that cannot be had."""
    limit = LOCK_LIMIT if kind_of(path) == "lock" else LIMIT
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise NotReadError("not a regular file")
        if status.st_size > limit:
            raise NotReadError(f"too large: {status.st_size / 1024**2:.0f} MiB")
        return path.read_bytes()
    except OSError as error:
        raise NotReadError(str(error.strerror)) from None


def _add(tree: Tree, folder: Path) -> None:
    if _in_checkout(folder):
        try:
            listed = _listed(folder)
        except NotReadError as error:
            tree.not_read[folder] = f"what git ignores is read as well: {error}"
        else:
            for name in listed:
                path = folder / name.rstrip("/")
                # A repository within: a submodule, a clone, a worktree.
                if path.is_dir() and not path.is_symlink():
                    _add_checkout(tree, path)
                else:
                    _add_file(tree, path)
            return
    _walk(tree, folder)


def _add_checkout(tree: Tree, folder: Path) -> None:
    if not _is_checkout(folder):  # a submodule that is not checked out
        _walk(tree, folder)
    elif _is_second(folder, tree.root):
        tree.not_read[folder] = "a worktree of a repository that is read already"
    else:
        _add(tree, folder)


def _walk(tree: Tree, top: Path) -> None:
    def missed(error: OSError) -> None:
        tree.not_read[Path(error.filename)] = f"folder: {error.strerror}"

    for name, folders, files in os.walk(top, onerror=missed):
        folder = Path(name)
        if folder != top and _MARKS.intersection(files):
            folders.clear()
            continue
        for each in [each for each in folders if (folder / each).is_symlink()]:
            folders.remove(each)
            _add_file(tree, folder / each)
        folders[:] = sorted(each for each in folders if each not in _LEFT_OUT)
        for each in [each for each in folders if _is_checkout(folder / each)]:
            folders.remove(each)
            _add_checkout(tree, folder / each)
        for each in files:
            if each != ".git":
                _add_file(tree, folder / each)


def _add_file(tree: Tree, path: Path) -> None:
    if path.is_symlink():
        try:
            target = Path(os.path.realpath(path, strict=True))
        except OSError as error:
            tree.not_read[path] = f"symbolic link: {error.strerror}"
            return
        if not target.is_relative_to(tree.root):
            tree.not_read[path] = "symbolic link out of the tree"
            return
        if target.is_dir():
            tree.not_read[path] = "symbolic link to a folder"
            return
    tree.files.append(path)


def _listed(folder: Path) -> list[str]:
    command = (*_GIT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    # These variables would lead git to another checkout.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 - no part of the command comes from the tree
            command, cwd=folder, env={**kept, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=True,
        )  # fmt: skip
    except FileNotFoundError:
        raise NotReadError("git is not installed") from None
    except subprocess.TimeoutExpired:
        raise NotReadError(f"git gave no answer within {_SECONDS} s") from None
    except subprocess.CalledProcessError as error:
        said = os.fsdecode(error.stderr).strip().splitlines() or [f"exit code {error.returncode}"]
        raise NotReadError(f"git: {said[0]}") from None
    # An unmerged file is listed once for each side, and a deleted one is still in the index.
    names = dict.fromkeys(os.fsdecode(name) for name in done.stdout.split(b"\0") if name)
    return [name for name in names if os.path.lexists(folder / name)]


def _is_checkout(folder: Path) -> bool:
    # Path.exists raises where the folder may not be searched.
    return os.path.exists(folder / ".git")  # noqa: PTH110


def _in_checkout(folder: Path) -> bool:
    return any(map(_is_checkout, (folder, *folder.parents)))


def _is_second(folder: Path, root: Path) -> bool:
    """Say whether a checkout is a worktree of a repository whose main checkout is read anyway.

    A bare repository has no main checkout: each of its worktrees is read.
    """
    try:
        link = (folder / ".git").read_text()
    except (OSError, ValueError):  # a folder, as a clone has it, or no text
        return False
    repository, found, _ = link.removeprefix("gitdir: ").partition("/worktrees/")
    main = Path(repository).parent
    near = main.is_relative_to(root) or root.is_relative_to(main)
    return bool(found) and near and os.path.exists(Path(repository) / "index")  # noqa: PTH110
