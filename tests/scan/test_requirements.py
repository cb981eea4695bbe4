"""How people write requirements and locks. Each case is a small tree with one agent."""

from __future__ import annotations

from pathlib import Path

import pytest

from .trees import OLD, PROVIDER, TWO_LINES, Tree

POETRY = '[[package]]\nname = "agentex-sdk"\nversion = "0.9.4"\n'
UV = '[[package]]\nname = "agentex-sdk"\nversion = "0.9.4"\nsource = {{ {} }}\n'
RANGE = "[project]\ndependencies = ['agentex-sdk>=0.6']\n"
PIPFILE = "[packages]\nagentex-sdk = '*'\n"
PYLOCK = """lock-version = "1.0"
created-by = "uv"

[[packages]]
name = "agentex-sdk"
version = "0.9.4"
index = "https://pypi.org/simple"
wheels = [{ url = "https://files.example/agentex_sdk-0.9.4-py3-none-any.whl", hashes = {} }]

[[packages]]
name = "openai"
version = "1.99.9"
"""


@pytest.mark.parametrize(("name", "text", "line"), [
    ("pylock.toml", PYLOCK, 6), ("pylock.worker.toml", PYLOCK, 6), ("poetry.lock", POETRY, 3),
    ("pdm.lock", f"[metadata]\nstrategy = []\n\n{POETRY}summary = 'a'\n", 6),
    ("uv.lock", UV.format('registry = "https://pypi.org/simple"'), 3),
    ("poetry.lock", f'{POETRY}\n[package.source]\ntype = "legacy"\nurl = "https://a"\n', 3),
    ("Pipfile.lock", ('{"default": {\n"agentex-sdk": {\n"hashes": [],\n"version": "==0.9.4"},\n'
                     '"rich": {"version": "==13"}}}'), 4),
])  # fmt: skip
def test_lock_states_the_release(name: str, text: str, line: int, tree: Tree) -> None:
    tree.write({"acp.py": PROVIDER, name: text, "pyproject.toml": RANGE})
    assert tree.verdicts() == {".": "needs patch"}
    (agent,) = tree.told()["agents"]
    assert agent["sdk"] == {"written": "0.9.4", "version": "0.9.4", "file": name, "line": line,
                            "locked": True}  # fmt: skip


@pytest.mark.parametrize(("name", "text"), [
    ("uv.lock", UV.format('git = "https://a"')), ("uv.lock", UV.format('editable = "../sdk"')),
    ("poetry.lock", f'{POETRY}\n[package.source]\ntype = "git"\nurl = "https://a"\n'),
    ("pdm.lock", f'{POETRY}path = "./sdk"\n'), ("poetry.lock", POETRY.replace("0.9.4", "weird")),
    ("pylock.toml", PYLOCK.replace("index =", "vcs = { type = 'git', url = 'a' }\nindex =")),
])  # fmt: skip
def test_lock_on_something_else_than_a_release_is_unknown(name: str, text: str, tree: Tree) -> None:
    tree.write({"acp.py": PROVIDER, name: text, "pyproject.toml": "[project]\n"})
    assert tree.verdicts() == {".": "unknown"}


@pytest.mark.parametrize(("written", "verdict"), [
    ("~0.9", "needs patch"), ("^0.9.1", "needs patch"), ("~=0.9.1", "needs patch"),
    ("0.10.4", "needs patch"), (">=0.11", "ok"), ("*", "raise bound"), (">=0.9,<0.10.5",
    "needs patch"), ("^0.9 || ^0.11", "unknown"),
])  # fmt: skip
def test_range_of_poetry_is_understood(written: str, verdict: str, tree: Tree) -> None:
    text = f'[tool.poetry.dependencies]\npython = "^3.12"\nagentex-sdk = "{written}"\n'
    tree.write({"acp.py": PROVIDER, "pyproject.toml": text})
    assert tree.verdicts() == {".": verdict}


