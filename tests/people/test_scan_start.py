"""Where the two lines go: the file that has them runs as it did, in its encoding."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .fleet import WORKER, only, write

#: What a file begins with, and the line after that. They are in latin-1, as some of them say.
HEADS = {
    "": 1,
    "# of ours\n": 1,
    "#!/usr/bin/env python\n": 2,
    "# -*- coding: latin-1 -*-\nname = 'é'\n": 2,
    "#!/usr/bin/env python\n# vim: set fileencoding=latin-1 :\nname = 'é'\n": 3,
    "\n \t# coding=latin-1\nname = 'é'\n": 3,
    "\xef\xbb\xbf# coding: utf-8\n": 2,
    "x = 1\n# coding=nonsense\n": 1,
    "# 1\n# 2\n# coding=nonsense\n": 1,
    "# coding: latin-1\n'''é\n'''\nfrom __future__ import annotations\n": 5,
    "'''Begins.'''; name = (\n    1)\n": 3,
    "from __future__ import annotations; name = '''\n'''; other = (\n)\n": 4,
    "name = '''\n'''\n": 1,
}


@pytest.mark.parametrize("head", HEADS)
def test_two_lines_where_it_says_leave_a_file_that_runs(
    head: str, pinned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = pinned / "run_worker.py"
    before = f"{head}{WORKER}".encode("latin-1")
    file.write_bytes(before)
    (add,) = only(capsys)["actions"]
    assert (add["kind"], add["line"]) == ("add", HEADS[head])

    write(pinned, {"agentex_usage_patch.py": "def apply_patch():\n    print('applied')\n",
                   "agentex/__init__.py": "", "agentex/lib/core/temporal/workers/worker.py":
                   "AgentexWorker = lambda: print('works')\n"})  # fmt: skip
    lines = before.splitlines(keepends=True)
    two = add["text"].partition(": ")[2].split("; ")
    lines[add["line"] - 1 : add["line"] - 1] = [f"{each}\n".encode() for each in two]
    file.write_bytes(b"".join(lines))
    assert lines[0] == before.splitlines(keepends=True)[0] or not head.startswith("#!")
    # -S: its module of this package's name is not for the coverage of this package.
    ran = subprocess.run([sys.executable, "-S", "run_worker.py"], cwd=pinned, capture_output=True)
    assert (ran.stdout.split(), ran.stderr) == ([b"applied", b"works"], b"")


def test_no_line_is_named_in_a_file_that_cannot_be_read(
    pinned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(pinned, {"run_worker.py": "# coding: latin-1\nimport (\n"})
    (add,) = only(capsys)["actions"]
    assert (add["file"], add["line"], add["end"]) == ("run_worker.py", None, None)
