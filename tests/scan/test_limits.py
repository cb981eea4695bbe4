"""Nothing is fatal, and what is written in another way is read as well."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from agentex_usage_patch import _upstream
from agentex_usage_patch._scan import files, projects

from .trees import NEW, OLD, PROVIDER, TWO_LINES, M, Tree

MODULE = _upstream.MODULE
METHOD = "TemporalStreamingModel.get_response"


def not_read(tree: Tree, *arguments: str) -> dict[str, str]:
    """Return what a scan did not read, with the reasons."""
    return {each["path"]: each["reason"] for each in tree.told(*arguments)["not_read"]}


@pytest.mark.parametrize("code", [
    f"import sys\nsys.modules['{MODULE}'].{METHOD} = print\n",
    f"from unittest import mock\nM = '{MODULE}'\nmock.patch(f'{{M}}.{METHOD}', print)\n",
    f"from unittest import mock\nM = '{MODULE}'\nmock.patch(M + '.{METHOD}', print)\n",
])  # fmt: skip
def test_a_patch_is_found_however_its_target_is_named(code: str, tree: Tree) -> None:
    tree.write({"patches.py": code, "requirements.txt": OLD})
    assert tree.verdicts() == {".": "in-house patch"}


@pytest.mark.parametrize("code", [
    "a = b\nb = a\na.TemporalStreamingModel()\n", "a = b\nb = a\nsettings.extra_args[a] = 1\n",
    "settings.extra_args.pop('prompt')\n", "kept: dict = {}\n", "kept: dict\n",
])  # fmt: skip
def test_what_leads_nowhere_says_nothing(code: str, tree: Tree) -> None:
    tree.write({"acp.py": f"{PROVIDER}{code}", "requirements.txt": OLD})
    (agent,) = tree.told()["agents"]
    assert {each["what"] for each in agent["places"]} == {"sdk", "uses the model"}


@pytest.mark.parametrize("code", [
    "import importlib\nimportlib.import_module('agentex_usage_patch.auto')\n",
    "NAME: str = 'agentex_usage_patch.auto'\nimport importlib\nimportlib.import_module(NAME)\n",
])  # fmt: skip
def test_an_import_by_its_text_applies_the_patch(code: str, tree: Tree) -> None:
    tree.write({"acp.py": f"{PROVIDER}{code}", "requirements.txt": f"{OLD}agentex-usage-patch\n"})
    assert tree.verdicts() == {".": "patched"}


def test_a_shared_file_applies_the_patch_for_who_calls_it(tree: Tree) -> None:
    shared = "from agentex_usage_patch import apply_patch\ndef setup():\n    apply_patch()\n"
    tree.write({"one/acp.py": f"{PROVIDER}from .shared import setup\nsetup()\n",
                "one/__init__.py": "",
                "one/shared.py": f"{shared}other = 1\n",
                "two/acp.py": "from one.shared import other\n",
                "three/acp.py": "from one.shared import setup\n",
                "requirements.txt": f"{OLD}agentex-usage-patch\n"})  # fmt: skip
    assert tree.verdicts() == {".": "patched"}
    assert tree.places("applies this package") == ["one/acp.py:4", "one/shared.py:3"]


def test_what_imports_a_patch_and_is_no_python_is_named(tree: Tree) -> None:
    tree.write({"patches.py": f"{M}TemporalStreamingModel.get_response = print\n",
                "run.py": "import patches\ndef (\n", "requirements.txt": OLD})  # fmt: skip
    assert list(not_read(tree)) == ["run.py"]
    assert tree.verdicts() == {".": "in-house patch"}


def test_files_that_are_none_are_named(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.write({"acp.py": PROVIDER, "requirements.txt": OLD, "large.py": "#" * 5000,
                "inner/link.txt": ""})  # fmt: skip
    os.mkfifo("pipe.py")
    Path("inner/again.txt").symlink_to(tree.folder / "requirements.txt")
    monkeypatch.setattr(files, "LIMIT", 4000)
    told = not_read(tree)
    assert told == {"large.py": "too large: 0 MiB", "pipe.py": "not a regular file"}


def test_a_file_that_may_not_be_read_is_named(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.write({"acp.py": PROVIDER, "requirements.txt": OLD, "closed.py": ""})
    read_bytes = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "closed.py":
            raise PermissionError(13, "Permission denied")
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert not_read(tree) == {"closed.py": "Permission denied"}


def test_a_folder_that_may_not_be_read_is_named(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree.write({"acp.py": PROVIDER, "requirements.txt": OLD, "closed/a.py": PROVIDER,
                "environment/pyvenv.cfg": "", "environment/a.py": PROVIDER})  # fmt: skip
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert not_read(tree) == {"closed": "folder: Permission denied"}
    assert tree.verdicts() == {".": "needs patch"}


def test_a_checkout_that_git_refuses_is_walked(tree: Tree) -> None:
    tree.write({"acp.py": PROVIDER, "requirements.txt": OLD, ".git": "gitdir: /nowhere\n"})
    (reason,) = not_read(tree).values()
    assert reason.startswith("what git ignores is read as well: git: ")
    assert tree.verdicts() == {".": "needs patch"}


def test_a_git_that_does_not_answer_is_given_up(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("git", 60)

    tree.write({"acp.py": PROVIDER, "requirements.txt": OLD})
    subprocess.run(["git", "init", "--quiet"], check=True)
    monkeypatch.setattr(subprocess, "run", hang)
    assert list(not_read(tree).values()) == [
        "what git ignores is read as well: git gave no answer within 60 s"
    ]
    assert tree.verdicts() == {".": "needs patch"}


def test_a_clone_within_is_read(tree: Tree) -> None:
    tree.write({"inner/acp.py": PROVIDER, "inner/requirements.txt": OLD, "outer.txt": ""})
    for folder in (".", "inner"):
        subprocess.run(["git", "init", "--quiet", folder], check=True)
    assert tree.verdicts() == {"inner": "needs patch"}


POETRY = '[[package]]\nname = "agentex-sdk"\nversion = "0.9.4"\n'


@pytest.mark.parametrize(("name", "text", "reason"), [
    ("uv.lock", f"<<<<<<< HEAD\n{POETRY}", "an unfinished merge stands in it"),
    ("pyproject.toml", "[project\n", "no TOML: "),
    ("pyproject.toml", ("[project]\nname = 'a'\n[tool.uv.sources]\n[[tool.poetry.dependencies]]\n"
                       "[dependency-groups]\na = [7]\n"), None),
    ("setup.cfg", "[options]\n[[\nno value", "no setup.cfg: "),
    ("pyproject.toml", ("[project]\ndependencies = ['agentex-sdk==0.9.4']\n"
                       "[tool.poetry.dependencies]\nagentex-sdk = {extras = 7}\n"), None),
])  # fmt: skip
def test_what_cannot_be_understood_is_named(
    name: str, text: str, reason: str | None, tree: Tree
) -> None:
    tree.write({"acp.py": PROVIDER, name: text})
    told = not_read(tree)
    assert told.get(name, "").startswith(reason or "") and (name in told) is (reason is not None)


def test_a_requirements_file_in_another_encoding_is_named(tree: Tree) -> None:
    tree.write({"acp.py": PROVIDER})
    Path("requirements.txt").write_bytes("agentex-sdk==0.10.4  # für\n".encode("latin-1"))
    assert not_read(tree) == {"requirements.txt": "not in UTF-8"}
    assert tree.verdicts() == {".": "unknown"}


@pytest.mark.parametrize(("text", "verdict"), [
    ("agentex-sdk>=0.6\nagentex-sdk>=0.11\n", "raise bound"),
    ("agentex-sdk===weird\n", "unknown"),
    ("-r requirements.txt\nagentex-sdk==0.10.4\n", "needs patch"),
    ("-r ../outside.txt\nagentex-sdk==0.10.4\n", "needs patch"),
])  # fmt: skip
def test_requirements_as_people_write_them(text: str, verdict: str, tree: Tree) -> None:
    tree.write({"acp.py": PROVIDER, "requirements.txt": text})
    assert tree.verdicts() == {".": verdict}


def test_a_requirements_file_of_megabytes_is_named(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree.write({"acp.py": PROVIDER, "requirements.txt": OLD})
    monkeypatch.setattr(files, "LIMIT", 400)
    tree.write({"requirements.txt": f"{OLD}# {'x' * 500}\n"})
    assert not_read(tree)["requirements.txt"] == "too large: 0 MiB"


def test_a_file_that_no_tool_would_write_is_named(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object, **__: object) -> None:
        raise TypeError

    tree.write({"acp.py": PROVIDER, "requirements.txt": OLD})
    monkeypatch.setattr(projects, "read_requirements", stumble)
    assert not_read(tree) == {"requirements.txt": "cannot be understood: TypeError"}


def test_a_source_of_uv_is_no_index(tree: Tree) -> None:
    tree.write({"acp.py": PROVIDER, "pyproject.toml": (
        "[project]\ndependencies = ['agentex-sdk==0.10.4']\n"
        "[tool.uv.sources]\nagentex-sdk = { git = 'https://git.example/a' }\n"
    )})  # fmt: skip
    assert tree.verdicts() == {".": "unknown"}


def test_an_extra_of_setup_cfg_counts(tree: Tree) -> None:
    tree.write({"acp.py": PROVIDER, "setup.cfg": (
        "[options]\n[options.extras_require]\nagent =\n    agentex-sdk==0.10.4\n"
    )})  # fmt: skip
    assert tree.verdicts() == {".": "needs patch"}


def test_a_locked_version_that_is_none_is_unknown(tree: Tree) -> None:
    tree.write({"acp.py": PROVIDER, "poetry.lock": POETRY.replace("0.9.4", "weird"),
                "pyproject.toml": "[tool.poetry]\nname = 'a'\n"})  # fmt: skip
    assert tree.verdicts() == {".": "unknown"}


def test_a_constraint_of_uv_narrows_a_range(tree: Tree) -> None:
    tree.write({"acp.py": PROVIDER, "pyproject.toml": (
        "[project]\ndependencies = ['agentex-sdk>=0.6']\n"
        "[tool.uv]\nconstraint-dependencies = ['agentex-sdk<0.10.5']\n"
    )})  # fmt: skip
    assert tree.verdicts() == {".": "needs patch"}


def test_poetrys_extras_bring_what_they_bring(tree: Tree) -> None:
    tree.write({"acp.py": f"{PROVIDER}{TWO_LINES}", "pyproject.toml": (
        "[tool.poetry.dependencies]\nagentex-usage-patch = {version = '*', extras = ['agentex']}\n"
        "rich = '^13'\n"
    )})  # fmt: skip
    assert tree.verdicts() == {".": "patched"}


@pytest.mark.parametrize(("written", "verdict"), [
    ("~0.9", "needs patch"), ("^0.9.1", "needs patch"), ("~=0.9.1", "needs patch"),
    ("0.10.4", "needs patch"), (">=0.11", "ok"), ("*", "raise bound"),
])  # fmt: skip
def test_ranges_of_poetry(written: str, verdict: str, tree: Tree) -> None:
    text = f'[tool.poetry.dependencies]\nagentex-sdk = "{written}"\n'
    tree.write({"acp.py": PROVIDER, "pyproject.toml": text})
    assert tree.verdicts() == {".": verdict}


def test_a_lock_of_poetry_above_counts_for_the_folders_that_it_installs(tree: Tree) -> None:
    source = '[package.source]\ntype = "directory"\nurl = "one"\n'
    lock = f'{POETRY}[[package]]\nname = "one"\nversion = "1"\n{source}'
    tree.write({"poetry.lock": lock, "pyproject.toml": "[tool.poetry]\nname = 'a'\n",
                "one/pyproject.toml": "[project]\ndependencies = ['agentex-sdk>=0.6']\n",
                "one/acp.py": PROVIDER,
                "two/pyproject.toml": "[project]\ndependencies = ['agentex-sdk>=0.6']\n",
                "two/acp.py": PROVIDER})  # fmt: skip
    assert tree.verdicts() == {"one": "needs patch", "two": "raise bound"}


def test_a_broken_lock_above_has_no_members(tree: Tree) -> None:
    tree.write({"uv.lock": '[[package]]\nname = "a"\nsource = { editable = "a" \n',
                "a/pyproject.toml": "[project]\ndependencies = ['agentex-sdk==0.10.4']\n",
                "a/acp.py": PROVIDER})  # fmt: skip
    assert tree.verdicts() == {"a": "needs patch"}


def test_a_lock_of_pipenv_names_other_distributions(tree: Tree) -> None:
    tree.write({"acp.py": PROVIDER, "Pipfile": "[packages]\nagentex-sdk = '*'\n", "Pipfile.lock": (
        '{"default": {"agentex-sdk": {"version": "==0.9.4"}, "rich": {"version": "==13"}}}'
    )})  # fmt: skip
    assert tree.verdicts() == {".": "needs patch"}


def test_above_a_folder_within_a_checkout_its_requirements_are_looked_for(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree.write({"requirements.txt": NEW, "agents/acp.py": PROVIDER})
    subprocess.run(["git", "init", "--quiet"], check=True)
    assert tree.verdicts("agents") == {"agents": "ok"}

    def refuse(path: Any) -> list[str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "listdir", refuse)
    assert tree.verdicts("agents") == {"agents": "unknown"}
