"""The made-up monorepo: a copy to work on, what a scan tells of it, and edits as it says."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from agentex_usage_patch import cli

MONOREPO = Path(__file__).parent / "monorepo"

Action = dict[str, Any]


WORKER = "from agentex.lib.core.temporal.workers.worker import AgentexWorker\nAgentexWorker()\n"
MODULE = "agentex.lib.core.temporal.plugins.openai_agents.models.temporal_streaming_model"
MODEL = f"from {MODULE} import TemporalStreamingModel\n"
M = f"from {MODULE} import TemporalStreamingModel as M\n"
PINS = "agentex-sdk==0.10.4\nopenai==2.44.0\ntemporalio==1.34.0\nagentex-usage-patch\n"
UV = '[[package]]\nname = "agentex-sdk"\nversion = "0.10.4"\n'
RANGE = '[project]\ndependencies = ["agentex-sdk>=0.10.5"]\n'


def copied(to: Path) -> Path:
    """Return a copy of the monorepo, in which a scan finds what it finds in the original."""
    return Path(shutil.copytree(MONOREPO, to / "fleet"))


def scanned(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, Any]:
    """Return what ``scan --json`` tells."""
    capsys.readouterr()
    assert cli.main(["scan", "--json", *arguments]) == code
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write files below a folder, by their names, and return it."""
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def edit(action: Action) -> None:
    """Do what an action says, as a person would who knows nothing but its words."""
    file = Path(action["file"])
    kind, text = action["kind"], action["text"]
    if text.startswith("delete this file"):
        file.unlink()
        return
    lines = file.read_text(encoding="utf-8").splitlines()
    at = slice(action["line"] - 1, action["end"])
    if kind in ("delete", "remove"):
        _take_out(lines, at, text)
    elif kind == "workaround":
        field = text.split("'")[1]
        given = (
            rf"extra_args=dict\({field}=[^)]*\)",
            rf'.*extra_args\["{field}"\] = .*',
            f'"{field}".*',
        )
        found = re.sub("|".join(given), "", lines[at][0])
        assert found != lines[at][0]
        lines[at] = [found]
    elif kind == "add":
        lines[at.start : at.start] = text.partition(": ")[2].split("; ")
    elif kind == "require":
        require(file, lines, at.start)
    elif kind == "companion":
        pinned = text.rpartition("hold ")[2]
        name, _, version = pinned.partition("==")
        if name in lines[at.start] or "version" in lines[at.start]:
            lines[at.start] = re.sub(r"\d[\d.]+", version, lines[at.start])
        else:  # nothing is said of it yet
            lines.insert(at.stop, f'    "{pinned}",' if '"' in lines[at.start] else pinned)
    else:
        raise AssertionError(action)
    file.write_text("\n".join([*lines, ""]), encoding="utf-8")


def do(actions: Iterable[Action]) -> None:
    """Do all of them, as they are told, so that each stands where it was said to."""
    for action in {json.dumps(action): action for action in actions}.values():
        if Path(action["file"]).exists():
            edit(action)


def require(file: Path, lines: list[str], at: int) -> None:
    """Put the package beside agentex-sdk, in the way of the line that names that."""
    line = lines[at]
    if file.suffix == ".txt":
        lines.insert(0, "agentex-usage-patch")
    elif "^" in line:
        lines.insert(at, 'agentex-usage-patch = "*"')
    elif '"' in line:
        lines.insert(at, '    "agentex-usage-patch",')
    else:
        lines.insert(at, "    agentex-usage-patch")


def _take_out(lines: list[str], at: slice, text: str) -> None:
    """Delete the lines, but what an action says to keep of them."""
    if text.startswith("take `"):
        named = re.findall("`([^`]+)`", text.partition(" out of this ")[0])
        quote = "['\"]" if "`__all__`" in text else ""
        written = "\n".join(lines[at])
        for name in named:
            one = f"{quote}{re.escape(name)}{quote}"
            first = rf"(?<![\w.]){one}(?![\w.])(?! as), *"
            last = rf",\s*{one}(?![\w.])(?! as)"
            if quote:
                last += f"|{one}"
            written, count = re.subn(f"{first}|{last}", "", written, count=1)
            assert count == 1, text
        lines[at] = written.splitlines()
        return
    taken_out = ("delete this", "remove", "take this use")
    assert text.startswith(taken_out), text
    assert "requirements" not in text or "agentex-usage-patch" in lines[at.start]
    indent = lines[at.start][: -len(lines[at.start].lstrip())] if lines[at.start][0] == " " else ""
    lines[at] = [f"{indent}pass"] if "leave `pass`" in text else []


