"""How far scan follows names and imports, and where it stops."""

from __future__ import annotations

import pytest

from agentex_usage_patch import _upstream

from .trees import NEW, OLD, PROVIDER, M, Tree

MODULE = _upstream.MODULE
PATCH = f"{M}def fix():\n    TemporalStreamingModel.get_response = None\n"
APPLY = "from agentex_usage_patch import apply_patch\ndef fix():\n    apply_patch()\n"


@pytest.mark.parametrize("code", [
    (f"import importlib\nM = '{MODULE}'\nimportlib.import_module(M).TemporalStreamingModel"
    ".get_response = print\n"),
    (f"from importlib import import_module\nm = import_module('{MODULE}')\n"
    "setattr(getattr(m, 'TemporalStreamingModel'), 'get_response', print)\n"),
])  # fmt: skip
def test_patch_of_a_model_imported_by_name_is_found(code: str, tree: Tree) -> None:
    tree.write({"patches.py": code, "requirements.txt": OLD})
    assert tree.verdicts() == {".": "in-house patch"}


@pytest.mark.parametrize("code", [
    "a = b\nb = a\na.TemporalStreamingModel()\n", "a = b\nb = a\nsettings.extra_args[a] = 1\n",
    "settings.extra_args.pop('prompt')\n", "kept: dict\n", "(a, b) = 1, 2\n", "f()()\n",
    "setattr()\n", "ModelSettings(extra_args={**other, 1: 2})\n", "ModelSettings(extra_args=f)\n",
    "del a.b\nx = {'prompt': 1}\n",
])  # fmt: skip
def test_other_code_adds_nothing_to_the_report(code: str, tree: Tree) -> None:
    tree.write({"acp.py": f"{PROVIDER}{code}", "requirements.txt": OLD})
    (agent,) = tree.told()["agents"]
    assert {each["what"] for each in agent["places"]} == {"sdk", "uses the model"}


def test_extra_args_of_other_libraries_are_no_workaround(tree: Tree) -> None:
    flow = "from others import run\nrun(extra_args={'prompt': 1})\n"
    tree.write({"acp.py": PROVIDER, "flow.py": flow, "requirements.txt": NEW})
    assert tree.places("workaround") == []


@pytest.mark.parametrize(("use", "places"), [
    ("from fixes import fix\nfix()\n", ["run.py:1", "run.py:2"]),
    ("import fixes\nfixes.fix()\n", ["run.py:1", "run.py:2"]), ("import fixes\n", []),
    ("from .fixes import fix\n", ["run.py:1"]), ("from fixes import other\n", []),
    ("from elsewhere.fixes import fix\n", []), ("from . import fixes as f\nf.fix()\n",
    ["run.py:1", "run.py:2"]),
])  # fmt: skip
def test_patch_is_followed_to_the_files_that_import_it_by_name(
    use: str, places: list[str], tree: Tree
) -> None:
    tree.write({"fixes.py": PATCH, "run.py": use, "requirements.txt": OLD})
    assert tree.places("uses in-house patch") == places


def test_nearest_module_of_several_with_one_name_is_meant(tree: Tree) -> None:
    use = "from project.fixes import fix\nfix()\n"
    for name in ("a", "b"):
        tree.write({f"{name}/run.py": f"{use}{PROVIDER}", f"{name}/requirements.txt": OLD})
    tree.write({"a/project/fixes.py": PATCH, "b/project/fixes.py": "def fix(): ...\n"})
    tree.write({"c/run.py": f"import fixes\nfixes.fix()\n{PROVIDER}", "c/requirements.txt": OLD})
    assert tree.verdicts() == {"a": "in-house patch", "b": "needs patch", "c": "needs patch"}


def test_package_that_patches_on_import_counts_for_its_importers(tree: Tree) -> None:
    patch = f"{M}TemporalStreamingModel.get_response = None\n"
    tree.write({"libs/fixes/__init__.py": patch, "libs/pyproject.toml": "[project]\n"})
    tree.write({"a/run.py": f"import libs.fixes\n{PROVIDER}", "a/requirements.txt": OLD})
    assert tree.verdicts() == {"a": "in-house patch", "libs": "unknown"}


def test_shared_file_applies_this_package_for_its_importers(tree: Tree) -> None:
    tree.write({"libs/shared/setup.py": APPLY, "libs/requirements.txt": "agentex-usage-patch\n",
                "a/run.py": f"from shared.setup import fix\nfix()\n{PROVIDER}",
                "a/requirements.txt": f"{OLD}agentex-usage-patch\n"})  # fmt: skip
    assert tree.verdicts() == {"a": "patched", "libs": "unknown"}
    assert tree.places("applies this package") == ["a/run.py:1", "libs/shared/setup.py:3"]


def test_importer_that_is_no_python_is_reported(tree: Tree) -> None:
    tree.write({"fixes.py": PATCH, "run.py": "import fixes\ndef (\n", "requirements.txt": OLD})
    assert list(tree.not_read()) == ["run.py"]
    assert tree.verdicts() == {".": "in-house patch"}
