"""What code does with in-house patches and this package, and which workarounds it has."""

from __future__ import annotations

from pathlib import Path

import pytest

from .fleet import MODEL, MODULE, WORKER, only, places, scanned, write

CALLERS = {
    "from corrections import install\ninstall()\n": [1, 2],
    "import corrections\ncorrections.install()\n": [1, 2],
    "import corrections\ncorrections.install()\ncorrections.other()\n": [2],
    "from corrections import install as fix\nif True:\n    fix()\n": [1, 3],
    "from . import corrections\ncorrections.install()\n": [1, 2],
    "from corrections import *\ninstall()\nprint()\n": [1, 2],
    "from corrections import *\ninstall()\nother()\n": [2],
    # Whose a name is of two is not known: then both may be used.
    "from .corrections import *\nfrom json import *\ninstall()\nloads()\n": [3],
    "from corrections import *\ndef install(): ...\ninstall()\n": [1],
    "from corrections import *\nx = install\ninstall()\n": [1, 2, 3],
    "from corrections import *\ndef f(install):\n    install()\n": [1],
    "from corrections import *\nfor install in []:\n    install()\n": [1],
    "install = print\ncorrections = 1\ninstall()\ncorrections.install()\n": [],
    "import importlib\nimportlib.import_module('corrections').install()\n": [2],
    "from .corrections import install\ninstall()\n": [1, 2],
    "from .nested.corrections import install\ninstall()\n": [],
    "from corrections import other\nother()\n": [],
    "def fix():\n    from corrections import install\n    install()\n    print('fixed')\nfix()\n": [
        1,
        5,
    ],
    "def main():\n    from corrections import install\n    install()\n    run()\nmain()\n": [2, 3],
}
CORRECTIONS = (
    f"{MODEL}\n\n"
    "def install():\n    TemporalStreamingModel.get_response = None\n\n\ndef other(): ...\n"
)


