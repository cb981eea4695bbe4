"""What a patch does beside the method: it stays, or a person is told to look."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pytest

from .fleet import PINS, WORKER, M, due, edited, lines, only, write

HEAD = (
    f"{M}import os\nfrom unittest.mock import patch\nimport httpx\nfrom other import Other\n"
    "async def mine(*_): ...\n"
)
PATCH = "M.get_response = mine\n"
# By importing the file, and by calling a function of it.
STARTS = {
    "import corrections\n": "{}",
    "from corrections import fix\nfix()\n": "def fix(given=mine, *, app):\n{}",
}

MORE = [
    "httpx.AsyncClient.send = mine",
    "httpx.AsyncClient.send: object = mine",
    "httpx.AsyncClient._send = mine",
    "Other.turns += 5",
    "x, httpx.retries = 1, 2",
    "getattr(httpx, 'Client').send = mine",
    "httpx.get('x').history[0].y = 1",
    "client = httpx.Client\nclient.send = mine",
    "for client in (httpx.Client, httpx.AsyncClient):\n    client.send = mine",
    "for client in clients():\n    client.send = mine",
    "os.environ['RETRIES'] = '5'",
    "env = os.environ\nenv['RETRIES'] = '5'",
    "del os.environ['RETRIES']",
    "setattr(httpx.Client, 'x', 1)",
    "M.stream_response = mine",
    "M._convert_tools = mine",
    "M._convert_tools = lambda: 1",
    "M._convert_tools = Other.convert",
    "M.__init__ = mine",
    "setattr(M, 'stream_response', mine)",
    "for name in ('_kept', 'stream_response'):\n    setattr(M, name, 1)",
]

OF_THE_PATCH = [
    "M._original = M.get_response",
    "original = M.get_response\nM._original = original",
    "M._patched = True",
    "M.__patched__ = True",
    "setattr(M, '_patched', True)",
    "M.get_response._patched = True",
    "mine.__name__ = 'get_response'",
    "mine.calls = 0",
    "setattr(mine, 'calls', 0)",
    "wrapped = httpx.wrap(mine)\nwrapped._patched = True",
    "kept = {}\nkept['original'] = M.get_response",
    "globals()['done'] = True",
    "done = True",
    "setattr(*mine)",
    "class Mine:\n    def __init__(self):\n        self.client = 1",
]


def _write(agent: Path, start: str, code: str) -> str:
    """Write the patch, and what uses it, and return the file that it is in."""
    form = STARTS.get(start, "{}")
    text = HEAD + form.format(code if form == "{}" else indent(code, "    "))
    write(agent, {"requirements.txt": PINS, "corrections.py": text,
                  "run_worker.py": start + WORKER})  # fmt: skip
    return text


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("more", MORE)
def test_what_else_a_patch_changes_stays(
    more: str, start: str, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = _write(agent, start, f"{PATCH}{more}\n")
    found = only(capsys)
    actions = due(found)
    assert "this file" not in str(found["actions"])
    assert [each["file"] for each in actions] == ["corrections.py"]
    left = edited(agent / "corrections.py", actions)
    assert left == "".join(line for line in text.splitlines(True) if line.strip() != PATCH.strip())


def test_so_does_what_it_changes_of_what_it_is_given(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = "from corrections import fix\nfix()\n"
    _write(agent, start, f"{PATCH}app.ready = True\n")
    (action,) = due(only(capsys))
    assert (action["line"], action["end"]) == (8, 8)


def test_so_does_what_the_body_of_a_class_changes(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(agent, "import corrections\n", "class Fix:\n    M.get_response = 1\n    Other.x = 1\n")
    (action,) = due(only(capsys))
    assert (action["line"], action["end"]) == (8, 8)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("kept", OF_THE_PATCH)
def test_what_it_keeps_goes_with_it(
    kept: str, start: str, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(agent, start, f"{kept}\n{PATCH}")
    first, *others = (each for each in only(capsys)["actions"] if each["kind"] == "delete")
    assert first["text"].startswith("delete this file")
    assert len(others) == len(start.splitlines())


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize(
    "code",
    [
        "for cls in (M, Other):\n    cls.get_response = mine\n",
        "for cls in (M, Other):\n    setattr(cls, 'get_response', mine)\n",
        "for name in ('get_response', 'stream_response'):\n    setattr(M, name, mine)\n",
        "def put(cls):\n    cls.get_response = mine\nput(M)\nput(Other)\n",
        "M.get_response = Other.get_response = mine\n",
        "M.get_response, Other.x = mine, 1\n",
        ("for name in ('a.TemporalStreamingModel.get_response', 'a.b'):\n"
        "    patch(name, mine).start()\n"),
    ],
)  # fmt: skip
def test_a_statement_that_patches_more_is_said_to(
    code: str, start: str, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(agent, start, code)
    (told,) = lines(due(only(capsys)))
    assert "take this in-house patch out of its statement, which does more" in told


@pytest.mark.parametrize("name", ["__exit__", "__call__", "__init__"])
def test_a_method_that_python_calls_by_no_name_stays(
    name: str, agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = (
        f"class Fix:\n    def __enter__(self):\n        self.kept = M.get_response\n"
        f"        {PATCH}        return self\n    def {name}(self, *_):\n"
        "        M.get_response = self.kept\n    async def used(self):\n        await mine()\n"
    )
    text = _write(agent, "import corrections\nwith corrections.Fix(): ...\n", code)
    actions = due(only(capsys))
    left = text.replace(f"        {PATCH}", "").replace("M.get_response = self.kept", "pass")
    assert edited(agent / "corrections.py", actions) == left
    assert {each["file"] for each in actions} == {"corrections.py"}


def test_a_function_that_changes_two_other_things_stays(
    agent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = (f"{M}from agents import Runner\ndef fix():\n    M.get_response = None\n"
            "    Runner.max_turns = 50\n    Runner.other = 1\nfix()\n")  # fmt: skip
    write(agent, {"requirements.txt": PINS, "main.py": code})
    actions = due(only(capsys))
    assert [each["line"] for each in actions] == [4]
    assert "Runner.other = 1" in edited(agent / "main.py", actions)