@pytest.mark.parametrize("text", [
    "[tool.poetry.group.agent.dependencies]\nagentex-sdk = {version = '0.10.4', extras = ['a']}\n",
    "[tool.poetry.dependencies]\nagentex-sdk = [{version = '0.10.4', markers = 'a'}]\n",
    "[project.optional-dependencies]\nagent = ['agentex-sdk==0.10.4']\n",
    "[dependency-groups]\nagent = [\n    {include-group = 'a'},\n    'agentex-sdk==0.10.4',\n]\n",
    ("[project]\ndependencies = ['agentex-sdk>=0.6']\n"
    "[tool.uv]\nconstraint-dependencies = ['agentex-sdk<0.10.5']\n"),
    "[project]\nname = 'an-agent'\ndependencies = [\"agentex-sdk \\u003e= 0.6,<0.10.5\"]\n",
])  # fmt: skip
def test_pyproject_states_the_release(text: str, tree: Tree) -> None:
    tree.write({"acp.py": PROVIDER, "pyproject.toml": text})
    assert tree.verdicts() == {".": "needs patch"}


@pytest.mark.parametrize("text", [
    f"{RANGE}[tool.uv.sources]\nagentex-sdk = {{ git = 'https://git.example/a' }}\n",
    f"{RANGE}[tool.uv.sources]\nagentex-sdk = [{{ path = '../sdk', marker = 'a' }}]\n",
    "[tool.poetry.dependencies]\nagentex-sdk = {path = '../agentex-sdk'}\n",
])  # fmt: skip
def test_source_outside_of_an_index_is_unknown(text: str, tree: Tree) -> None:
    tree.write({"acp.py": PROVIDER, "pyproject.toml": text})
    assert tree.verdicts() == {".": "unknown"}


def test_pyproject_that_only_configures_tools_is_no_project(tree: Tree) -> None:
    tree.write({"requirements.txt": OLD, "a/pyproject.toml": "[tool.ruff]\n", "a/acp.py": PROVIDER})
    assert tree.verdicts() == {".": "needs patch"}


def test_manifest_makes_a_project_that_inherits_the_lock_above(tree: Tree) -> None:
    tree.write({"pyproject.toml": RANGE, "uv.lock": UV.format('registry = "a"')})
    tree.write({"a/manifest.yaml": "agent:\n  acp_type: async\n", "a/acp.py": PROVIDER})
    assert tree.verdicts() == {"a": "needs patch"}


@pytest.mark.parametrize(("name", "text"), [
    ("setup.cfg", "[options]\ninstall_requires =\n    rich\n    agentex-sdk==0.10.4\n"),
    ("setup.cfg", "[options]\n[options.extras_require]\nagent =\n    agentex-sdk==0.10.4\n"),
    ("Pipfile", "[packages]\nagentex-sdk = '==0.10.4'\n"),
    ("requirements/agent.txt", OLD), ("agent-requirements.in", OLD),
    ("requirements.txt", "agentex-sdk==0.10.4 \\\n    --hash=sha256:0 \\\n    --hash=sha256:1\n"),
    ("requirements.txt", "-r nowhere.txt\nagentex-sdk==0.10.4  # why\n"),
])  # fmt: skip
def test_requirements_state_the_release(name: str, text: str, tree: Tree) -> None:
    tree.write({"acp.py": PROVIDER, name: text})
    assert tree.verdicts() == {".": "needs patch"}


@pytest.mark.parametrize(("text", "verdict"), [
    ("agentex-sdk>=0.6\nagentex-sdk>=0.11\n", "ok"), ("agentex-sdk===weird\n", "unknown"),
    ("agentex-sdk==0.10.4\nagentex-sdk==0.28.4\n", "unknown"),
    ("agentex-sdk==0.10.4\nagentex-sdk>=0.11\n", "needs patch"),
    ("agentex-sdk==0.9.*\n", "needs patch"),
])  # fmt: skip
def test_requirements_that_are_stated_twice_are_combined(
    text: str, verdict: str, tree: Tree
) -> None:
    tree.write({"acp.py": PROVIDER, "requirements.txt": text})
    assert tree.verdicts() == {".": verdict}


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-8-sig"])
def test_requirements_in_other_encodings_are_read(encoding: str, tree: Tree) -> None:
    tree.write({"acp.py": PROVIDER})
    Path("requirements.txt").write_bytes("agentex-sdk==0.10.4  # für\r\n".encode(encoding))
    assert tree.verdicts() == {".": "needs patch"}


