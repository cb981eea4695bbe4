"""What git ignores, by git's own word, and which checkouts are of one repository."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_SECONDS = 60
#: A tree that is only looked at runs nothing of its own: a checkout's configuration may
#: name a program that watches files, and hooks.
_HARMLESS = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")


class GitSilentError(Exception):
    """Git does not tell what it ignores; the message says why."""


def ignored(folder: Path) -> frozenset[str]:
    """Return the paths below a folder that git ignores: files, and folders as a whole.

    Empty where the folder is in no checkout. What is tracked is not ignored, whatever the
    patterns say. Raises `GitSilentError` where git is missing or refuses to answer.
    """
    if not _in_checkout(folder):
        return frozenset()
    command = ("git", *_HARMLESS, "ls-files", "-z", "--others", "--ignored", "--exclude-standard",
               "--directory")  # fmt: skip
    try:
        told = subprocess.run(  # noqa: S603 - nothing in it comes from the tree
            command,
            cwd=folder,
            env={**_environment(), "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        ).stdout
    except FileNotFoundError:
        raise GitSilentError("git is not installed") from None
    except subprocess.TimeoutExpired:
        raise GitSilentError(f"git gave no answer within {_SECONDS} s") from None
    except subprocess.CalledProcessError as error:
        said = os.fsdecode(error.stderr).strip().splitlines() or [f"exit code {error.returncode}"]
        raise GitSilentError(f"git: {said[0]}") from None
    names = (os.fsdecode(name).rstrip("/") for name in told.split(b"\0") if name)
    return frozenset(str(folder / name) for name in names)


def is_second(folder: Path, root: Path) -> bool:
    """Say whether a checkout below ``root`` is a worktree of a repository that is read anyway.

    That is the one that ``root`` lies in, and one whose main checkout lies in ``root``. A
    bare repository has none: each of its worktrees is read.
    """
    repository = _repository(folder)
    if repository is None or repository == (folder / ".git").resolve():
        return False
    around = next(filter(None, map(_repository, (root, *root.parents))), None)
    is_main = repository.name == ".git" and (repository / "index").exists()
    return repository == around or (is_main and repository.is_relative_to(root))


def _repository(folder: Path) -> Path | None:
    """Return the repository of which a folder is a checkout, None where it is none."""
    directory = folder / ".git"
    try:
        if directory.is_file():  # a worktree or a submodule
            directory = folder / directory.read_text().removeprefix("gitdir: ").rstrip("\n")
        if not (directory / "index").exists():
            return None
        common = directory / "commondir"
        return (directory / (common.read_text().rstrip("\n") if common.exists() else "")).resolve()
    except (OSError, ValueError):
        return None


def _in_checkout(folder: Path) -> bool:
    return any((each / ".git").exists() for each in (folder, *folder.parents))


def _environment() -> dict[str, str]:
    # These lead git to another checkout than that of the folder.
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
