"""Which folders are agents, and what patches them. Each case is a small tree."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import jinja2
import pytest

from agentex_usage_patch import _upstream

from .trees import NEW, OLD, PROVIDER, TWO_LINES, M, P, Tree

WORKER = "from agentex.lib.core.temporal.workers.worker import AgentexWorker\nAgentexWorker()\n"
PACKAGE = "agentex.lib.core.temporal.plugins.openai_agents"
LITELLM = f"{WORKER}# LitellmProvider instead of TemporalStreamingModelProvider\n"
LANGGRAPH = f"""{WORKER}from agentex.lib.adk import create_langgraph_tracing_handler
from langchain_openai import ChatOpenAI
from langgraph.graph import StateGraph
graph = StateGraph(dict)
graph.add_node("model", lambda state: ChatOpenAI(model="gpt-5").invoke(state))
"""
CLAUDE = f"""{WORKER}from agentex.lib.core.temporal.plugins.claude_agents import (
    ContextInterceptor, run_claude_agent_activity)
worker = AgentexWorker(task_queue="claude", interceptors=[ContextInterceptor()])
worker.run(activities=[run_claude_agent_activity])
"""
CLASS = f"{_upstream.MODULE}.TemporalStreamingModel"
LOCK = '[[package]]\nname = "agentex-sdk"\nversion = "0.9.4"\nsource = {{ registry = "x" }}\n{}'


@pytest.mark.parametrize("code", [
    "from temporalio.worker import Worker\nWorker()\n", WORKER, LITELLM, LANGGRAPH, CLAUDE,
    f'"""{P}"""\n', "from ours import TemporalStreamingModelProvider\n",
])  # fmt: skip
def test_worker_without_the_model_is_no_agent(code: str, tree: Tree) -> None:
    tree.write({"run_worker.py": code, "acp.py": "", "pyproject.toml": "[project]\n",
                "uv.lock": LOCK.format("")})  # fmt: skip
    assert tree.told()["agents"] == []
    assert (
        tree.printed() == "No agent in '.': no code uses TemporalStreamingModel of agentex-sdk.\n"
    )


@pytest.mark.parametrize("code", [
    PROVIDER, M, f"from {PACKAGE} import TemporalStreamingModelProvider as T\n",
    f"def make():\n    from {PACKAGE} import TemporalStreamingModelProvider as T\n    return T()\n",
    f"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    {M}",
    f"import {_upstream.MODULE} as m\nm.TemporalStreamingModelProvider()\n",
    (f"import importlib\nm = importlib.import_module('{_upstream.MODULE}')\n"
    "getattr(m, 'x')\nm.TemporalStreamingModel()\n"),
])  # fmt: skip
@pytest.mark.parametrize("place", ["acp.py", "project/acp.py", "src/one/models.py"])
def test_code_that_uses_the_model_is_an_agent(code: str, place: str, tree: Tree) -> None:
    tree.write({place: code, "run_worker.py": WORKER, "requirements.txt": OLD,
                "pyproject.toml": "[project]\n"})  # fmt: skip
    assert tree.verdicts() == {".": "needs patch"}
    assert tree.told("--check", code=1)["due"] == 1


@pytest.mark.parametrize(("stated", "verdict"), [
    ("agentex-sdk", "raise bound"), ("agentex-sdk>=0.6.5", "raise bound"),
    ("agentex-sdk>=0.6,<0.12", "raise bound"), ("agentex-sdk>=0.9,<0.10.5", "needs patch"),
    ("agentex-sdk~=0.9.0", "needs patch"), ("agentex-sdk>=0.11", "ok"),
    ("agentex-sdk<0.5", "ok"), ("agentex-sdk @ git+https://git.example/a.git", "unknown"),
    ("-e ../agentex-sdk", "unknown"), ("./wheels/agentex_sdk-0.9.4-py3-none-any.whl", "unknown"),
    ("", "unknown"), ("agentex-sdk>1,<1", "unknown"),
    ("agentex-usage-patch[agentex]", "needs patch"),
])  # fmt: skip
def test_range_decides_without_a_lock(stated: str, verdict: str, tree: Tree) -> None:
    tree.write({"acp.py": PROVIDER, "requirements.txt": f"{stated}\n"})
    assert tree.verdicts() == {".": verdict}


def test_lock_overrides_a_range(tree: Tree) -> None:
    tree.write({"acp.py": PROVIDER, "uv.lock": LOCK.format(""),
                "pyproject.toml": '[project]\ndependencies = ["agentex-sdk>=0.6"]\n'})  # fmt: skip
    assert tree.verdicts() == {".": "needs patch"}
    # uv calls this lock out of date and would make it anew.
    tree.write({"pyproject.toml": '[project]\ndependencies = ["agentex-sdk>=0.11"]\n'})
    assert tree.verdicts() == {".": "unknown"}
    assert tree.places("sdk") == ["uv.lock:3", "pyproject.toml:2"]


def test_lock_with_affected_and_fixed_versions_is_unknown(tree: Tree) -> None:
    two = LOCK.format("") + LOCK.format("").replace("0.9.4", "0.11.0")
    tree.write({"acp.py": PROVIDER, "uv.lock": two, "pyproject.toml": "[project]\n"})
    assert tree.verdicts() == {".": "unknown"}
    tree.write({"uv.lock": two.replace("0.11.0", "0.10.4")})
    assert tree.verdicts() == {".": "needs patch"}


def test_workspace_lock_counts_for_its_members(tree: Tree) -> None:
    member = '[[package]]\nname = "a"\nversion = "1"\nsource = { virtual = "agents/a" }\n'
    stated = '[project]\ndependencies = ["agentex-sdk"]\n'
    tree.write({"pyproject.toml": "[project]\n", "uv.lock": LOCK.format(member),
                "agents/a/pyproject.toml": stated, "agents/a/acp.py": PROVIDER,
                "agents/b/pyproject.toml": stated, "agents/b/acp.py": PROVIDER})  # fmt: skip
    assert tree.verdicts() == {"agents/a": "needs patch", "agents/b": "raise bound"}


@pytest.mark.parametrize("beside", [{}, {"pyproject.toml": "[project]\nname = 'a'\n"}])
def test_dockerfile_states_the_release(beside: dict[str, str], tree: Tree) -> None:
    run = "FROM x\nRUN uv pip install --system \\\n    # why\n    'agentex-sdk{}' temporalio\n"
    tree.write({"Dockerfile": run.format("==0.9.4"), "project/acp.py": PROVIDER, **beside})
    assert tree.verdicts() == {".": "needs patch"}
    tree.write({"Dockerfile": run.format("")})
    assert tree.verdicts() == {".": "raise bound"}


@pytest.mark.parametrize("folder", ["src/", "vendor/sdk/"])
def test_agentex_sdk_is_no_agent(folder: str, tree: Tree) -> None:
    inside = _upstream.MODULE.replace(".", "/")
    tree.write({f"{folder}{inside}.py": "class TemporalStreamingModel: ...\n",
                f"{folder}agentex/lib/other.py": PROVIDER,
                "pyproject.toml": "[project]\nname = 'x'\n"})  # fmt: skip
    assert tree.verdicts() == {}


@pytest.mark.parametrize("patch", [
    f"{M}TemporalStreamingModel.get_response = None\n",
    f"{M}setattr(TemporalStreamingModel, 'get_response', None)\n",
    (f"import wrapt\nwrapt.wrap_function_wrapper('{_upstream.MODULE}', "
    "'TemporalStreamingModel.get_response', print)\n"),
    f"{M}from unittest import mock\nmock.patch.object(TemporalStreamingModel, 'get_response')\n",
    f"from unittest.mock import patch\npatch('{CLASS}.get_response').start()\n",
    (f"import wrapt\nPATH = '{_upstream.MODULE}'\n"
    "@wrapt.patch_function_wrapper(PATH, 'TemporalStreamingModel.get_response')\ndef f(): ...\n"),
    f"import {_upstream.MODULE} as m\nm.TemporalStreamingModel = object\n",
])  # fmt: skip
def test_in_house_patch_is_found(patch: str, tree: Tree) -> None:
    tree.write({"fix.py": patch, "run_worker.py": f"import fix\n{PROVIDER}",
                "requirements.txt": OLD})  # fmt: skip
    assert tree.verdicts() == {".": "in-house patch"}
    assert len(tree.places("in-house patch")) == 1
    assert tree.places("uses in-house patch") == ["run_worker.py:1"]


def test_subclass_uses_the_model_and_patches_nothing(tree: Tree) -> None:
    tree.write({"models.py": f"""{M}from agents import ModelProvider
