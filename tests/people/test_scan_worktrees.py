"""Worktrees of git below a tree: a repository is read once, and what is left out is named."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from .fleet import WORKER, scanned, write

LEFT_OUT = "a worktree of a repository that is read already: left out"


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example"]
    subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def main(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of one agent, in the folder that we are in."""
    main = write(tmp_path / "main", {"agents/one/run_worker.py": WORKER})
    git(main, "init", "-q")
    git(main, "add", "agents")
    git(main, "commit", "-qm", "all")
    monkeypatch.chdir(tmp_path)
    return main


def read(capsys: pytest.CaptureFixture[str], folder: str) -> tuple[list[str], dict[str, str]]:
    told = scanned(capsys, folder)
    return ([agent["folder"] for agent in told["agents"]],
            {each["path"]: each["reason"] for each in told["not_read"]})  # fmt: skip


def test_a_worktree_below_its_repository_is_left_out(
    main: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(main, "worktree", "add", "-q", "agents/trees/b")
    one = ["main/agents/one"]
    assert read(capsys, "main") == (one, {"main/agents/trees/b": LEFT_OUT})
    assert read(capsys, "main/agents") == (one, {"main/agents/trees/b": LEFT_OUT})
    # One that is asked for is read, and one in it is not.
    git(main, "worktree", "add", "-q", "agents/trees/b/c")
    found, unread = read(capsys, "main/agents/trees/b")
    assert found == ["main/agents/trees/b/agents/one"]
    assert unread == {"main/agents/trees/b/c": LEFT_OUT}


def test_worktrees_beside_their_repository_are_left_out_where_that_is_read(
    main: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(main, "worktree", "add", "-q", "../trees/b")
    assert read(capsys, ".") == (["main/agents/one"], {"trees/b": LEFT_OUT})
    assert read(capsys, "trees") == (["trees/b/agents/one"], {})


@pytest.mark.parametrize("bare", ["hub/.bare", "hub/.git"])
def test_each_worktree_of_a_bare_repository_is_read(
    bare: str, main: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = main.parent / "hub"
    git(main.parent, "clone", "-q", "--bare", "main", bare)
    if bare.endswith(".bare"):
        write(hub, {".git": "gitdir: ./.bare\n"})
    for name in ("b", "c"):
        git(hub, "worktree", "add", "-q", "-b", name, name)
    found, _ = read(capsys, "hub")
    assert found == ["hub/b/agents/one", "hub/c/agents/one"]


def test_other_checkouts_are_read(main: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(main.parent, "clone", "-q", "main", "other")
    git(main, "-c", "protocol.file.allow=always", "submodule", "add", "-q", "../other", "sub")
    (main.parent / "broken").mkdir()
    (main.parent / "broken" / ".git").write_bytes(b"gitdir: \xff\0\n")
    found, unread = read(capsys, ".")
    assert found == ["main/agents/one", "main/sub/agents/one", "other/agents/one"]
    assert list(unread) == ["broken"]  # of which git tells nothing
