"""What a scan costs: it grows with the files, and not with their square."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from agentex_usage_patch import _scan

from .fleet import WORKER, write

MODEL = "from agentex.models import TemporalStreamingModel\n"
PATCH = MODEL + "def install():\n    TemporalStreamingModel.get_response = None\n"
USE = "from .m{patch} import install\ninstall()\n"

# Of a file by its number: what it holds.
TREES: dict[str, Callable[[int], str]] = {
    "each a patch": lambda _: PATCH,
    "each a patch of another name": lambda n: PATCH.replace("install", f"install_{n}"),
    "each a use of the one before": lambda n: (
        f"from .m{n - 1} import f{n - 1}\ndef f{n}():\n    f{n - 1}()\n" if n
        else PATCH.replace("install", "f0")
    ),
    "each passes on the one before": lambda n: (
        f"from .m{n - 1} import f{n - 1} as f{n}\nf{n}()\n" if n else PATCH.replace("install", "f0")
    ),
    "each passes on all of the two before": lambda n: (
        f"from .m{n - 1} import *\nfrom .m{max(n - 2, 0)} import *\ninstall()\n" if n else PATCH
    ),
    "half of them patches": lambda n: (
        PATCH.replace("install", f"install_{n}") if n % 2 else "x = 1\n"
    ),
    "each a use of one": lambda n: USE.format(patch=0) if n else PATCH,
    "each imports the package": lambda _: "import agentex_usage_patch.auto\n",
    "each uses the model": lambda _: MODEL + "TemporalStreamingModel()\n",
}  # fmt: skip


@contextmanager
def counted(of: str) -> Iterator[list[int]]:
    """Count the steps that the modules of this package with some name take."""
    monitoring = sys.monitoring
    steps, tool = [0], monitoring.PROFILER_ID

    def step(code: CodeType, _: int) -> Any:
        if of not in code.co_filename:
            return monitoring.DISABLE
        steps[0] += 1
        return None

    monitoring.use_tool_id(tool, "steps")
    try:
        monitoring.register_callback(tool, monitoring.events.INSTRUCTION, step)
        monitoring.set_events(tool, monitoring.events.INSTRUCTION)
        yield steps
    finally:
        monitoring.set_events(tool, 0)
        monitoring.free_tool_id(tool)


def steps(folder: Path, kind: str, count: int, *, apart: bool) -> int:
    """Return what a scan of so many files takes, in one agent or each in its own."""
    files = {f"a{n if apart else 0}/m{n}.py": TREES[kind](n) for n in range(count)}
    workers = {f"a{n}/run_worker.py": WORKER for n in range(count if apart else 1)}
    write(folder, files | workers)
    with counted("agentex_usage_patch/_scan_") as taken:
        _scan.examine([folder])
    return taken[0]


SHARED: dict[str, Callable[[int], str]] = {
    "each applies the package through the one before": lambda n: (
        f"from m{n - 1} import f{n - 1}\ndef f{n}():\n    f{n - 1}()\n    serve()\n" if n
        else "import agentex_usage_patch as p\ndef f0():\n    p.apply_patch()\n"
    ),
    "each imports the one before": lambda n: (
        f"import m{n - 1}\n" if n else "import agentex_usage_patch.auto\n"
    ),
    "each has a workaround": lambda n: (
        f"from m{n - 1} import *\nf(extra_args={{'prompt': 1}})\n" if n else ""
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", SHARED)
def test_twice_the_shared_files_take_twice_the_steps(kind: str, tmp_path: Path) -> None:
    def taken(count: int) -> int:
        files = {f"libs/m{n}.py": SHARED[kind](n) for n in range(count)}
        start = f"from m{count - 1} import *\nf{count - 1}()\n{WORKER}"
        folder = write(tmp_path / str(count), files | {"agent/run_worker.py": start})
        with counted("agentex_usage_patch/_scan_") as steps:
            (agent,) = _scan.examine([folder]).agents
        assert agent.agent.applied or agent.agent.workarounds  # all were gone through
        return steps[0]

    assert taken(40) / taken(20) < 2.1


@pytest.mark.parametrize("apart", [False, True], ids=["in one agent", "in many agents"])
@pytest.mark.parametrize("kind", TREES)
def test_twice_the_files_take_twice_the_steps(kind: str, apart: bool, tmp_path: Path) -> None:
    few, many = (steps(tmp_path / str(n), kind, n, apart=apart) for n in (20, 40))
    assert few > 20 * 100  # all are looked at
    assert many / few < 2.1


def test_texts_of_texts_of_texts_do_not_grow_without_end(tmp_path: Path) -> None:
    grown = "".join(f"x{n + 1} = f'{f'{{x{n}}}' * 30}'\n" for n in range(9))
    text = f"{MODEL}x0 = 'a'\n{grown}setattr(TemporalStreamingModel, x9, None)\n"
    write(tmp_path, {"run_worker.py": text})
    with counted("agentex_usage_patch/_scan_names") as taken:
        _scan.examine([tmp_path])
    assert taken[0] < 100_000