@pytest.mark.parametrize("code", CALLERS)
def test_whoever_calls_the_function_of_a_patch_is_found(
    code: str, pinned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(pinned, {"corrections.py": CORRECTIONS, "start.py": code})
    found = only(capsys)
    assert places(found["in_house_uses"]) == [f"start.py:{line}" for line in CALLERS[code]]


def test_a_file_of_which_something_else_is_used_is_not_to_be_deleted(
    pinned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(pinned, {"corrections.py": CORRECTIONS + "\n\ninstall()\n",
                   "start.py": "from corrections import other\nother()\n"})  # fmt: skip
    told = only(capsys)["actions"]
    assert [(each["line"], each["end"], each["text"].partition(":")[0]) for each in told[:2]] == [
        (11, 11, "delete this call of an in-house patch"),
        (4, 5, "delete this in-house patch, to line 5"),
    ]


def test_a_patch_of_another_agent_is_nobody_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    call = "from corrections import install\ninstall()\n"
    write(tmp_path / "one", {"run_worker.py": call + WORKER, "corrections.py": CORRECTIONS})
    write(
        tmp_path / "two", {"run_worker.py": call + WORKER, "corrections.py": "def install(): ..."}
    )
    one, two = scanned(capsys, ".")["agents"]
    assert places(one["in_house_uses"]) == ["one/run_worker.py:1", "one/run_worker.py:2"]
    assert two["in_house_uses"] == []


def test_an_agent_beside_others_is_the_nearest_folder_around_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    use = f"from {MODULE} import TemporalStreamingModelProvider\n"
    write(tmp_path, {
        "pyproject.toml": "",
        "one/run_worker.py": WORKER,
        "one/inner/run_worker.py": WORKER,
        "one/inner/model.py": use,
        "two/worker.py": WORKER,
        "two/lib/model.py": use,
        "alone/setup.cfg": "",
        "alone/main.py": WORKER,
        "alone/src/model.py": use,
        "shared/model.py": use,
        "shared/more/model.py": use,
        "tests/run_worker.py": WORKER,
    })  # fmt: skip
    told = scanned(capsys, ".")
    assert [each["folder"] for each in told["agents"]] == [
        "alone", "one", "one/inner", "shared", "two",
    ]  # fmt: skip
    assert [each["worker"] for each in told["agents"]] == [
        "alone/main.py", "one/run_worker.py", "one/inner/run_worker.py", "shared/model.py",
        "two/worker.py",
    ]  # fmt: skip


@pytest.mark.parametrize("corrections", ["", CORRECTIONS])
def test_an_import_from_above_every_folder_leads_nowhere(
    corrections: str, pinned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(pinned, {"corrections.py": corrections, "lost.py": f"from {'.' * 99} import install\n"})
    assert only(capsys)["in_house_uses"] == []


WORKAROUNDS = {
    "f(extra_args={'previous_response_id': 1})": ["previous_response_id"],
    "f(extra_args={**more, 'conversation': 1, 'other': 2})": ["conversation"],
    "f(extra_args=dict(prompt=1, other=2))": ["prompt"],
    "f(extra_args=dict({'prompt': 1}))": ["prompt"],
    "more = {'prompt': 1}\nf(extra_args=more)": ["prompt"],
    "f(**{'extra_args': {'prompt': 1}})": ["prompt"],
    "extra_args = {'prompt': 1}\nf(extra_args=extra_args)": ["prompt"],
    "extra_args: dict = {'prompt': 1}": ["prompt"],
    "extra_args |= {'prompt': 1}": ["prompt"],
    "extra_args = {**extra_args, 'prompt': 1}": ["prompt"],
    "f(extra_args={'prompt': 1} if more else {'conversation': 1})": ["prompt", "conversation"],
    "f(extra_args=more or {'prompt': 1})": ["prompt"],
    "f(extra_args=more | {'prompt': 1})": ["prompt"],
    "settings.extra_args['prompt'] = 1": ["prompt"],
    "settings.extra_args.update(prompt=1)": ["prompt"],
    "settings.extra_args.update({'prompt': 1})": ["prompt"],
    "settings.extra_args.setdefault('prompt', 1)": ["prompt"],
    "KEY = 'prompt'\nf(extra_args={KEY: 1})": ["prompt"],
    "more = {}\nmore['prompt'] = 1\nf(extra_args=more)": ["prompt"],
    "def g(more):\n more.update(prompt=1)\n return Settings(extra_args=more)": ["prompt"],
    "f(more=more)\nmore['prompt'] = 1": [],
    "f(extra_args={'prompt_cache_key': 1})": [],
    "f(extra_args=None, prompt=1)": [],
    "extra_args = more\nmore = extra_args": [],
    "f(extra_args=g(prompt=1))": [],
    "f(extra_args=more)": [],
    "ModelSettings(extra_args=g(prompt=1))": [None],
    "ModelSettings(extra_args=more)": [None],
    "ModelSettings(extra_args={**more, key: 1})": [None],
    "agents.ModelSettings(extra_args={'user': 1} if more else None)": [],
    "from dataclasses import replace as r\nr(settings, extra_args=self.more)": [None],
    "settings.extra_args = more()": [None],
    "more['prompt'] = 1\nf(extra_args=more or None)": ["prompt"],
    "more['prompt'] = 1\nf(extra_args={**more})": ["prompt"],
    "self.more = {'prompt': 1}\nf(extra_args=self.more)": ["prompt"],
    "def g(more):\n ModelSettings(extra_args=more)\ng({'prompt': 1})": ["prompt"],
    "more = s.extra_args\nmore['prompt'] = 1": ["prompt"],
    "def g(more):\n g(more)\n f(extra_args=more)": [],
    "more = {}\nmore['extra_args'] = {'prompt': 1}": ["prompt"],
    "settings.extra_args.get('prompt')": [],
    "settings.extra_args.setdefault()": [],
    "extra_args: dict\nf(*extra_args)": [],
    "other['prompt'] = {'prompt': 'extra_args'}": [],
}


@pytest.mark.parametrize("code", WORKAROUNDS)
def test_fields_in_extra_args_are_found_however_they_are_written(
    code: str, pinned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(pinned, {"workflow.py": code})
    found = only(capsys)
    assert [each["field"] for each in found["workarounds"]] == WORKAROUNDS[code]


def test_what_may_be_in_extra_args_is_to_be_seen_before_an_upgrade(
    pinned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(pinned, {"run_worker.py": "import agentex_usage_patch.auto\n\n"
                                     "ModelSettings(extra_args=make())\n"})  # fmt: skip
    found = only(capsys)
    (look,) = found["actions"]
    assert (look["line"], look["due"], found["verdict"]) == (3, False, "nothing now")
    assert look["text"] == (
        "before an upgrade, see what goes into extra_args here: 'previous_response_id', "
        "'conversation' or 'prompt' becomes a TypeError from 0.10.5 on"
    )
    write(pinned, {"requirements.txt": "agentex-sdk==0.28.4\ntemporalio==1.34.0\n",
                   "run_worker.py": "ModelSettings(extra_args=make())\n"})  # fmt: skip
    assert only(capsys)["verdict"] == "nothing left"


@pytest.mark.parametrize(
    ("before", "line"),
    [
        ("", 1),
        ('"""Starts."""\n', 2),
        ('"""Starts.\n\nA worker."""\nfrom __future__ import annotations\n', 5),
        ("1\n", 1),
        ("x = 1\n'no docstring'\n", 1),
    ],
)
def test_the_two_lines_go_where_they_are_allowed(
    before: str, line: int, pinned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(pinned, {"run_worker.py": before, "worker.py": WORKER})
    (add,) = only(capsys)["actions"]
    assert (add["kind"], add["line"]) == ("add", line)


def test_a_test_that_applies_the_package_does_not_patch_the_worker(
    pinned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    applying = "from agentex_usage_patch import apply_patch, status\napply_patch()\n"
    write(pinned, {"conftest.py": applying, "tests/test_usage.py": applying})
    found = only(capsys)
    assert (found["applied"], found["verdict"]) == ([], "1 to do")
    (pinned / "requirements.txt").write_text("agentex-sdk==0.10.5\nopenai==2.44\ntemporalio==1.34")
    # When the package goes, a test that uses it has to go with it.
    removed = only(capsys)["actions"]
    assert places(removed) == ["conftest.py:2", "conftest.py:1",
                               "tests/test_usage.py:2", "tests/test_usage.py:1"]  # fmt: skip


@pytest.mark.parametrize(
    "kind",
    [
        "from agents.one.corrections import install\ninstall()\n",
        "import agents.one.corrections as fix\nfix.install()\n",
    ],
)
def test_a_script_that_belongs_to_no_agent_is_told_of_with_the_patch_that_it_uses(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {
        "agents/one/run_worker.py": WORKER,
        "agents/one/corrections.py": CORRECTIONS,
        "agents/two/run_worker.py": WORKER,
        "scripts/try_it.py": kind,
        "scripts/other.py": "from agents.three.corrections import install\ninstall()\n",
        "scripts/broken.py": "install(\n",
    })  # fmt: skip
    told = scanned(capsys, ".")
    one, two = told["agents"]
    assert places(one["in_house_uses"]) == ["scripts/try_it.py:1", "scripts/try_it.py:2"]
    assert places(one["actions"][1:]) == [
        "agents/one/corrections.py:5", "scripts/try_it.py:2", "scripts/try_it.py:1",
        "agents/one/run_worker.py:1",
    ]  # fmt: skip
    assert two["in_house_uses"] == []
    # It names the function, and cannot be looked into.
    assert [each["path"] for each in told["not_read"]] == ["scripts/broken.py"]
