"""In-house patches that one file passes on to others: whoever uses one is found, however far."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .fleet import MODEL, PINS, do, due, lines, only, write

#: A patch in a file that is used for something else, so that it stays.
USAGE = (
    f"def apply():\n    {MODEL}    TemporalStreamingModel.get_response = None\n\n\n"
    "def other(): ...\n\n\n"
    f"class Fixer:\n    def fix(self):\n        {MODEL}"
    "        TemporalStreamingModel.get_response = None\n\n\n"
    f"class Agent:\n    def fix(self):\n        {MODEL}"
    "        TemporalStreamingModel.get_response = None\n"
    "    def run(self): ...\n"
)
KEPT = "from patches.usage import other\nother()\n"
CALL = "delete this call of an in-house patch"
IMPORT = "delete this import of an in-house patch"
OUT = "take this use of an in-house patch out of its statement, which does more"
ALL = "out of this `__all__`: of an in-house patch"

# By what passes it on, the files, the worker last, and what is told of them.
PASSED_ON: dict[str, tuple[dict[str, str], list[str]]] = {
    "an import": (
        {"patches/__init__.py": "from .usage import apply\n",
         "run_worker.py": "from patches import apply\napply()\n"},
        [f"patches/__init__.py:1 {IMPORT}", f"run_worker.py:1 {IMPORT}",
         f"run_worker.py:2 {CALL}"],
    ),
    "an import of the module that has it": (
        {"patches/__init__.py": "from .usage import apply, other\n",
         "run_worker.py": "import patches\npatches.apply()\npatches.other()\n"},
        ["patches/__init__.py:1 take `apply` out of this import: of an in-house patch",
         f"run_worker.py:2 {CALL}"],
    ),
    "an import under another name": (
        {"patches/__init__.py": "from .usage import apply as apply_patch\n",
         "run_worker.py": "from patches import apply_patch as fix\nfix()\n"},
        [f"patches/__init__.py:1 {IMPORT}", f"run_worker.py:1 {IMPORT}",
         f"run_worker.py:2 {CALL}"],
    ),
    "one through another, each under a name of its own": (
        {"patches/__init__.py": "from .usage import apply as one\n",
         "between.py": "from patches import one as two\n",
         "nearer.py": "from between import two as three\n",
         "run_worker.py": "import nearer as near\nnear.three()\n"},
        [f"between.py:1 {IMPORT}", f"nearer.py:1 {IMPORT}", f"patches/__init__.py:1 {IMPORT}",
         f"run_worker.py:2 {CALL}"],
    ),
    "a star": (
        {"patches/__init__.py": "from .usage import *\n",
         "run_worker.py": "from patches import apply, other\napply()\nother()\n"},
        ["run_worker.py:1 take `apply` out of this import: of an in-house patch",
         f"run_worker.py:2 {CALL}"],
    ),
    "a star through a star": (
        {"patches/__init__.py": "from .usage import *\n",
         "between.py": "from patches import *\n",
         "nearer.py": "from between import *\n",
         "run_worker.py": "from nearer import apply\napply()\n"},
        [f"run_worker.py:1 {IMPORT}", f"run_worker.py:2 {CALL}"],
    ),
    "a star of which the file calls what it passes on": (
        {"patches/__init__.py": "from .usage import *\napply()\n",
         "run_worker.py": "from patches import other\nother()\n"},
        [f"patches/__init__.py:2 {CALL}"],
    ),
    "a star of what is passed on under another name": (
        {"patches/__init__.py": "", "between.py": "from patches.usage import apply as fix\n",
         "nearer.py": "from between import *\n",
         "run_worker.py": "from nearer import fix\nfix()\n"},
        [f"between.py:1 {IMPORT}", f"run_worker.py:1 {IMPORT}", f"run_worker.py:2 {CALL}"],
    ),
    "an assignment": (
        {"patches/__init__.py": "from . import usage\nfix = usage.apply\n",
         "patches/more.py": "from patches import fix\nmend = fix\nother = fix\n",
         "run_worker.py": "from patches.more import mend\nmend()\n"},
        [f"patches/__init__.py:1 {IMPORT}", f"patches/__init__.py:2 {OUT}",
         f"patches/more.py:1 {IMPORT}", f"patches/more.py:2 {OUT}", f"patches/more.py:3 {OUT}",
         f"run_worker.py:1 {IMPORT}", f"run_worker.py:2 {CALL}"],
    ),
    "an assignment of its own": (
        {"patches/__init__.py": "", "patches/usage.py": f"{USAGE}\n\nfix = apply\n",
         "run_worker.py": "from patches.usage import fix\nfix()\n"},
        [f"patches/usage.py:22 {OUT}", f"run_worker.py:1 {IMPORT}", f"run_worker.py:2 {CALL}"],
    ),
    "an import within a function, which passes on nothing": (
        {"patches/__init__.py": ("def apply(): ...\ndef begin():\n    from .usage import apply\n"
                                 "    apply()\n    serve(1)\n"),
         "run_worker.py": "from patches import apply\napply()\n"},
        [f"patches/__init__.py:3 {IMPORT}", f"patches/__init__.py:4 {CALL}"],
    ),
    "another star than that of the patch, which lists what it brings in": (
        {"patches/usage.py": f"__all__ = ['other']\n\n\n{USAGE}",
         "patches/new.py": "def apply(): ...\n",
         "patches/__init__.py": "from .new import *\nfrom .usage import *\n",
         "run_worker.py": "from patches import apply\napply()\n"},
        [],
    ),
    "another star than that of the patch, whose name is private": (
        {"patches/usage.py": USAGE.replace("def apply", "def _apply"),
         "patches/new.py": "__all__ = ['_apply']\ndef _apply(): ...\n",
         "patches/__init__.py": "from .new import *\nfrom .usage import *\n",
         "run_worker.py": "from patches import _apply\n_apply()\n"},
        [],
    ),
    "a star, where nobody knows all that it brings in": (
        {"patches/usage.py": (f"{USAGE}\n\nnames = [*globals()]\n__all__ = [*names]\n"
                              "__all__ += ['Agent', 'names']\n"),
         "patches/__init__.py": "from .usage import *\n",
         "run_worker.py": "from patches import apply\n"},
        [f"run_worker.py:1 {IMPORT}"],
    ),
    "a star beside something of the same name": (
        {"patches/__init__.py": "from .usage import *\ndef apply(): ...\n",
         "run_worker.py": "from patches import apply\napply()\n"},
        [],
    ),
    "its module": (
        {"patches/__init__.py": "from . import usage\n",
         "run_worker.py": "import patches\npatches.usage.apply()\n"},
        [f"run_worker.py:2 {CALL}"],
    ),
    "its module under another name": (
        {"patches/__init__.py": "from . import usage as u\n",
         "between.py": "from patches import u as fixes\n",
         "run_worker.py": "import between\nbetween.fixes.apply()\nbetween.fixes.other()\n"},
        [f"run_worker.py:2 {CALL}"],
    ),
    "its class": (
        {"patches/__init__.py": "from .usage import Fixer as F\n",
         "run_worker.py": "from patches import F\nF().fix()\n"},
        [f"patches/__init__.py:1 {IMPORT}", f"run_worker.py:1 {IMPORT}",
         f"run_worker.py:2 {CALL}"],
    ),
    "the class of its method": (
        {"patches/__init__.py": "from .usage import Agent\n",
         "between.py": "from patches import Agent as A\n",
         "run_worker.py": "from between import A\na = A()\na.fix()\na.run()\n"},
        [f"run_worker.py:3 {CALL}"],
    ),
    "a function of its module's name": (
        {"patches/apply.py": "from .usage import apply\n",
         "patches/__init__.py": "from .apply import apply\n",
         "run_worker.py": "from patches import apply\napply()\n"},
        [f"patches/__init__.py:1 {IMPORT}", f"patches/apply.py:1 {IMPORT}",
         f"run_worker.py:1 {IMPORT}", f"run_worker.py:2 {CALL}"],
    ),
    "what only calls it": (
        {"patches/start.py": "from .usage import apply\ndef start():\n    apply()\n",
         "patches/__init__.py": "from .start import start as begin\n",
         "run_worker.py": "from patches import begin\nbegin()\n"},
        [f"patches/__init__.py:1 {IMPORT}", f"patches/start.py:1 {IMPORT}",
         "patches/start.py:2-3 delete this function, to line 3: it only calls an in-house patch",
         f"run_worker.py:1 {IMPORT}", f"run_worker.py:2 {CALL}"],
    ),
    "imports that go round": (
        {"patches/__init__.py": "from between import two\nfrom .usage import apply\n",
         "between.py": "import patches\nfrom nearer import three as two, other as three\n",
         "nearer.py": "import between\nfrom patches.usage import apply as three, other\n",
         "run_worker.py": "import patches\npatches.two()\n"},
        ["nearer.py:2 take `apply as three` out of this import: of an in-house patch",
         "between.py:2 take `three as two` out of this import: of an in-house patch",
         f"patches/__init__.py:1 {IMPORT}", f"patches/__init__.py:2 {IMPORT}",
         f"run_worker.py:2 {CALL}"],
    ),
    "what it lists": (
        {"patches/__init__.py": ("from .usage import apply as fix, other\n"
                                 "__all__ = [\n    'fix',\n    'other',\n]\n"),
         "run_worker.py": "from patches import *\nfix()\nother()\n"},
        ["patches/__init__.py:1 take `apply as fix` out of this import: of an in-house patch",
         f"patches/__init__.py:2-5 take `fix` {ALL}", f"run_worker.py:2 {CALL}"],
    ),
    "what it lists of a star": (
        {"patches/__init__.py": "from .usage import *\n__all__: list = ['apply', 'other']\n",
         "run_worker.py": "from patches import *\napply()\nother()\n"},
        [f"patches/__init__.py:2 take `apply` {ALL}", f"run_worker.py:2 {CALL}"],
    ),
    "what it adds to its list": (
        {"patches/__init__.py": ("from .usage import apply, Fixer, other\n__all__ = []\n"
                                 "__all__ += ['Fixer']\n__all__.append('apply')\n"
                                 "__all__.extend(['other', 'apply'])\n"),
         "run_worker.py": "from patches import *\nother()\n"},
        ["patches/__init__.py:1 take `apply` and `Fixer` out of this import: of an in-house patch",
         f"patches/__init__.py:3 take `Fixer` {ALL}",
         "patches/__init__.py:4 delete this use of an in-house patch",
         f"patches/__init__.py:5 take `apply` {ALL}"],
    ),
    "what its own file lists": (
        {"patches/__init__.py": "",
         "patches/usage.py": f"__all__ = ('other', 'apply', 'Agent')\n\n\n{USAGE}",
         "run_worker.py": "from patches.usage import *\napply()\nother()\n"},
        [f"patches/usage.py:1 take `apply` {ALL}", f"run_worker.py:2 {CALL}"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", PASSED_ON)
def test_whoever_uses_what_another_file_passes_on_is_found(
    case: str, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files, said = PASSED_ON[case]
    write(agent, {"requirements.txt": PINS, "patches/usage.py": USAGE, "kept.py": KEPT, **files})
    actions = due(only(capsys))
    told = [f"{each['file']}:{line}" for each in actions for line in lines([each])
            if not each["text"].startswith("delete this in-house patch")]  # fmt: skip
    assert sorted(told) == sorted(said)
    do(actions)
    for name in ("run_worker.py", "kept.py"):
        run(agent / name)
    assert due(only(capsys)) == []


APPLY = "from patches import apply\napply()\n"
GONE = {
    "an import": ("from .usage import apply\n", APPLY),
    "a star": ("from .usage import *\n", APPLY),
    "a star, and a call": ("from .usage import *\napply()\n", APPLY),
    "its module": ("from . import usage\nfrom .usage import apply\n", APPLY),
    "its module, and a call": ("from . import usage\nusage.apply()\n",
                               "from patches import usage\nusage.apply()\n"),
    "its module under another name": ("from . import usage as u\nu.apply()\n",
                                      "from patches import u\nu.apply()\n"),
    "a list": ("from .usage import *\n__all__ = ['apply']\n", APPLY),
}  # fmt: skip


@pytest.mark.parametrize(("package", "code"), GONE.values(), ids=GONE)
def test_a_file_goes_with_all_that_passes_it_on(
    package: str, code: str, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {"requirements.txt": PINS, "patches/usage.py": USAGE,
                  "patches/__init__.py": package, "run_worker.py": code})  # fmt: skip
    actions = [each for each in only(capsys)["actions"] if each["kind"] == "delete"]
    assert actions[0]["text"].startswith("delete this file")
    do(actions)
    run(agent / "run_worker.py")
    left = (agent / "patches/__init__.py").read_text(encoding="utf-8")
    assert left in ("", "__all__ = []\n")
    assert not (agent / "patches/usage.py").exists()


@pytest.mark.parametrize(
    ("package", "between", "code"),
    [
        ("from .usage import *\n", "from patches import *\n", "import between\nbetween.other()\n"),
        # It is looked at before it is known what it passes on.
        ("from .usage import *  # AgentexWorker\n", "from patches import *  # AgentexWorker\n",
         "import between\nbetween.other()\n"),
        ("", "from patches import usage as u\n", "import between\nbetween.u.other()\n"),
    ],
)  # fmt: skip
def test_a_file_stays_of_which_something_else_is_passed_on(
    package: str, between: str, code: str, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {"requirements.txt": PINS, "patches/usage.py": USAGE, "user.py": code,
                  "patches/__init__.py": package, "between.py": between})  # fmt: skip
    assert {(each["file"], each["text"].partition(",")[0]) for each in due(only(capsys))} == {
        ("patches/usage.py", "delete this in-house patch")
    }


def test_names_that_lead_to_each_other_lead_nowhere(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {"requirements.txt": PINS, "patches/usage.py": USAGE,
                  "one.py": "from two import apply\n", "two.py": "from one import apply\n",
                  "three.py": "from three import apply\nfrom four import *\n",
                  "four.py": ("from three import *\nfrom five import *\n"
                              "from patches.usage import *\n"),
                  "run_worker.py": ("import one, three, four\none.apply()\nthree.other()\n"
                                    "four.apply()\n")})  # fmt: skip
    assert [f"{each['file']}:{each['line']}" for each in only(capsys)["in_house_uses"]] == [
        "run_worker.py:4"
    ]


def run(file: Path, path: str = "") -> None:
    done = subprocess.run(
        [sys.executable, "-S", str(file)], cwd=file.parent, capture_output=True, text=True,
        timeout=60, check=False, env={"PYTHONPATH": path},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