class OurModel(TemporalStreamingModel):
    async def get_response(self, *args, **kwargs):
        return await super().get_response(*args, **kwargs)
class OurProvider(ModelProvider):
    def get_model(self, name):
        return OurModel(model_name=name)
""", "run_worker.py": f"from models import OurProvider\n{WORKER}OurProvider()\n",
                "requirements.txt": OLD})  # fmt: skip
    assert tree.verdicts() == {".": "needs patch"}
    assert tree.places("uses the model") == ["models.py:1"]
    assert tree.places("in-house patch") == tree.places("uses in-house patch") == []


def test_module_named_like_this_package_hides_it(tree: Tree) -> None:
    ours = f"{M}def apply_patch():\n    TemporalStreamingModel.get_response = None\n"
    tree.write({"agentex_usage_patch.py": ours, "run_worker.py": TWO_LINES + PROVIDER,
                "requirements.txt": OLD})  # fmt: skip
    assert tree.verdicts() == {".": "in-house patch"}
    assert tree.places("applies this package") == []
    assert tree.places("uses in-house patch") == ["run_worker.py:1", "run_worker.py:2"]


def test_shared_patch_counts_for_agents_that_import_it(tree: Tree) -> None:
    patch = f"{M}def fix():\n    TemporalStreamingModel.get_response = None\n"
    use = f"from shared.fixes import fix\nfix()\n{PROVIDER}"
    tree.write({"libs/shared/fixes.py": patch, "libs/pyproject.toml": "[project]\n"})
    for name in ("a", "b", "c"):
        tree.write({f"{name}/acp.py": use, f"{name}/requirements.txt": OLD})
    tree.write({"d/acp.py": PROVIDER, "d/requirements.txt": OLD})
    assert tree.verdicts() == {"a": "in-house patch", "b": "in-house patch", "c": "in-house patch",
                               "d": "needs patch", "libs": "unknown"}  # fmt: skip


@pytest.mark.parametrize("name", [
    "tests/test_a.py", "test_a.py", "a_test.py", "conftest.py", "test/a.py",
])  # fmt: skip
def test_tests_are_no_agents(name: str, tree: Tree) -> None:
    tree.write({name: PROVIDER, "requirements.txt": OLD})
    assert tree.verdicts() == {}


@pytest.mark.parametrize("apply", [
    TWO_LINES, "import agentex_usage_patch.auto\n", ("import agentex_usage_patch as a\n"
    "a.apply_patch()\n"), "from agentex_usage_patch import auto\n",
])  # fmt: skip
def test_patched_means_applied_and_required(apply: str, tree: Tree) -> None:
    tree.write({"acp.py": apply + PROVIDER, "requirements.txt": OLD})
    assert tree.verdicts() == {".": "needs patch"}
    tree.write({"requirements.txt": f"{OLD}agentex-usage-patch\n"})
    assert tree.verdicts() == {".": "patched"}
    tree.write({"requirements.txt": f"{NEW}agentex-usage-patch\n"})
    assert tree.verdicts() == {".": "remove"}


LEFT = {
    "pyproject.toml": '[project]\ndependencies = ["agentex-usage-patch"]\n',
    "requirements.in": "agentex-usage-patch\n",
    "requirements-all.txt": "agentex-usage-patch==0.1\n",
    "Dockerfile": 'HEALTHCHECK CMD ["agentex-usage-patch", "status"]\n',
    "k8s/probe.yaml": "command: [agentex-usage-patch, status]\n",
    "Makefile": "check:\n\tagentex-usage-patch status\n",
    "Procfile": "worker: AGENTEX_USAGE_PATCH_DISABLED=1 python run_worker.py\n",
    "README.md": "We use agentex-usage-patch.\n",
    "pdm.lock": '[[package]]\nname = "agentex-sdk"\nversion = "0.28.4"\n\n'
                '[[package]]\nname = "agentex-usage-patch"\nversion = "0.1.0"\n',
}  # fmt: skip


@pytest.mark.parametrize("name", LEFT)
def test_remove_lists_each_line_that_names_this_package(name: str, tree: Tree) -> None:
    tree.write({"acp.py": PROVIDER, "requirements.txt": NEW, name: LEFT[name]})
    assert tree.verdicts() == {".": "remove"}
    assert [each.split(":")[0] for each in tree.places("names this package")] == [name]
    (tree.folder / name).unlink()
    assert tree.verdicts() == {".": "ok"}


def test_lines_outside_of_agents_come_last_once_no_agent_needs_this_package(tree: Tree) -> None:
    tree.write({"a/acp.py": PROVIDER, "a/requirements.txt": NEW, "README.md": LEFT["README.md"]})
    assert tree.verdicts() == {"a": "ok", ".": "remove"}
    tree.write({"a/requirements.txt": OLD})
    assert tree.verdicts() == {"a": "needs patch"}


def test_tree_without_agents_lists_the_lines_that_name_this_package(tree: Tree) -> None:
    tree.write({"README.md": f"Ours.\n{LEFT['README.md']}", "acp.py": "", "requirements.txt": NEW})
    assert tree.verdicts() == {".": "remove"}
    assert tree.places("names this package") == ["README.md:2"]
    assert tree.printed("--check", code=1).splitlines() == [
        "agent: agentex-sdk, verdict (next)",
        ".: remove (1 line still names agentex-usage-patch)", "",
        "README.md:2: names this package: We use agentex-usage-patch.", "",
        "No agent in '.': no code uses TemporalStreamingModel of agentex-sdk.",
    ]  # fmt: skip


@pytest.mark.parametrize("code", [
    "ModelSettings(extra_args={'prompt': 1})", "ModelSettings(extra_args=dict(prompt=1))",
    "x.extra_args['prompt'] = 1", "x.extra_args = {'prompt': 1}",
    "y = {'prompt': 1}\nModelSettings(extra_args=y)",
])  # fmt: skip
def test_forwarded_field_in_extra_args_is_a_workaround(code: str, tree: Tree) -> None:
    tree.write({"acp.py": PROVIDER, "flow.py": f"from agents import ModelSettings\n{code}\n",
                "requirements.txt": NEW})  # fmt: skip
    assert tree.places("workaround") == ["flow.py:2"]
    assert tree.told("--check", code=1)["agents"][0]["verdict"] == "ok"


def test_pinned_companion_that_stops_the_worker_is_reported(tree: Tree) -> None:
    tree.write({"acp.py": PROVIDER, "requirements.txt": f"{NEW}temporalio==9\nopenai==9\n"})
    assert tree.places("companion") == ["requirements.txt:2"]
    assert tree.told("--check", code=1)["due"] == 1


@pytest.mark.parametrize("lines", ["", TWO_LINES])
def test_template_of_the_installed_sdk_is_an_agent(lines: str, tree: Tree) -> None:
    spec = importlib.util.find_spec("agentex")
    assert spec and spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0], "lib/cli/templates/temporal-openai-agents")
    told = {"agent_name": "a", "project_name": "a", "workflow_class": "W", "description": "a",
            "project_path_from_build_root": "a", "workflow_name": "w",
            "queue_name": "q"}  # fmt: skip
    rendered = {str(each.relative_to(folder).with_suffix("")):
                jinja2.Template(each.read_text()).render(**told)
                for each in folder.rglob("*.j2")}  # fmt: skip
    assert "project/run_worker.py" in rendered
    tree.write(rendered)
    worker = tree.folder / "project" / "run_worker.py"
    worker.write_text(lines + worker.read_text())
    assert tree.verdicts() == {".": "raise bound"}
    assert len(tree.places("uses the model")) == 2
    assert len(tree.places("applies this package")) == bool(lines)
