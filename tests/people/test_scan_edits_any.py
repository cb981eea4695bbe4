"""Whatever a file looks like, what scan says to delete leaves one that does all else as before."""

from __future__ import annotations

import tempfile
from itertools import count
from pathlib import Path
from textwrap import indent

from hypothesis import given, settings
from hypothesis import strategies as st

from agentex_usage_patch import _scan

from .fleet import PINS, WORKER, due, edited, write
from .test_scan_code import CORRECTIONS

_NUMBERS = count()
#: Compound statements, with a place for each block.
_COMPOUND = [
    "try:\n{}except ValueError:\n    print('not patched')\n",
    "try:\n{}finally:\n{}",
    "try:\n{}except ValueError:\n    pass\nelse:\n{}",
    "if kept:\n{}",
    "if kept:\n{}else:\n{}",
    "if kept:\n{}elif kept:\n{}",
    "with kept:\n{}",
    "for each in kept:\n{}",
    "while kept:\n{}else:\n{}",
    "def name():\n{}",
    "@kept\nasync def name(parameter):\n{}",
    "class Name:\n{}",
    "match kept:\n    case _:\n{}",
]
_SIMPLE = [
    "install()\n",
    "from corrections import install\n",
    "from corrections import install, other\nother(0)\n",
    "import corrections, spare\nspare.keep(0)\n",
    "corrections.install()\n",
    "keep(0)\n",
    "pass\n",
    "'text'\n",
]


@st.composite
def blocks(draw: st.DrawFn, depth: int = 3) -> str:
    """Return some statements, in which each ``keep`` has a number of its own."""
    text = ""
    for _ in range(draw(st.integers(1, 3))):
        if depth and draw(st.booleans()):
            form = draw(st.sampled_from(_COMPOUND))
            space = "        " if "case" in form else "    "
            inner = [indent(draw(blocks(depth - 1)), space) for _ in range(form.count("{}"))]
            text += form.format(*inner)
        else:
            text += draw(st.sampled_from(_SIMPLE)).replace("0", str(next(_NUMBERS)))
    return text


def kept(code: str) -> list[str]:
    return [line.strip() for line in code.splitlines() if "keep(" in line or "other(" in line]


@settings(max_examples=150, deadline=None)
@given(blocks())
def test_what_is_left_of_any_file_runs_without_the_patch_and_keeps_the_rest(code: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        start = "from corrections import install\nimport corrections\n" + code
        compile(start, "start.py", "exec")
        write(folder, {"requirements.txt": PINS, "corrections.py": CORRECTIONS,
                       "run_worker.py": WORKER, "start.py": start})  # fmt: skip
        (agent,) = _scan.examine([folder]).as_dict()["agents"]
        file = folder / "start.py"
        left = edited(file, [each for each in due(agent) if each["file"] == str(file)])
    assert kept(left) == kept(code)
    assert "install" not in left
    for name in ("other", "spare"):
        assert left.count(name) == code.count(name)
