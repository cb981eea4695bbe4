"""What each kind of file states of agentex-sdk, and what cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from .fleet import RANGE, UV, only, sdk, write

LONG = "1" * 5000  # digits, of which Python makes no number
POETRY = "[tool.poetry.dependencies]\n"
# File, text, what is told of it, and whether the patch is needed.
STATED = [
    ("uv.lock", UV, ["uv.lock:3 0.10.4"], "yes"),
    ("uv.lock", UV.replace("0.10.4", "0.10.5") + UV,
     ["uv.lock:3 0.10.5", "uv.lock:6 0.10.4"], "yes"),
    ("uv.lock", UV.replace("0.10.4", "0.10.5") + 'source = { git = "https://git.example/sdk" }\n',
     ["uv.lock:3 0.10.5"], "no"),
    ("uv.lock", UV.replace("0.10.4", "odd"), ["uv.lock:3 odd"], "unknown"),
    ("uv.lock", UV.replace("0.10.4", LONG), [f"uv.lock:3 {LONG}"], "unknown"),
    ("uv.lock", '[[package]]\nname = "agentex-sdk"\n', ["uv.lock:1 any"], "unknown"),
    ("poetry.lock", UV, ["poetry.lock:3 0.10.4"], "yes"),
    ("pdm.lock", UV + 'git = "https://git.example/sdk"\n', ["pdm.lock:3 0.10.4"], "yes"),
    ("Pipfile.lock", '{"default": {"agentex_sdk": {"version": "==0.10.4"}, "other": {}}}',
     ["Pipfile.lock:1 0.10.4"], "yes"),
    ("Pipfile.lock", '{"develop": {\n"agentex-sdk": {\n"git": "https://git.example/sdk"\n}}}',
     ["Pipfile.lock:2 https://git.example/sdk"], "unknown"),
    ("Pipfile", '[packages]\nagentex-sdk = "==0.10.4"\n', ["Pipfile:2 ==0.10.4"], "yes"),
    ("requirements.txt", ("agentex_SDK [all] == 0.10.4 ; python_version > '3'  # ours\n"
     "-e .#egg=x\nno, requirement\n"),
     ["requirements.txt:1 ==0.10.4"], "yes"),
    ("requirements.txt", "agentex-sdk==\\\n0.10.4 --hash=sha256:0\n",
     ["requirements.txt:1 ==0.10.4"], "yes"),
    ("requirements-prod.txt", "-e git+https://git.example/sdk#egg=agentex-sdk\n",
     ["requirements-prod.txt:1 -e git+https://git.example/sdk#egg=agentex-sdk"], "unknown"),
    ("requirements.txt", "agentex-sdk @ https://files.example/sdk.whl\n",
     ["requirements.txt:1 https://files.example/sdk.whl"], "unknown"),
    ("requirements.txt", "agentex-sdk\n", ["requirements.txt:1 any"], "maybe"),
    ("requirements.txt", "agentex-sdk>=0.10\n", ["requirements.txt:1 >=0.10"], "maybe"),
    ("requirements.txt", "agentex-sdk>=0.10,<0.10.5\n",
     ["requirements.txt:1 <0.10.5,>=0.10"], "yes"),
    ("requirements.txt", "agentex-sdk<0.10\n", ["requirements.txt:1 <0.10"], "yes"),
    ("requirements.txt", "agentex-sdk~=0.10.2\n", ["requirements.txt:1 ~=0.10.2"], "maybe"),
    ("requirements.txt", "agentex-sdk==0.10.*\n", ["requirements.txt:1 ==0.10.*"], "maybe"),
    ("requirements.txt", "agentex-sdk==0.9.*\n", ["requirements.txt:1 ==0.9.*"], "yes"),
    ("requirements.txt", "agentex-sdk>=0.11\n", ["requirements.txt:1 >=0.11"], "no"),
    ("requirements.txt", "agentex-sdk>0.10.5,!=0.11.0\n",
     ["requirements.txt:1 !=0.11.0,>0.10.5"], "no"),
    ("requirements.txt", "agentex-sdk<0.5\n", ["requirements.txt:1 <0.5"], "no"),
    ("requirements.txt", "agentex-sdk<0.5,>0.6\n", ["requirements.txt:1 <0.5,>0.6"], "unknown"),
    ("requirements.txt", "agentex-sdk===0.10.4\n", ["requirements.txt:1 ===0.10.4"], "yes"),
    ("requirements.txt", f"agentex-sdk=={LONG}\n", [f"requirements.txt:1 =={LONG}"], "unknown"),
    ("requirements.txt", "agentex-sdk===odd\n", ["requirements.txt:1 ===odd"], "unknown"),
    ("requirements.txt", "--index-url x\n\n# agentex-sdk==1\nagentex-sdk-extra==1\n", [],
     "unknown"),
    ("pyproject.toml", '[project]\ndependencies = [\n  "agentex-sdk==0.10.4", # one\n]\n',
     ["pyproject.toml:3 ==0.10.4"], "yes"),
    ("pyproject.toml", '[project.optional-dependencies]\nagents = ["agentex-sdk==0.10.4"]\n',
     ["pyproject.toml:2 ==0.10.4"], "yes"),
    ("pyproject.toml", '[dependency-groups]\na = [{include-group = "b"}, "agentex-sdk==0.10.4"]\n',
     ["pyproject.toml:2 ==0.10.4"], "yes"),
    ("pyproject.toml", '[tool.pdm.dev-dependencies]\na = ["agentex-sdk==0.10.4"]\n',
     ["pyproject.toml:2 ==0.10.4"], "yes"),
    ("pyproject.toml", '[tool.uv]\ndev-dependencies = ["agentex-sdk==0.10.4", "-odd-"]\n',
     ["pyproject.toml:2 ==0.10.4"], "yes"),
    ("pyproject.toml", RANGE + '[tool.uv.sources]\nagentex-sdk = { git = "https://git.example" }\n',
     ["pyproject.toml:2 >=0.10.5"], "unknown"),
    ("pyproject.toml", RANGE + '[tool.uv.sources]\nagentex-sdk = [{ index = "ours" }]\n',
     ["pyproject.toml:2 >=0.10.5"], "no"),
    ("pyproject.toml", f'{POETRY}agentex-sdk = "0.10.4"\n', ["pyproject.toml:2 ==0.10.4"], "yes"),
    ("pyproject.toml", f'{POETRY}agentex-sdk = "^0.10.2"\n',
     ["pyproject.toml:2 >=0.10.2,<0.11"], "maybe"),
    ("pyproject.toml", f'{POETRY}agentex-sdk = "^0"\n', ["pyproject.toml:2 >=0,<1"], "maybe"),
    ("pyproject.toml", f'{POETRY}agentex-sdk = "~0.9"\n', ["pyproject.toml:2 >=0.9,<0.10"], "yes"),
    ("pyproject.toml", f'{POETRY}agentex-sdk = "~0"\n', ["pyproject.toml:2 >=0,<1"], "maybe"),
    ("pyproject.toml", f'{POETRY}agentex-sdk = ">=0.10.5,<1"\n',
     ["pyproject.toml:2 >=0.10.5,<1"], "no"),
    ("pyproject.toml", f'{POETRY}agentex-sdk = ">= 0.10.2 <0.10.5"\n',
     ["pyproject.toml:2 >= 0.10.2,<0.10.5"], "yes"),
    ("pyproject.toml", f'{POETRY}agentex-sdk = "^0.9  ^0.9.1 , !=0.9.2"\n',
     ["pyproject.toml:2 >=0.9,<0.10,>=0.9.1,<0.10,!=0.9.2"], "yes"),
    ("pyproject.toml", f'{POETRY}agentex-sdk = "^0.9 || ^0.10"\n',
     ["pyproject.toml:2 >=0.9,<0.10", "pyproject.toml:2 >=0.10,<0.11"], "maybe"),
    ("pyproject.toml", f'{POETRY}agentex-sdk = "^0.9||0.11.*"\n',
     ["pyproject.toml:2 >=0.9,<0.10", "pyproject.toml:2 ==0.11.*"], "maybe"),
    ("pyproject.toml", f'{POETRY}agentex-sdk = "0.9.1 || 0.10.4"\n',
     ["pyproject.toml:2 ==0.9.1", "pyproject.toml:2 ==0.10.4"], "yes"),
    ("pyproject.toml", f'{POETRY}agentex-sdk = "^0.9 | ^0.10"\n',
     ["pyproject.toml:2 ^0.9 | ^0.10"], "unknown"),
    ("pyproject.toml", f'{POETRY}agentex-sdk = "*"\n', ["pyproject.toml:2 any"], "maybe"),
    ("pyproject.toml", f'{POETRY}agentex-sdk = {{ path = "../sdk" }}\n',
     ["pyproject.toml:2 ../sdk"], "unknown"),
    ("pyproject.toml", ('[tool.poetry.group.main.dependencies]\nagentex-sdk = [\n'
     '  { version = "0.10.4" },\n  { version = "0.9.*" },\n]\n'),
     ["pyproject.toml:2 ==0.10.4", "pyproject.toml:2 ==0.9.*"], "yes"),
    ("pyproject.toml", "project = 1\ntool = 1\n", [], "unknown"),
    ("setup.cfg", "[options]\ninstall_requires =\n    agentex-sdk==0.10.4; python_version>'3'\n",
     ["setup.cfg:3 ==0.10.4"], "yes"),
    ("setup.cfg", "[options.extras_require]\nagents = agentex-sdk==0.10.4\n",
     ["setup.cfg:2 ==0.10.4"], "yes"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "text", "stated", "needs"), STATED)
def test_what_a_file_states_is_told_with_its_line(
    file: str,
    text: str,
    stated: list[str],
    needs: str,
    agent: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(agent, {file: text})
    found = only(capsys)
    assert (sdk(found), found["needs_patch"]) == (stated, needs)
    assert found["not_read"] == []


NOT_READ = [
    ("uv.lock", "[[package]]\nname = \"agentex-sdk\"\nversion = \n", "no TOML from line 1 on: "),
    ("uv.lock", "<<<<<<< ours\n" + UV, "an unfinished merge stands in it"),
    ("Pipfile.lock", "{", "no lock of Pipenv: "),
    ("Pipfile.lock", '{"default": 1}', "no lock of Pipenv: "),
    ("pyproject.toml", "[project", "no TOML: "),
    ("setup.cfg", "options\n", "no setup.cfg: "),
    ("requirements.txt", "ok\nagentex-sdk=0.10.4\n", "line 2 is no requirement"),
    ("requirements.txt", "-r ../other.txt\n", "line 1 includes ../other.txt: out of the tree"),
    ("requirements.txt", "--requirement=gone.txt\n", "line 1 includes gone.txt: No such file"),
    ("requirements.txt", b"name \xff\n", "not in UTF-8"),
    ("requirements.txt", "-r a\0b\n", "line 1 includes a\0b: cannot be understood: ValueError"),
    ("pyproject.toml", "[project]\ndependencies = 3\n", "cannot be understood: TypeError"),
    ("pyproject.toml", "[dependency-groups]\na = 1\n", "cannot be understood: TypeError"),
    ("pyproject.toml", f'{POETRY}agentex-sdk = "^{LONG}"\n',
     "cannot be understood: ValueError"),
    ("pyproject.toml", f"a = {'[' * 5000}", "cannot be understood: RecursionError"),
    ("Pipfile.lock", "[" * 200_000, "cannot be understood: RecursionError"),
    ("uv.lock", UV + 'source = { editable = "." }\ndependencies = ["x"]\n',
     "cannot be understood: TypeError"),
    ("uv.lock", UV + 'source = "editable"\n', "cannot be understood: AttributeError"),
    ("uv.lock", UV + 'source = { editable = "." }\ndependencies = [{}]\n',
     "cannot be understood: KeyError"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "text", "reason"), NOT_READ)
def test_what_cannot_be_read_is_named(
    file: str, text: str | bytes, reason: str, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (agent / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    found = only(capsys)
    (missed,) = found["not_read"]
    assert missed["path"] == file
    assert missed["reason"].startswith(reason)
    assert found["actions"][0]["text"].startswith("agentex-sdk is stated nowhere here: ask its")


def test_links_that_lead_to_each_other_are_named_and_the_rest_is_read(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (agent / "loop.in").symlink_to("loop.in")
    write(agent, {"requirements.txt": "agentex-sdk==0.10.4\n-r loop.in\n"})
    found = only(capsys)
    assert sdk(found) == ["requirements.txt:1 ==0.10.4"]
    reasons = {each["path"]: each["reason"] for each in found["not_read"]}
    assert reasons["requirements.txt"].startswith("line 2 includes loop.in: ")


@pytest.mark.parametrize("lock", ["uv.lock", "poetry.lock", "pdm.lock"])
def test_a_lock_of_nothing_leaves_what_is_written(
    lock: str, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {lock: "package = []\n", "requirements.txt": "agentex-sdk==0.10.4\n"})
    found = only(capsys)
    assert sdk(found) == ["requirements.txt:1 ==0.10.4"]
    assert found["not_read"] == []


@pytest.mark.parametrize("lock", ["uv.lock", "poetry.lock", "pdm.lock"])
def test_a_lock_with_the_line_ends_of_windows_is_read_with_its_lines(
    lock: str, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (agent / lock).write_bytes(("# made\n" + UV).replace("\n", "\r\n").encode())
    assert sdk(only(capsys)) == [f"{lock}:4 0.10.4"]
