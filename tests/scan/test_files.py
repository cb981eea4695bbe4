"""Which files are read, and that none of them stops a scan."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from agentex_usage_patch._scan import files

from .trees import NEW, OLD, PROVIDER, M, Tree

AGENT = {"acp.py": PROVIDER, "requirements.txt": OLD}
IGNORED = "git fails, so files that it ignores are read: "


def git(tree: Tree, *arguments: str) -> None:
    subprocess.run(["git", "-C", tree.folder, *arguments], check=True, capture_output=True)


def test_unreadable_files_are_reported(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.write({**AGENT, "bad.py": f"{M}def (\n", "uv.lock": ""})
    (tree.folder / "latin.py").write_bytes(M.encode() + b"x = '\xe9'\n")
    (tree.folder / "nul.py").write_bytes(M.encode() + b"\0")
    (tree.folder / "loop").symlink_to(tree.folder)
    (tree.folder / "away.py").symlink_to("/etc/hosts")
    (tree.folder / "gone.py").symlink_to("nowhere")
    with (tree.folder / "large.lock").open("wb") as file:
        file.truncate(5 * 1024**3)
    (tree.folder / "uv.lock").write_bytes(b'[[package]]\nname = "agentex-sdk"\n=\n')
    os.mkfifo("pipe.py")
    reasons = {
        "bad.py": "not valid Python: ", "latin.py": "not valid Python: ",
        "nul.py": "not valid Python: ", "away.py": "a link out of the tree",
        "gone.py": "No such file or directory", "uv.lock": "cannot be understood: ",
        "large.lock": "not a regular file, or larger than 16 MiB",
        "pipe.py": "not a regular file, or larger than 16 MiB",
    }  # fmt: skip
    told = tree.not_read()
    assert {name: told.pop(name)[: len(reason)] for name, reason in reasons.items()} == reasons
    assert told == {}
    assert tree.verdicts() == {".": "needs patch"}
    git(tree, "init", "-q")
    assert tree.verdicts() == {".": "needs patch"}
    assert tree.not_read()["loop"] == "not a regular file, or larger than 16 MiB"
    monkeypatch.setenv("PATH", "")
    assert tree.verdicts() == {".": "needs patch"}
    assert tree.not_read()["."] == f"{IGNORED}[Errno 2] No such file or directory: 'git'"


def test_file_without_permission_is_reported(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.write({**AGENT, "closed.py": ""})
    read_bytes = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "closed.py":
            raise PermissionError(13, "Permission denied")
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert tree.not_read() == {"closed.py": "Permission denied"}
    assert tree.verdicts() == {".": "needs patch"}


def test_folder_without_permission_is_reported(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.write({**AGENT, "closed/a.py": PROVIDER})
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert tree.not_read() == {"closed": "Permission denied"}
    assert tree.verdicts() == {".": "needs patch"}


def test_environments_are_skipped_outside_of_a_checkout(tree: Tree) -> None:
    tree.write({**AGENT, ".venv/a.py": PROVIDER, "lib/site-packages/b.py": PROVIDER})
    assert tree.places("uses the model") == ["acp.py:2"]


def test_ignored_files_are_skipped_in_a_checkout(tree: Tree) -> None:
    tree.write({**AGENT, "out/a.py": PROVIDER, "deleted.py": PROVIDER, ".gitignore": "out\n"})
    git(tree, "init", "-q")
    git(tree, "add", ".")
    Path("deleted.py").unlink()
    assert tree.places("uses the model") == ["acp.py:2"]
    assert tree.not_read() == {}


def test_link_to_a_file_of_the_tree_is_read(tree: Tree) -> None:
    tree.write({"a/acp.py": PROVIDER, "common.txt": OLD})
    Path("a/requirements.txt").symlink_to("../common.txt")
    assert tree.verdicts() == {"a": "needs patch"}


def test_checkout_is_walked_when_git_fails(tree: Tree) -> None:
    tree.write({**AGENT, ".git": "gitdir: /nowhere\n"})
    assert tree.not_read()["."].startswith(f"{IGNORED}Command '['git',")
    assert tree.verdicts() == {".": "needs patch"}


def test_checkout_is_walked_when_git_does_not_answer(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("git", 60)

    tree.write(AGENT)
    git(tree, "init", "-q")
    monkeypatch.setattr(subprocess, "run", hang)
    assert tree.not_read() == {".": f"{IGNORED}Command 'git' timed out after 60 seconds"}
    assert tree.verdicts() == {".": "needs patch"}


def test_clone_in_a_checkout_is_read(tree: Tree) -> None:
    tree.write({"inner/acp.py": PROVIDER, "inner/requirements.txt": OLD, "outer.txt": ""})
    git(tree, "init", "-q", "inner")
    git(tree, "init", "-q")
    assert tree.verdicts() == {"inner": "needs patch"}


def test_submodule_that_is_not_checked_out_is_skipped(tree: Tree) -> None:
    git(tree, "init", "-q")
    git(tree, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    tree.write({**AGENT, "sub/acp.py": PROVIDER})
    assert tree.verdicts() == {".": "needs patch"}
    assert tree.places("uses the model") == ["acp.py:2"]


def test_each_worktree_of_a_bare_repository_is_read(tree: Tree) -> None:
    tree.write({"main/a/acp.py": PROVIDER, "main/a/requirements.txt": OLD})
    for command in (("-C", "main", "init", "-q"), ("-C", "main", "add", "."),
                    ("-C", "main", "-c", "user.name=a", "-c", "user.email=a", "commit", "-qm", "a"),
                    ("clone", "-q", "--bare", "main", "hub/.bare"),
                    ("-C", "hub/.bare", "worktree", "add", "-q", "-b", "b", "../b"),
                    ("-C", "main", "worktree", "add", "-q", "-b", "c", "../c")):  # fmt: skip
        git(tree, *command)
    assert tree.verdicts("hub") == {"hub/b/a": "needs patch"}
    assert tree.verdicts("main") == {"main/a": "needs patch"}
    assert tree.verdicts("c") == {"c/a": "needs patch"}


def test_requirements_above_the_scanned_folder_count(tree: Tree) -> None:
    tree.write({"requirements.txt": NEW, "agents/acp.py": PROVIDER})
    assert tree.verdicts("agents") == {"agents": "unknown"}
    git(tree, "init", "-q")
    assert tree.verdicts("agents") == {".": "ok"}


def test_link_above_the_scanned_folder_is_not_followed_out_of_the_checkout(tree: Tree) -> None:
    tree.write({"away.txt": NEW, "top/common.txt": OLD, "top/agents/acp.py": PROVIDER})
    git(tree, "init", "-q", "top")
    link = Path("top/requirements.txt")
    link.symlink_to("common.txt")
    assert tree.verdicts("top/agents") == {"top": "needs patch"}
    link.unlink()
    link.symlink_to("../away.txt")
    assert tree.verdicts("top/agents") == {"top": "unknown"}
    assert tree.not_read("top/agents") == {str(link): "a link out of the tree"}


def test_tracked_file_is_not_read_through_a_folder_that_became_a_link(tree: Tree) -> None:
    tree.write({"top/agent/acp.py": PROVIDER, "top/agent/requirements.txt": OLD})
    git(tree, "init", "-q", "top")
    git(tree, "-C", "top", "add", ".")
    Path("top/agent").rename("away")
    Path("top/agent").symlink_to("../away")
    assert tree.verdicts("top") == {}
    assert tree.not_read("top")["top/agent/acp.py"] == "a link out of the tree"


def test_large_file_is_reported(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.write({"acp.py": PROVIDER, "requirements.txt": f"{OLD}# {'x' * 500}\n"})
    monkeypatch.setattr(files, "LIMIT", 400)
    assert list(tree.not_read()) == ["requirements.txt"]
    assert tree.verdicts() == {".": "unknown"}
