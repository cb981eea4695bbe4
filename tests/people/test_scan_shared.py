"""What agents share: a library that applies this package for them, and its workarounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .fleet import MODEL, WORKER, do, places, scanned, write
from .test_scan_passed_on import run

HELD = "openai==2.44.0\ntemporalio==1.34.0\n"
AFFECTED = f"agentex-sdk==0.10.4\n{HELD}"
FIXED = f"agentex-sdk==0.10.5\n{HELD}"
START = "from agentex_usage_patch import apply_patch\n\n\ndef start():\n    apply_patch()\n"
BOOT = "libs/company/bootstrap.py"
INIT = "libs/company/__init__.py"
REQUIRES = '[project]\ndependencies = [\n    "agentex-usage-patch",\n]\n'
TWO_LINES = "from agentex_usage_patch import apply_patch; apply_patch()"

# By how an agent gets this package through a library: the files, and where it is applied.
THROUGH: dict[str, tuple[dict[str, str], str]] = {
    "a function that is called": (
        {BOOT: START, "run_worker.py": "from company.bootstrap import start\nstart()\n"},
        f"{BOOT}:5",
    ),
    "a function of its module": (
        {BOOT: START, "run_worker.py": "from company import bootstrap as b\nb.start()\n"},
        f"{BOOT}:5",
    ),
    "a decorator": (
        {BOOT: START.replace("()", "(*_)", 1),
         "run_worker.py": "import company.bootstrap as b\n@b.start\ndef main(): ...\n"},
        f"{BOOT}:5",
    ),
    "a function that does more": (
        {BOOT: f"{START}    print(1)\n    return open\n",
         "run_worker.py": "from company.bootstrap import start\nclient = start()\n"}, f"{BOOT}:5",
    ),
    "one function through another": (
        {BOOT: f"{START}\n\ndef begin():\n    start()\n    print(1)\n",
         "libs/company/more.py": "from company.bootstrap import begin\ndef go():\n    begin()\n",
         "run_worker.py": "from company import more\nmore.go()\n"},
        f"{BOOT}:5",
    ),
    "the making of an object": (
        {BOOT: ("import agentex_usage_patch\nclass Boot:\n    def __init__(self):\n"
                "        agentex_usage_patch.apply_patch()\n"),
         "run_worker.py": "from company.bootstrap import Boot\nboot = Boot()\n"},
        f"{BOOT}:4",
    ),
    "a method": (
        {BOOT: ("import agentex_usage_patch\nclass Boot:\n    def go(self):\n"
                "        agentex_usage_patch.apply_patch()\n"),
         "run_worker.py": "from company.bootstrap import Boot\nboot = Boot()\nboot.go()\n"},
        f"{BOOT}:4",
    ),
    "the body of a class": (
        {BOOT: "import agentex_usage_patch\nclass Boot:\n    agentex_usage_patch.apply_patch()\n",
         "run_worker.py": "import company.bootstrap\n"},
        f"{BOOT}:3",
    ),
    "a call when it is imported": (
        {BOOT: f"{START}if True:\n    start()\n", "run_worker.py": "import company.bootstrap\n"},
        f"{BOOT}:5",
    ),
    "an import of auto": (
        {BOOT: "import agentex_usage_patch.auto\n", "run_worker.py": "import company.bootstrap\n"},
        f"{BOOT}:1",
    ),
    "one file through another": (
        {BOOT: "from agentex_usage_patch import auto\n",
         "libs/company/more.py": "import company.bootstrap\nused = 1\n",
         "run_worker.py": "from company.more import used\n"},
        f"{BOOT}:1",
    ),
    "the package that a file is in": (
        {INIT: "import agentex_usage_patch.auto\n",
         "run_worker.py": "from company.deep.more import used\n"},
        f"{INIT}:1",
    ),
    "an import in a function that is called": (
        {BOOT: "import agentex_usage_patch.auto\n",
         "libs/company/more.py": "def go():\n    import company.bootstrap\n",
         "run_worker.py": "import company.more\ncompany.more.go()\n"},
        f"{BOOT}:1",
    ),
    "what it passes on": (
        {INIT: "from .bootstrap import start as go\n", BOOT: START,
         "run_worker.py": "import company\ncompany.go()\n"},
        f"{BOOT}:5",
    ),
    "apply_patch itself, which it passes on": (
        {INIT: "from agentex_usage_patch import apply_patch as fix\n",
         "run_worker.py": "from company import fix\nfix()\n"},
        "agents/one/run_worker.py:2",
    ),
    "a star": (
        {INIT: "from agentex_usage_patch import *\n",
         "start.py": "from company import *\napply_patch()\n"},
        "agents/one/start.py:2",
    ),
    "a file of its own that passes it on": (
        {"patches/__init__.py": "from agentex_usage_patch import apply_patch as fix\n",
         "start.py": "from patches import fix\nfix()\n"},
        "agents/one/start.py:2",
    ),
    "files of its own that pass on all of it": (
        {"patches/__init__.py": "from agentex_usage_patch import *\n",
         "between.py": "from patches import *\n",
         "ask.py": "from between import status\nstatus()\n",
         "start.py": "from between import apply_patch\napply_patch()\n"},
        "agents/one/start.py:2",
    ),
    "a library that uses a model itself": (
        {"libs/company/models.py": MODEL, BOOT: START,
         "run_worker.py": "from company.bootstrap import start\nstart()\n"}, f"{BOOT}:5",
    ),
}  # fmt: skip


def tree(folder: Path, files: dict[str, str], *, stated: str = AFFECTED) -> None:
    """Write a library, and an agent that imports it."""
    files = {"run_worker.py": "", "requirements.txt": stated, **files}
    write(folder, {
        INIT: "", "libs/company/deep/__init__.py": "",
        "libs/company/deep/more.py": "used = 1\n", "libs/pyproject.toml": REQUIRES,
        **{name if name.startswith("libs") else f"agents/one/{name}": text
           for name, text in files.items()},
    })  # fmt: skip


def one(told: dict[str, Any]) -> dict[str, Any]:
    """Return what is told of the agent."""
    (found,) = (each for each in told["agents"] if each["folder"] == "agents/one")
    assert isinstance(found, dict)
    return found


@pytest.fixture(autouse=True)
def _in_the_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("how", THROUGH)
def test_an_agent_has_this_package_through_what_it_imports(
    how: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files, at = THROUGH[how]
    tree(tmp_path, files)
    found = one(scanned(capsys, "."))
    assert places(found["applied"]) == [at]
    if at.startswith("libs"):  # else it calls the package itself, and has to require it
        assert found["required"]["file"] == "libs/pyproject.toml"
        assert found["verdict"] == "safe to upgrade"


@pytest.mark.parametrize("how", THROUGH)
def test_from_there_through_the_upgrade_to_nothing_left(
    how: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree(tmp_path, THROUGH[how][0], stated=FIXED)
    write(tmp_path, {"libs/requirements.txt": FIXED})
    told = scanned(capsys, ".", "--check", code=1)
    do([*(each for agent in told["agents"] for each in agent["actions"]), *told["elsewhere"]])
    told = scanned(capsys, ".")
    assert told["summary"].endswith("nothing left."), told
    assert "usage_patch" not in "".join(
        file.read_text(encoding="utf-8") for file in tmp_path.rglob("*.*")
    )
    for file in (tmp_path / "agents/one").glob("*.py"):
        run(file, str(tmp_path / "libs"))


NOT_THROUGH = {
    "nothing that is called": ("from company.bootstrap import start\n", True),
    "nothing that is imported": ("import company\n", False),
    "another function": ("from company.bootstrap import other\nother()\n", True),
    "a function that is handed on": ("from company.bootstrap import start\nprint(start)\n", True),
    "what runs as a script": ("import company.script\n", True),
    "what only asks for its status": ("import company.asks\n", False),
    "a module of the standard library": ("import logging\n", False),
    "a module of which a package holds one": ("import extras\n", False),
}


@pytest.mark.parametrize("what", NOT_THROUGH)
def test_what_is_not_seen_to_run_does_not_count(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, imported = NOT_THROUGH[what]
    patched = "import agentex_usage_patch.auto\n"
    script = f"{START}if __name__ == '__main__':\n    start()\n"
    tree(tmp_path, {BOOT: f"{START}\n\ndef other(): ...\n", "libs/company/script.py": script,
                    "libs/company/asks.py": "from agentex_usage_patch import status\n",
                    "libs/logging.py": patched, "libs/company/extras.py": patched,
                    "run_worker.py": code})  # fmt: skip
    found = one(scanned(capsys, "."))
    assert found["applied"] == []
    name = "script" if "script" in code else "bootstrap"
    why = f", as {name}.py:5, which applies it, is not seen to run" if imported else ""
    assert found["actions"][0]["text"] == f"add two lines here{why}: {TWO_LINES}"
    assert found["actions"][1]["kind"] == "require"


def test_a_test_of_an_agent_does_not_patch_it_through_a_library(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "from company.bootstrap import start\nstart()\n"
    # It is looked at before it is known what it calls.
    marked = "from company.more import go\ngo()  # AgentexWorker\n"
    more = code.replace("start()", "def go(): start()")
    tree(tmp_path, {BOOT: START, "libs/company/more.py": more,
                    "tests/test_it.py": code, "tests/test_its.py": marked,
                    "libs/company/tests/test_it.py": code,
                    "libs/tests/test_more.py": ("f(extra_args={'prompt': 1})\n"
                                                "import agentex_usage_patch\n"),
                    "libs/tests/requirements.txt": "agentex-usage-patch\n"})  # fmt: skip
    told = scanned(capsys, ".")
    assert one(told)["actions"][0]["text"] == f"add two lines here: {TWO_LINES}"
    assert not [each for each in told["elsewhere"] if "test" in each["file"]]
    write(tmp_path, {"agents/one/requirements.txt": FIXED})
    # When the package goes, a test that uses it has to go with it.
    assert places(scanned(capsys, ".")["elsewhere"]) == [
        f"{BOOT}:5", f"{BOOT}:1", "libs/tests/test_more.py:2", "libs/pyproject.toml:3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lock", "required"),
    [("", False), ('\n[[package]]\nname = "agentex-usage-patch"\nversion = "0.1.0"\n', True)],
)
def test_a_lock_has_to_know_the_package_that_a_library_requires(
    lock: str, required: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sdk = '[[package]]\nname = "agentex-sdk"\nversion = "0.10.4"\n'
    held = '[[package]]\nname = "openai"\nversion = "2.44.0"\n'
    tree(tmp_path, {BOOT: START, "run_worker.py": "from company.bootstrap import start\nstart()\n",
                    "poetry.lock": sdk + held + lock})  # fmt: skip
    found = one(scanned(capsys, "."))
    assert [each["kind"] for each in found["actions"]] == ["upgrade" if required else "require"]


def test_what_an_agent_that_has_the_fix_shares_with_one_that_has_not_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    use = "from company.bootstrap import start\nstart()\n"
    tree(tmp_path, {BOOT: START, "run_worker.py": use, "libs/company/models.py": MODEL},
         stated=FIXED)  # fmt: skip
    write(tmp_path, {"agents/two/run_worker.py": use + WORKER, "libs/requirements.txt": FIXED,
                     "agents/two/requirements.txt": AFFECTED,
                     "scripts/try_it.py": "import agentex_usage_patch.auto\n"})  # fmt: skip
    told = scanned(capsys, ".", "--check")
    assert {each["folder"]: each["verdict"] for each in told["agents"]} == {
        "agents/one": "nothing now", "agents/two": "safe to upgrade", "libs/company": "nothing now",
    }  # fmt: skip
    removals = [each for agent in told["agents"] for each in agent["actions"]
                if each["kind"] == "remove"]  # fmt: skip
    assert {each["file"] for each in removals} == {BOOT, "libs/pyproject.toml"}
    assert places(told["elsewhere"]) == ["scripts/try_it.py:1"]
    for each in (*removals, *told["elsewhere"]):
        assert not each["due"]
        assert each["text"].startswith("not while an agent needs it: ")
    write(tmp_path, {"agents/two/requirements.txt": FIXED})
    told = scanned(capsys, ".", "--check", code=1)
    # The two lines of the library, its requirement, and the script.
    assert told["summary"] == "3 agents: 3 to do in 1 of them, 1 to do in files of no agent."
    assert told["due"] == 4


def test_what_no_agent_imports_is_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quiet = '# agentex_usage_patch\nname = "agentex_usage_patch.auto"\n'
    tree(tmp_path, {BOOT: START, "libs/company/quiet.py": quiet}, stated=FIXED)
    told = scanned(capsys, ".", "--check", code=1)
    assert one(told)["verdict"] == "nothing left"
    assert [(each["file"], each["line"], each["text"], each["due"])
            for each in told["elsewhere"]] == [
        (BOOT, 5, "delete this call of agentex-usage-patch and leave `pass`", True),
        (BOOT, 1, "delete this import of agentex-usage-patch", True),
        ("libs/pyproject.toml", 3, "remove agentex-usage-patch from the requirements", True),
    ]  # fmt: skip
    assert told["summary"] == "1 agent: 3 to do in files of no agent."
    do(told["elsewhere"])
    assert scanned(capsys, ".", "--check")["summary"] == "1 agent: nothing left."


def test_of_a_library_alone_nobody_knows_who_needs_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, {"bootstrap.py": START, "pyproject.toml": REQUIRES})
    told = scanned(capsys, ".", "--check")
    assert places(told["elsewhere"]) == ["bootstrap.py:5", "bootstrap.py:1", "pyproject.toml:3"]
    assert told["summary"].startswith("No agent found in")


def test_a_lock_of_what_is_of_no_agent_is_to_be_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = '[[package]]\nname = "agentex-usage-patch"\nversion = "0.1.0"\n'
    tree(tmp_path, {"libs/uv.lock": lock, "libs/deep/uv.lock": lock}, stated=FIXED)
    told = scanned(capsys, ".", "--check", code=1)
    assert [(each["file"], each["text"]) for each in told["elsewhere"]] == [
        ("libs/pyproject.toml", "remove agentex-usage-patch from the requirements, then `uv lock`"),
        ("libs/deep/uv.lock",
         "remove agentex-usage-patch from what this lock is made from, then `uv lock`"),
    ]  # fmt: skip


ASK = "def ask(f, id):\n    return f(extra_args=dict(previous_response_id=id))\n"


@pytest.mark.parametrize(
    "code",
    [
        "from company.llm import ask\n",
        "def main():\n    import company.llm\n",
        "from company.between import *\n",
        "from company.round import one\n",
    ],
)
@pytest.mark.parametrize("model", ["", MODEL])
def test_a_workaround_in_a_shared_file_concerns_the_agents_that_import_it(
    model: str, code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree(tmp_path, {
        "libs/company/llm.py": ASK, "libs/company/models.py": model,
        "libs/company/between.py": "from .llm import ask\n",
        "libs/company/round.py": "import company.again\nfrom company.between import ask as one\n",
        "libs/company/again.py": "import company.round\n",
        "activities.py": code, "run_worker.py": "import agentex_usage_patch.auto\n",
        "requirements.txt": f"agentex-usage-patch\n{AFFECTED}",
    })  # fmt: skip
    write(tmp_path, {"agents/two/run_worker.py": WORKER})
    found = one(told := scanned(capsys, "."))
    assert places(found["workarounds"]) == ["libs/company/llm.py:2"]
    (action,) = found["actions"]
    assert (action["kind"], action["file"]) == ("workaround", "libs/company/llm.py")
    assert found["verdict"] == "1 to do"
    assert not [each for each in told["elsewhere"] if each["kind"] == "workaround"]
    (two,) = (each for each in told["agents"] if each["folder"] == "agents/two")
    assert two["workarounds"] == []
    do([action])
    assert one(scanned(capsys, "."))["verdict"] == "safe to upgrade"


def test_a_workaround_that_no_agent_is_seen_to_import_is_named_and_may_be_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree(tmp_path, {"libs/company/llm.py": ASK, "libs/pyproject.toml": ""}, stated=FIXED)
    told = scanned(capsys, ".", "--check")
    (action,) = told["elsewhere"]
    assert (action["file"], action["line"], action["due"]) == ("libs/company/llm.py", 2, False)
    assert told["summary"] == "1 agent: nothing to do now."


def test_what_is_of_no_agent_is_printed_as_such(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from agentex_usage_patch import cli

    tree(tmp_path, {"libs/company/llm.py": ASK, "libs/pyproject.toml": ""})
    assert cli.main(["scan", "."]) == 0
    assert ("\nof no agent: libs/company/llm.py:2: take 'previous_response_id' out of extra_args"
            in capsys.readouterr().out)  # fmt: skip


def test_a_copy_of_no_agent_with_our_name_is_to_be_deleted_and_hides_what_only_it_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    use = ("from agentex_usage_patch import apply_patch, install\n"
           "import agentex_usage_patch as p\napply_patch()\np.install()\n")  # fmt: skip
    tree(tmp_path, {"libs/agentex_usage_patch.py": "def install(): ...\n", "run_worker.py": use,
                    "libs/ours/agentex_usage_patch/__init__.py": "def apply_patch(): ...\n",
                    "requirements.txt": f"agentex-usage-patch\n{AFFECTED}"})  # fmt: skip
    told = scanned(capsys, ".")
    assert [(each["file"], each["line"], each["text"]) for each in told["elsewhere"]
            if each["due"]] == [
        ("libs/agentex_usage_patch.py", 1,
         "delete this file, an in-house patch: it has the name of this package"),
    ]  # fmt: skip
    found = one(told)
    assert places(found["applied"]) == ["agents/one/run_worker.py:3"]
    assert [(each["line"], each["text"]) for each in found["actions"]] == [
        (4, "delete this call of an in-house patch"),
        (1, "take `install` out of this import: of an in-house patch"),
    ]
    do([*found["actions"], *(each for each in told["elsewhere"] if each["due"])])
    assert one(scanned(capsys, "."))["verdict"] == "safe to upgrade"


def test_what_is_stated_twice_is_told_until_nothing_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = '[[package]]\nname = "agentex-usage-patch"\nversion = "0.1.0"\n'
    stated = "agentex-usage-patch\n"
    write(tmp_path, {"agents/one/run_worker.py": "", "uv.lock": lock,
                     "agents/one/requirements.txt": FIXED + stated,
                     "agents/one/requirements-dev.txt": stated})  # fmt: skip
    told = scanned(capsys, ".", "--check", code=1)
    assert places(one(told)["actions"]) == ["agents/one/requirements.txt:4"]
    assert places(told["elsewhere"]) == ["uv.lock:3", "agents/one/requirements-dev.txt:1"]
    (tmp_path / "uv.lock").unlink()
    do([*one(told)["actions"], told["elsewhere"][1]])
    assert scanned(capsys, ".", "--check")["summary"] == "1 agent: nothing left."
    write(tmp_path, {"agents/one/requirements-dev.txt": stated, "agents/two/run_worker.py": "",
                     "agents/two/requirements.txt": AFFECTED})  # fmt: skip
    assert scanned(capsys, ".")["elsewhere"] == []


def test_what_several_agents_share_is_one_thing_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    use = "from company.bootstrap import start\nstart()\n"
    tree(tmp_path, {BOOT: START, "run_worker.py": use}, stated=FIXED)
    write(tmp_path, {"agents/two/run_worker.py": use, "agents/two/requirements.txt": FIXED})
    told = scanned(capsys, ".")
    assert [each["verdict"] for each in told["agents"]] == ["2 to do", "2 to do"]
    assert told["due"] == 3
    assert told["summary"] == "2 agents: 2 to do in 2 of them, 1 to do in files of no agent."


def test_what_the_lock_of_a_workspace_holds_for_another_member_is_not_brought_by_its_own_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = "".join(
        f'[[package]]\nname = "{name}"\nversion = "{version}"\n{more}\n'
        for name, version, more in (
            ("agentex-sdk", "0.10.4", ""), ("agentex-usage-patch", "0.1.0", ""),
            ("one", "1", 'source = { virtual = "agents/one" }\ndependencies = []\n'),
            ("libs", "1", ('source = { virtual = "libs" }\n'
                           'dependencies = [{ name = "agentex-usage-patch" }]\n')),
        )
    )  # fmt: skip
    tree(tmp_path, {"run_worker.py": "import agentex_usage_patch.auto\n"})
    (tmp_path / "agents/one/requirements.txt").unlink()
    write(tmp_path, {"uv.lock": lock, "agents/one/pyproject.toml": REQUIRES})
    found = one(scanned(capsys, "."))
    assert found["required"] is None
    assert "lock" in [each["kind"] for each in found["actions"]]


LIBRARY = '[tool.poetry]\nname = "common"\n[tool.poetry.dependencies]\nagentex-sdk = ">=0.9,<1"\n'


def test_what_only_uses_a_model_is_patched_by_those_who_import_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    use = "from common.models import model\n"
    write(tmp_path, {"libs/pyproject.toml": LIBRARY, "libs/common/__init__.py": "",
                     "libs/common/models.py": f"{MODEL}model = TemporalStreamingModel\n",
                     "agents/one/run_worker.py": use, "agents/one/requirements.txt": AFFECTED,
                     "agents/two/run_worker.py": use,
                     "agents/two/requirements.txt": FIXED})  # fmt: skip
    one, two, library = scanned(capsys, ".")["agents"]
    assert [each["kind"] for each in one["actions"]] == ["add", "require"]
    assert two["verdict"] == "nothing left"
    assert library["verdict"] == "nothing left"
    (tmp_path / "agents/one/requirements.txt").write_text(FIXED)
    *_, library = scanned(capsys, ".", "--check")["agents"]
    assert library["verdict"] == "safe to upgrade"
    # By itself it may be all that there is of an agent.
    for name in ("one", "two"):
        (tmp_path / "agents" / name / "run_worker.py").write_text("")
    library = scanned(capsys, ".")["agents"][-1]
    assert [each["kind"] for each in library["actions"]][-2:] == ["add", "require"]
