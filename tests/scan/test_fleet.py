"""A monorepo with agents in every state, from the first scan to the last, and its report."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import get_args

import pytest

from agentex_usage_patch import _upstream, cli
from agentex_usage_patch._scan.code import What
from agentex_usage_patch._scan.projects import Verdict

from .fleet import MONOREPO, copied
from .trees import OLD, PROVIDER, Tree

DOCS = Path(__file__).parents[2] / "docs" / "scan.md"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
#: From the files and design.md. oldtimer runs an AgentexWorker without the model: no agent.
EXPECTED = {
    "agents/billing": "needs patch", "agents/claims": "in-house patch",
    "agents/dispatch": "patched", "agents/escrow": "patched", "agents/fraud": "in-house patch",
    "agents/garage": "raise bound", "agents/hr": "remove", "agents/intake": "patched",
    "agents/joint": "in-house patch", "agents/kiosk": "remove", "agents/ledger": "ok",
    "agents/mail": "unknown", "agents/notes": "raise bound", "libs/common": "in-house patch",
}  # fmt: skip


def test_first_scan_gives_the_verdicts_of_the_design(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(MONOREPO)
    assert tree.verdicts() == EXPECTED
    told = tree.told("--check", code=1)
    assert (told["schema"], told["due"], told["not_read"]) == (2, 9, [])
    assert tree.places("companion") == ["agents/escrow/Pipfile.lock:18",
                                        "agents/escrow/Pipfile.lock:22"]  # fmt: skip
    assert tree.places("workaround") == ["agents/fraud/workflow.py:11", "agents/hr/workflow.py:11",
                                         "agents/intake/workflow.py:9"]  # fmt: skip


def test_following_the_advice_leaves_nothing_to_do(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = copied(tree.folder)
    monkeypatch.chdir(fleet)
    for file in [each for each in fleet.rglob("*") if each.is_file()]:
        text = file.read_text()
        fixed = f'"{_upstream.FIXED_IN}"'
        text = re.sub(r'(name = "agentex-sdk"\nversion = )".*"', rf"\g<1>{fixed}", text)
        text = re.sub(r'("agentex-sdk": \{[^}]*"version": "==)[^"]+',
                      rf"\g<1>{_upstream.FIXED_IN}", text)  # fmt: skip
        text = re.sub(r"^( *\"?)agentex[-_]sdk(\[all\])? ?(==|>=|@ )?[^\"\n\\]*(?!\":)",
                      rf"\g<1>agentex-sdk=={_upstream.FIXED_IN}", text, flags=re.MULTILINE) \
            if file.suffix in (".txt", ".cfg") or "project]" in text else text  # fmt: skip
        text = re.sub(r'^agentex-sdk = ".*"', f'agentex-sdk = "=={_upstream.FIXED_IN}"', text,
                      flags=re.MULTILINE)  # fmt: skip
        file.write_text(text)
    assert set(tree.verdicts().values()) == {"remove", "ok"}
    told = tree.told()
    places = {(each["file"], each["line"]) for agent in told["agents"] for each in agent["places"]
              if each["what"] not in ("sdk", "companion")}  # fmt: skip
    (fleet / "agents" / "claims" / "agentex_usage_patch.py").unlink()
    shutil.rmtree(fleet / "libs")
    for name, line in places:
        file = fleet / name
        if file.exists():
            lines = file.read_text().splitlines()
            lines[line - 1] = ""
            file.write_text("\n".join(lines))
    assert set(tree.verdicts().values()) <= {"ok"}


def test_scan_changes_no_file(tree: Tree) -> None:
    fleet = copied(tree.folder)
    before = {each: each.stat().st_mtime_ns for each in fleet.rglob("*")}
    cli.main(["scan", str(fleet)])
    assert {each: each.stat().st_mtime_ns for each in fleet.rglob("*")} == before


def test_pipe_gets_a_line_for_each_agent_and_then_the_places(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(MONOREPO)
    blocks = tree.printed().split("\n\n")
    heading, *lines = blocks[0].splitlines()
    assert heading == "agent: agentex-sdk, verdict (next)"
    assert [line.split(": ")[0] for line in lines] == list(EXPECTED)
    assert "agents/claims: 0.9.4, in-house patch (swap it for this package)" in lines
    assert "agents/ledger: 0.10.5, ok" in lines
    assert len(blocks) == 1 + sum(each != "ok" for each in EXPECTED.values()) + 1
    for line in (line for block in blocks[1:-1] for line in block.splitlines()):
        assert re.match(r"\S+:\d+: ", line) and Path(line.split(":")[0]).exists()
    assert blocks[-1].splitlines()[-1] == "14 agents: 9 need work."
    assert tree.printed().count("apply_patch; apply_patch()") == 1


@pytest.mark.parametrize("columns", ["60", "200"])
def test_terminal_gets_a_table_and_then_the_places(
    columns: str, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(MONOREPO)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", columns)
    plain = ESCAPES.sub("", tree.printed()).splitlines()
    assert all(len(line) <= int(columns) for line in plain if line[:1] in "│┃┡└┏")
    assert "agents/claims/run_worker.py:18: uses in-house patch: calls it" in plain
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[(3|4)\d", tree.printed())
    monkeypatch.setenv("COLUMNS", "59")
    assert "agents/ledger: 0.10.5, ok" in tree.printed().splitlines()


def test_long_folder_is_not_cropped_in_a_terminal(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = "/".join(f"folder{number}" for number in range(20))
    tree.write({f"{folder}/acp.py": PROVIDER, f"{folder}/requirements.txt": OLD})
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    cells = re.findall(r"(?m)^│ (\S+) ", ESCAPES.sub("", tree.printed()))
    assert "".join(cells) == folder


def test_control_characters_in_names_are_replaced(tree: Tree) -> None:
    tree.write({"[bold]\x1b[2J\n/acp.py": PROVIDER, "gone.py": ""})
    (tree.folder / "gone.py").unlink()
    (tree.folder / "gone.py").symlink_to("nowhere")
    printed = tree.printed()
    assert printed.count("[bold]?[2J?") == 2 and "\x1b[2J" not in printed
    assert "not read: gone.py: No such file or directory" in printed


def test_docs_name_each_verdict_and_each_kind_of_place() -> None:
    documented = DOCS.read_text()
    words = (*get_args(Verdict), *get_args(What))
    assert [each for each in words if f"`{each}`" not in documented] == []
    assert len(documented.splitlines()) <= 80


@pytest.mark.parametrize("path", ["nowhere", "file"])
def test_path_that_is_no_folder_is_an_error(
    path: str, tree: Tree, capsys: pytest.CaptureFixture[str]
) -> None:
    tree.write({"file": ""})
    assert cli.main(["scan", path]) == 2
    assert capsys.readouterr().err.startswith(f"{path}: not a folder. Name the folder of an agent")


def test_nested_paths_are_scanned_once(tree: Tree) -> None:
    tree.write({"a/acp.py": PROVIDER, "b/acp.py": PROVIDER})
    assert list(tree.verdicts("a", ".")) == ["a", "b"]
    assert list(tree.verdicts("a", "b")) == ["a", "b"]
