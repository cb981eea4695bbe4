"""What a scan reads and what it does not: odd files are named, and nothing leads out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .fleet import scanned, write

WORKER = "from agentex.lib.core.temporal.workers.worker import AgentexWorker\nAgentexWorker()\n"
AGENT = {"requirements.txt": "agentex-sdk==0.28.4\ntemporalio==1.34.0\n", "run_worker.py": WORKER}
PATCHING = "TemporalStreamingModel.get_response = None\n"


def unread(told: dict[str, Any]) -> dict[str, str]:
    return {Path(each["path"]).name: each["reason"] for each in told["not_read"]}


@pytest.fixture
def agent(tmp_path: Path) -> Path:
    """A clean agent, in a folder beside which other things can lie."""
    return write(tmp_path / "tree", AGENT)


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


def test_what_is_no_python_is_named_and_the_rest_is_read(
    agent: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentex_usage_patch._scan_reading.PYTHON_LIMIT", 500_000)
    write(agent, {
        "broken.py": "def f(:\n",
        "two.py": "print 'two'\n",
        "large.py": f"# {'x' * 600_000}\n",
        "deep.py": "not " * 99999 + "x",
        "long.py": f"a{'.b' * 1500}()  # AgentexWorker\n",
        "fine.py": "x = '\\d' is 'd'\n",  # a warning of somebody else's
    })  # fmt: skip
    (agent / "nul.py").write_bytes(b"x = 1\0\n")
    (agent / "latin.py").write_bytes("# -*- coding: latin-1 -*-\nname = 'é'\n".encode("latin-1"))
    (agent / "undeclared.py").write_bytes("name = 'é'\n".encode("latin-1"))
    (agent / "codec.py").write_bytes(b"# -*- coding: nonsense -*-\n")
    (agent / "bom.py").write_bytes(b"\xef\xbb\xbfname = 1\n")
    os.mkfifo(agent / "pipe.py")
    told = scanned(capsys, str(agent))
    assert [each["verdict"] for each in told["agents"]] == ["nothing left"]
    reasons = unread(told)
    assert reasons.pop("undeclared.py").startswith("no Python: ")
    assert reasons.pop("codec.py") == "no Python: unknown encoding: nonsense"
    assert reasons.pop("two.py").startswith("no Python: line 1: Missing parentheses")
    assert reasons.pop("deep.py") in ("no Python: MemoryError", "no Python: RecursionError")
    assert reasons == {
        "broken.py": "no Python: line 1: invalid syntax",
        "large.py": "too large: 1 MiB",
        "long.py": "names of thousands of parts",
        "nul.py": "no Python: it holds NUL bytes",
        "pipe.py": "not a regular file",
    }


@pytest.mark.parametrize("code", ["x = 1\n", PATCHING], ids=["other", "patch"])
@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        ("#", "no Python: line 4 is not in utf-8"),
        ("# coding: ascii", "no Python: line 4 is not in ascii"),
        ("# coding: latin-1", None),
        ("# coding: nonsense", "no Python: unknown encoding: nonsense"),
    ],
)
def test_what_python_refuses_for_a_comment_alone_is_named(
    declared: str, reason: str | None, code: str, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"{declared}\n# 2\n# 3\n# é\n{code}"
    (agent / "comment.py").write_bytes(text.encode("latin-1"))
    assert unread(scanned(capsys, str(agent))).get("comment.py") == reason
    # As it does itself.
    ran = subprocess.run([sys.executable, "comment.py"], cwd=agent, capture_output=True)
    assert (b"SyntaxError" in ran.stderr) is (reason is not None)


def test_a_worker_that_cannot_be_read_is_an_agent_all_the_same(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (agent / "run_worker.py").write_text("import (\n")
    (agent / "requirements.txt").write_text("agentex-sdk==0.10.4\nopenai<2.45\ntemporalio<1.35\n")
    told = scanned(capsys, str(agent), "--check", code=1)
    (found,) = told["agents"]
    assert found["worker"] is None
    assert [action["kind"] for action in found["actions"]] == ["add", "require"]
    assert found["actions"][0]["text"].startswith("add two lines to run_worker.py, which cannot be")


def test_links_are_followed_to_files_of_the_tree_alone(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outside = write(agent.parent / "outside", {"patch.py": PATCHING, "run_worker.py": WORKER,
                                               "note.txt": ""})  # fmt: skip
    write(agent / "shared", {"patching.py": PATCHING})
    for name, target in {
        "loop": agent,
        "beside": agent / "shared",
        "away": outside,
        "away.py": outside / "patch.py",
        "away.txt": outside / "note.txt",
        "inside.py": agent / "shared" / "patching.py",
        "itself.py": agent / "itself.py",
        "gone.py": agent / "nothing",
        "requirements-dev.txt": outside / "note.txt",
    }.items():
        (agent / name).symlink_to(target)
    told = scanned(capsys, str(agent))
    (found,) = told["agents"]
    assert {Path(each["file"]).name for each in found["in_house"]} == {"inside.py", "patching.py"}
    out = "symbolic link out of the tree: not followed"
    reasons = unread(told)
    assert reasons.pop("itself.py").startswith("symbolic link: ")
    assert reasons == {
        "loop": "symbolic link in a loop: not followed",
        "beside": "symbolic link to a folder: not followed",
        "away": out,
        "away.py": out,
        "gone.py": "symbolic link: No such file or directory",
        "requirements-dev.txt": out,
    }


def test_environments_caches_and_what_others_keep_are_left_out(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {
        "env/pyvenv.cfg": "",
        "env/patch.py": PATCHING,
        "cache/CACHEDIR.TAG": "",
        "cache/patch.py": PATCHING,
        "node_modules/patch.py": PATCHING,
        "__pycache__/patch.py": PATCHING,
        "lib/site-packages/patch.py": PATCHING,
    })  # fmt: skip
    told = scanned(capsys, str(agent))
    assert told["summary"] == "1 agent: nothing left."


def test_a_folder_that_may_not_be_read_is_named(
    agent: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir
    (agent / "secret").mkdir()
    # Permissions do not keep root out.

    def refuse(folder: str) -> Any:
        if folder.endswith("secret"):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    assert unread(scanned(capsys, str(agent))) == {"secret": "folder: Permission denied"}


def test_what_git_ignores_is_left_out_and_what_it_tracks_is_not(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {
        ".gitignore": "generated/\n*_local.py\n/kept.py\n",
        "generated/patch.py": PATCHING,
        "new/my_local.py": PATCHING,
        "kept.py": PATCHING,
        "inner/.gitignore": "*.py\n",
        "inner/deep/patch.py": PATCHING,
    })  # fmt: skip
    git(agent, "init", "-q")
    git(agent, "add", "-f", "kept.py")
    (found,) = scanned(capsys, str(agent))["agents"]
    assert [Path(each["file"]).name for each in found["in_house"]] == ["kept.py"]
    # A folder that somebody names is read, ignored or not.
    told = scanned(capsys, str(agent / "generated"))
    assert [len(each["in_house"]) for each in told["agents"]] == [1]


def test_a_checkout_within_the_tree_is_asked_too(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write(agent / "other", {".gitignore": "patch.py\n", "patch.py": PATCHING})
    git(other, "init", "-q")
    assert scanned(capsys, str(agent))["summary"] == "1 agent: nothing left."


def test_nothing_that_a_checkout_names_is_run(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(agent, "init", "-q")
    ran = agent / "ran"
    watching = agent / "watch.sh"
    watching.write_text(f"#!/bin/sh\ntouch {ran}\n")
    watching.chmod(0o755)
    git(agent, "config", "core.fsmonitor", str(watching))
    scanned(capsys, str(agent))
    assert not ran.exists()


def no_git(*_: Any, **__: Any) -> Any:
    raise FileNotFoundError


def slow_git(*_: Any, **__: Any) -> Any:
    raise subprocess.TimeoutExpired("git", 60)


def refusing_git(*_: Any, **__: Any) -> Any:
    raise subprocess.CalledProcessError(128, "git", stderr=b"fatal: dubious ownership\nmore")


def dumb_git(*_: Any, **__: Any) -> Any:
    raise subprocess.CalledProcessError(2, "git", stderr=b"")


@pytest.mark.parametrize(
    ("run", "why"),
    [
        (no_git, "git is not installed"),
        (slow_git, "git gave no answer within 60 s"),
        (refusing_git, "git: fatal: dubious ownership"),
        (dumb_git, "git: exit code 2"),
    ],
)
def test_without_an_answer_of_git_everything_is_read_and_that_is_said(
    run: Any, why: str, agent: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    write(agent, {".gitignore": "*.py\n", "patch.py": PATCHING})
    git(agent, "init", "-q")
    monkeypatch.setattr(subprocess, "run", run)
    told = scanned(capsys, str(agent))
    assert unread(told) == {"tree": f"what git ignores is not left out: {why}"}
    assert len(told["agents"][0]["in_house"]) == 1


def test_a_tree_within_another_is_read_once_and_two_beside_each_other_both(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inner = write(agent / "inner", AGENT)
    shutil.copytree(agent, agent.parent / "other")
    other = str(agent.parent / "other")
    assert len(scanned(capsys, str(inner), str(agent), str(agent))["agents"]) == 2
    assert len(scanned(capsys, str(agent), other)["agents"]) == 4
