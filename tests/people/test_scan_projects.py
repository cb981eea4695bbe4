"""Whose a lock is: its own project's, its workspace's, and what lies above the given folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .fleet import RANGE, UV, WORKER, only, scanned, sdk, write

PROJECT = '[project]\nname = "one"\nversion = "1"\n'
OTHERS = ["poetry.lock", "pdm.lock", "Pipfile.lock"]
LOCKED = {
    "poetry.lock": UV,
    "pdm.lock": UV,
    "Pipfile.lock": '{"default": {"agentex-sdk": {"version": "==0.10.4"}}}',
}
#: How each tool notes that a project is installed from the folder "one".
FROM_FOLDER = {
    "poetry.lock": (f'{UV}\n[[package]]\nname = "one"\nversion = "1"\n\n'
                    '[package.source]\ntype = "directory"\nurl = "one"\n'),
    "pdm.lock": (f'{UV}\n[[package]]\nname = "one"\nversion = "1"\npath = "./one"\n'
                 'summary = ""\n'),
    "Pipfile.lock": ('{"default": {\n"agentex-sdk": {"version": "==0.10.4"},\n"one": {\n'
                     '    "editable": true,\n    "path": "./one"\n}}}'),
}  # fmt: skip


@pytest.fixture
def tree(agent: Path) -> Path:
    """A folder with an agent below it."""
    (agent / "run_worker.py").unlink()
    return write(agent, {"one/run_worker.py": WORKER})


@pytest.mark.parametrize("lock", OTHERS)
@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"one/pyproject.toml": PROJECT + 'dependencies = ["agentex-sdk==0.9.4"]\n'},
         "one/pyproject.toml"),
        ({"one/setup.cfg": "[options]\ninstall_requires = agentex-sdk==0.9.4\n"}, "one/setup.cfg"),
        ({"one/requirements.txt": "agentex-sdk==0.9.4\n"}, "one/requirements.txt"),
        ({"one/Pipfile": '[packages]\nagentex-sdk = "==0.9.4"\n'}, "one/Pipfile"),
        ({"one/pyproject.toml": PROJECT}, None),
        ({"one/pyproject.toml": '[tool.poetry]\nname = "one"\n'}, None),
    ],
)  # fmt: skip
def test_a_lock_and_a_project_above_a_project_are_of_others(
    files: dict[str, str],
    found: str | None,
    lock: str,
    tree: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(tree, {lock: LOCKED[lock], "pyproject.toml": RANGE, **files})
    assert [each["file"] for each in only(capsys)["sdk"]] == ([found] if found else [])
    # Anybody may install these.
    write(tree, {"requirements.txt": "agentex-sdk\n"})
    assert only(capsys)["sdk"][0]["file"] == (found or "requirements.txt")


@pytest.mark.parametrize("lock", OTHERS)
@pytest.mark.parametrize(
    "files",
    [
        {},
        {"one/pyproject.toml": "[tool.ruff]\nline-length = 100\n"},
        {"one/setup.cfg": "[flake8]\nmax-line-length = 100\n"},
        {"one/requirements-dev.txt": "pytest\n"},
    ],
    ids=["nothing", "a linter's pyproject", "a linter's setup.cfg", "what tests need"],
)
def test_a_lock_is_for_the_folders_below_it_that_are_no_project(
    files: dict[str, str], lock: str, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tree, {lock: LOCKED[lock], "pyproject.toml": PROJECT, **files})
    assert [each["file"] for each in only(capsys)["sdk"]] == [lock]


@pytest.mark.parametrize("lock", OTHERS)
def test_a_lock_is_for_the_projects_that_it_installs_from_their_folders(
    lock: str, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tree, {lock: FROM_FOLDER[lock], "one/pyproject.toml": PROJECT,
                 "two/run_worker.py": WORKER, "two/pyproject.toml": PROJECT})  # fmt: skip
    one, two = scanned(capsys, ".")["agents"]
    assert [each["file"] for each in one["sdk"]] == [lock]
    assert two["sdk"] == []


def above(told: dict[str, Any]) -> dict[str, str]:
    """Return what is named as lying above, by its path."""
    return {each["path"]: each["reason"] for each in told["not_read"]}


def why(folder: Path) -> str:
    return f"above the folder that was given, for which it may count: scan {folder}"


def test_a_lock_above_the_given_folder_is_named_with_what_to_scan(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    member = '[[package]]\nname = "one"\nversion = "1"\nsource = { editable = "agents/one" }\n'
    write(tree, {"uv.lock": UV + member, "pyproject.toml": "[tool.uv.workspace]\n",
                 "agents/one/run_worker.py": WORKER,
                 "agents/one/pyproject.toml": RANGE})  # fmt: skip
    told = scanned(capsys, "agents/one", "agents")
    assert above(told) == {"uv.lock": why(tree)}
    assert sdk(told["agents"][0]) == ["agents/one/pyproject.toml:2 >=0.10.5"]
    # As it says.
    found = scanned(capsys, str(tree))
    assert found["not_read"] == []
    assert sdk(found["agents"][0]) == ["uv.lock:3 0.10.4"]


def test_all_that_may_count_is_named_where_nothing_is_stated(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tree / "pyproject.toml").mkdir()
    write(tree, {"poetry.lock": UV, "requirements.txt": "agentex-sdk\n"})
    told = scanned(capsys, "one")
    assert above(told) == {"poetry.lock": why(tree), "requirements.txt": why(tree)}


def test_nothing_above_is_named_where_a_lock_of_the_tree_counts(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tree, {"uv.lock": UV, "requirements.txt": "agentex-sdk\n", "one/uv.lock": UV})
    assert above(scanned(capsys, "one")) == {}


@pytest.mark.parametrize(("checkout", "named"), [("one", []), (".", ["uv.lock"])])
def test_what_lies_above_a_checkout_is_of_nobody_in_it(
    checkout: str, named: list[str], tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tree, {"uv.lock": UV, f"{checkout}/.git": "gitdir: away\n"})
    told = scanned(capsys, "one")
    assert [path for path in above(told) if path.endswith(".lock")] == named