@pytest.mark.parametrize(("name", "text"), [
    ("pyproject.toml", "[project\n"), ("pyproject.toml", "tool = 7\n"), ("Pipfile.lock",
    '{"default": {"agentex-sdk": {"version": }}}'), ("pyproject.toml",
    "[tool.poetry.dependencies]\nagentex-sdk = {extras = 7}\n"),
])  # fmt: skip
def test_file_that_cannot_be_understood_is_reported(name: str, text: str, tree: Tree) -> None:
    tree.write({"acp.py": PROVIDER, name: text})
    assert tree.not_read()[name].startswith("cannot be understood: ")
    assert tree.verdicts() == {".": "unknown"}


def test_extra_of_this_package_brings_agentex_sdk(tree: Tree) -> None:
    tree.write({"acp.py": f"{PROVIDER}{TWO_LINES}", "pyproject.toml": (
        "[tool.poetry.dependencies]\nagentex-usage-patch = {version = '*', extras = ['agentex']}\n"
    )})  # fmt: skip
    assert tree.verdicts() == {".": "patched"}


def test_lock_above_counts_for_the_folders_that_it_installs(tree: Tree) -> None:
    source = '[package.source]\ntype = "directory"\nurl = "one"\n'
    lock = f'{POETRY}\n[[package]]\nname = "one"\nversion = "1"\n\n{source}'
    tree.write({"poetry.lock": lock, "pyproject.toml": "[tool.poetry]\nname = 'a'\n",
                "one/pyproject.toml": RANGE, "one/acp.py": PROVIDER,
                "two/pyproject.toml": RANGE, "two/acp.py": PROVIDER})  # fmt: skip
    assert tree.verdicts() == {"one": "needs patch", "two": "raise bound"}


TOKEN = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
SOURCE = "github.com/scaleapi/scale-agentex-python"
DOCKERFILE = f"""FROM python:3.12-slim
RUN pip install --index-url 'https://ci:{TOKEN}@pypi.example/simple' agentex-usage-patch
RUN pip install --extra-index-url=https://ci:a@b'"é{TOKEN}@pypi.example agentex-usage-patch
"""


@pytest.mark.parametrize(("files", "text"), [
    ({"Dockerfile": DOCKERFILE, "requirements.txt": "agentex-sdk==0.28.4\n"},
     ("Dockerfile:2: names this package: RUN pip install --index-url "
      "'https://***@pypi.example/simple' agentex-usage-patch")),
    ({"Dockerfile": DOCKERFILE, "requirements.txt": "agentex-sdk==0.28.4\n"},
     ("Dockerfile:3: names this package: RUN pip install "
      "--extra-index-url=https://***@pypi.example agentex-usage-patch")),
    ({"requirements.txt": f"agentex-sdk @ git+https://{TOKEN}@{SOURCE}@v0.9.4\n"},
     f"requirements.txt:1: agentex-sdk git+https://***@{SOURCE}@v0.9.4"),
    ({"requirements.txt": f"agentex-sdk @ git+https://{SOURCE}@v0.9.4\n"},
     f"requirements.txt:1: agentex-sdk git+https://{SOURCE}@v0.9.4"),
    ({"requirements.txt": f"agentex-sdk===https://ci:{TOKEN}@pypi.example\n"},
     "requirements.txt:1: agentex-sdk ===https://***@pypi.example"),
    ({"pyproject.toml": f"{RANGE}[tool.uv.sources]\n"
                        f"agentex-sdk = {{ git = 'https://oauth2:{TOKEN}@{SOURCE}' }}\n"},
     f"pyproject.toml:2: agentex-sdk git:https://***@{SOURCE}"),
    ({"pyproject.toml": RANGE, "uv.lock": UV.format(f'git = "https://{TOKEN}@{SOURCE}?rev=a#b"')},
     f"uv.lock:3: agentex-sdk git:https://***@{SOURCE}?rev=a#b"),
])  # fmt: skip
def test_credentials_in_urls_are_masked(files: dict[str, str], text: str, tree: Tree) -> None:
    tree.write({"acp.py": PROVIDER, **files})
    assert text in tree.printed().splitlines()
    assert TOKEN not in tree.printed() + tree.printed("--json")
    (agent,) = tree.told()["agents"]
    assert any(text.endswith(each["text"]) for each in agent["places"])