def locked_again(folder: Path, sdk: str = "") -> None:
    """Do to the locks what their tools would: they know the package that is required.

    With ``sdk``, the release of agentex-sdk becomes that one, in locks and requirements.
    """
    for lock in folder.rglob("*.lock"):
        written = [*lock.parent.rglob("pyproject.toml"), *lock.parent.glob("Pipfile")]
        texts = [file.read_text(encoding="utf-8") for file in written]
        required = any("agentex-usage-patch" in text for text in texts)
        text = lock.read_text(encoding="utf-8")
        package = '[[package]]\nname = "agentex-usage-patch"\nversion = "0.1.0"\n\n'
        if required and package.rstrip() not in text and lock.name != "Pipfile.lock":
            text = text.replace("[[package]]", f"{package}[[package]]", 1)
        if not required:
            text = re.sub(r' *"agentex-usage-patch": \{[^}]*\},\n', "", text)
            text = re.sub(r'\[\[package\]\]\nname = "agentex-usage-patch"\n([^\n]+\n)+\n', "", text)
            text = text.replace('    { name = "agentex-usage-patch" },\n', "")
        for member in re.findall(r'source = \{ virtual = "([^"]+)" \}', text):
            stated = (lock.parent / member / "pyproject.toml").read_text(encoding="utf-8")
            head = f'source = {{ virtual = "{member}" }}\ndependencies = [\n'
            line = '    { name = "agentex-usage-patch" },\n'
            if "agentex-usage-patch" in stated and line not in text.split(head)[1].split("]")[0]:
                text = text.replace(head, head + line)
        lock.write_text(text, encoding="utf-8")
    if sdk:
        for lock in folder.rglob("*.lock"):
            text = lock.read_text(encoding="utf-8")
            text = re.sub(r'(name = "agentex-sdk"\nversion = ")[^"]+', rf"\g<1>{sdk}", text)
            text = re.sub(r'("agentex-sdk": \{[^}]*"version": "==)[^"]+', rf"\g<1>{sdk}", text)
            lock.write_text(text, encoding="utf-8")
        for file in [each for kind in ("*.toml", "*.txt", "*.cfg", "Pipfile")
                     for each in folder.rglob(kind)]:  # fmt: skip
            text = file.read_text(encoding="utf-8")
            text = re.sub(r'^(agentex-sdk = )".*"', rf'\1"=={sdk}"', text, flags=re.MULTILINE)
            text = re.sub(
                r'(agentex[-_]sdk(\[all\])?)(?! = ") ?(@ [^"]+|[<>=][^"\n\\]*)?(?="|$| \\)',
                rf"\g<1>=={sdk}", text, flags=re.MULTILINE,
            )  # fmt: skip
            file.write_text(text, encoding="utf-8")


def only(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return what is told of the only agent in this folder, and of what is not read."""
    told = scanned(capsys, ".")
    (found,) = told["agents"]
    return {**found, "not_read": told["not_read"]}


def sdk(found: dict[str, Any]) -> list[str]:
    """Return where each version comes from, and what is written there."""
    return [f"{each['file']}:{each['line']} {each['written'] or each['origin'] or 'any'}"
            for each in found["sdk"]]  # fmt: skip


def due(told: dict[str, Any]) -> list[Action]:
    """Return what is to be deleted, but whole files."""
    taken_out = (each for each in told["actions"] if each["kind"] in ("delete", "remove"))
    return [each for each in taken_out if "this file" not in each["text"]]


def lines(actions: list[Action]) -> list[str]:
    """Return the lines of each action and what it says."""
    return [
        f"{each['line']}{'' if each['end'] == each['line'] else '-' + str(each['end'])} "
        f"{each['text']}"
        for each in actions
    ]


def edited(file: Path, actions: list[Action]) -> str:
    """Do what is said, and return a file that is still one of Python."""
    do(actions)
    text = file.read_text(encoding="utf-8").lstrip("\n")
    compile(text, file, "exec")
    return text


def places(found: list[dict[str, Any]]) -> list[str]:
    """Return the places of what was found."""
    return [f"{each['file']}:{each['line']}" for each in found]
