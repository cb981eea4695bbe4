"""What to take out of files that hold a patch, or apply this package, and do something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from .fleet import MODULE, PINS, M, due, edited, lines, only, scanned, write
from .test_scan_code import CORRECTIONS

TO_LINE = "delete this in-house patch, to line"
ASSIGNS = ": it assigns to TemporalStreamingModel.get_response"
# Where a patch is in a file that something else is used of: what is told, and what is left.
WITHIN = {
    "statements": (
        "M.get_response = None\nM.other = None\n",
        [f"2 {TO_LINE} 2{ASSIGNS}"],
        "M.other = None\n",
    ),
    "a block": (
        "try:\n    M.get_response = None\nexcept Exception:\n    x = 1\n",
        [f"2-5 delete this `try`, to line 5: nothing in it but an in-house patch{ASSIGNS}"],
        "",
    ),
    "a decorator": (
        (f"import wrapt\n@wrapt.patch_function_wrapper('{MODULE}',\n"
        "    'TemporalStreamingModel.get_response')\ndef counted(): ...\n"),
        [("3-4 delete this decorator, an in-house patch"
         ": it wraps TemporalStreamingModel.get_response")],
        "import wrapt\ndef counted(): ...\n",
    ),
    "a function": (
        "@once\ndef fix():\n    M.get_response = None\nfix()\n",
        [f"2-4 {TO_LINE} 4{ASSIGNS}", "5 delete this call of an in-house patch"],
        "",
    ),
    "a function that runs the worker": (
        "async def main():\n    M.get_response = None\n    await run()\nmain()\n",
        [f"3 {TO_LINE} 3{ASSIGNS}"],
        "async def main():\n    await run()\nmain()\n",
    ),
    "a function that starts the worker": (
        "def main():\n    M.get_response = None\n    AgentexWorker()\nmain()\n",
        [f"3 {TO_LINE} 3{ASSIGNS}"],
        "def main():\n    AgentexWorker()\nmain()\n",
    ),
    "a function that does something else": (
        "def main():\n    M.get_response = None\n    serve()\nmain()\n",
        [f"3 {TO_LINE} 3{ASSIGNS}"],
        "def main():\n    serve()\nmain()\n",
    ),
    "a function that makes something": (
        "def make(model):\n    M.get_response = None\n    return model\nmake(1)\n",
        [f"3 {TO_LINE} 3{ASSIGNS}"],
        "def make(model):\n    return model\nmake(1)\n",
    ),
    "the only statement of a function that is called for more": (
        ("async def main():\n    if await ready():\n        M.get_response = None\n    else:\n"
        "        x = 1\nmain()\n"),
        [f"4 {TO_LINE} 4 and leave `pass`{ASSIGNS}"],
        ("async def main():\n    if await ready():\n        pass\n    else:\n        x = 1\n"
        "main()\n"),
    ),
    "a class": (
        ("class Fixer:\n    def __init__(self):\n        self.x = 1\n    def apply(self):\n"
        "        M.get_response = None\nFixer().apply()\n"),
        [f"2-6 {TO_LINE} 6{ASSIGNS}", "7 delete this call of an in-house patch"],
        "",
    ),
    "a method": (
        ("class Agent:\n    def fix(self):\n        M.get_response = None\n    def run(self):\n"
        "        self.fix()\n        serve()\nAgent().run()\n"),
        [f"3-4 {TO_LINE} 4{ASSIGNS}", "6 delete this call of an in-house patch"],
        "class Agent:\n    def run(self):\n        serve()\nAgent().run()\n",
    ),
    "a method that does more": (
        ("class Agent:\n    async def run(self):\n        M.get_response = None\n"
        "        await serve()\nAgent().run()\n"),
        [f"4 {TO_LINE} 4{ASSIGNS}"],
        "class Agent:\n    async def run(self):\n        await serve()\nAgent().run()\n",
    ),
    "a method of an object": (
        ("class Agent:\n    def fix(self):\n        M.get_response = None\n    def run(self): ...\n"
        "agent = Agent()\nagent.fix()\nagent.run()\n"),
        [f"3-4 {TO_LINE} 4{ASSIGNS}", "7 delete this call of an in-house patch"],
        "class Agent:\n    def run(self): ...\nagent = Agent()\nagent.run()\n",
    ),
    "the body of a class": (
        "class Agent:\n    M.get_response = None\n    class Inner:\n        def f(self): ...\n",
        [f"3 {TO_LINE} 3{ASSIGNS}"],
        "class Agent:\n    class Inner:\n        def f(self): ...\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WITHIN)
def test_a_patch_is_taken_out_of_a_file_that_is_used_for_something_else(
    case: str, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said, left = WITHIN[case]
    write(agent, {"requirements.txt": PINS, "models.py": M + code + "def used(): ...\n",
                  "start.py": "from models import used\nused()\n"})  # fmt: skip
    actions = due(only(capsys))
    assert lines(actions) == said[::-1]
    assert edited(agent / "models.py", actions) == M + left + "def used(): ...\n"
    assert due(only(capsys)) == []


def test_of_two_things_in_one_statement_one_is_taken_out(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = f"{M}keep, M.get_response = 1, None\ndef used(): ...\n"
    use = "import models\nmodels.used()\n"
    write(agent, {"requirements.txt": PINS, "start.py": use, "models.py": code})
    assert lines(due(only(capsys))) == [
        f"2 take this in-house patch out of its statement, which does more{ASSIGNS}"
    ]


@pytest.mark.parametrize("use", ["from models import used", "import models\nprint(models.used)"])
def test_a_file_is_not_deleted_when_anything_else_of_it_is_used(
    use: str, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {"requirements.txt": PINS, "start.py": f"{use}\n",
                  "models.py": f"{M}M.get_response = None\nused = 1\n"})  # fmt: skip
    assert lines(due(only(capsys))) == [f"2 {TO_LINE} 2{ASSIGNS}"]


def test_a_file_that_does_something_by_itself_is_not_deleted(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = f"{M}def fix():\n    M.get_response = None\nfix()\nserve()\n"
    write(agent, {"requirements.txt": PINS, "main.py": code})
    assert lines(due(only(capsys))) == ["4 delete this call of an in-house patch",
                                        f"2-3 {TO_LINE} 3{ASSIGNS}"]  # fmt: skip


def test_whoever_calls_what_only_calls_a_patch_is_found_however_far_away(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(agent, {
        "requirements.txt": PINS,
        "corrections.py": CORRECTIONS,
        "one.py": "from corrections import install\ndef fix():\n    install()\n",
        "two.py": "from one import fix\ndef mend():\n    fix()\n",
        "zoo.py": "from two import mend\nmend()\n",
    })  # fmt: skip
    assert [f"{each['file']} {line}" for each in due(only(capsys))
            for line in lines([each])] == [
        "one.py 2-3 delete this function, to line 3: it only calls an in-house patch",
        "one.py 1 delete this import of an in-house patch",
        "two.py 2-3 delete this function, to line 3: it only calls an in-house patch",
        "two.py 1 delete this import of an in-house patch",
        "zoo.py 2 delete this call of an in-house patch",
        "zoo.py 1 delete this import of an in-house patch",
    ]  # fmt: skip


HAS = ": agentex-sdk 0.10.5 has the fix"
OURS = {
    "import os, agentex_usage_patch.auto\nx = os\n": (
        [f"1 take `agentex_usage_patch.auto` out of this import: of agentex-usage-patch{HAS}"],
        "import os\nx = os\n",
    ),
    "try:\n    import agentex_usage_patch.auto\nexcept ImportError:\n    pass\n": (
        [f"1-4 delete this `try`, to line 4: nothing in it but agentex-usage-patch{HAS}"], "",
    ),
    "from agentex_usage_patch import *\napply_patch()\nprint(1)\n": (
        [f"1 delete this import of agentex-usage-patch{HAS}",
         f"2 delete this call of agentex-usage-patch{HAS}"],
        "print(1)\n",
    ),
    "from agentex_usage_patch import apply_patch\ndef start():\n    apply_patch()\nstart()\n": (
        [f"1 delete this import of agentex-usage-patch{HAS}",
         f"3 delete this call of agentex-usage-patch and leave `pass`{HAS}"],
        "def start():\n    pass\nstart()\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("code", OURS)
def test_this_package_is_taken_out_in_the_same_way(
    code: str, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said, left = OURS[code]
    stated = "agentex-sdk==0.10.5\nopenai==2.44\ntemporalio==1.34"
    write(agent, {"requirements.txt": stated, "run_worker.py": code})
    found = only(capsys)
    assert len(found["applied"]) == 1
    actions = due(found)
    assert lines(actions) == said[::-1]
    assert edited(agent / "run_worker.py", actions) == left
    assert scanned(capsys, ".")["summary"] == "1 agent: nothing left."
