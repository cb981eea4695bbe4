"""The README's table agrees with the code, and its code and commands run."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from agentex_usage_patch import _upstream

from ..backend.backends import openai, serving
from ..scan.fleet import copied

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
#: Not run: commands that install from an index, and the one that runs this test.
NOT_RUN = ("pip install", "python3 -m venv", ".venv/bin/tox")


def blocks(language: str) -> list[str]:
    """Return the README's code blocks in one language, "" for printed output."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    return [block for its, block in found if its == language]


def commands() -> list[str]:
    """Return the README's commands, from its blocks and from its text."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    inline = re.findall(r"`(agentex-usage-patch [^`]+)`", README)
    return [line for line in lines + inline if not line.startswith(NOT_RUN)]


def run(*command: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user would, with this environment first on the path."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    # Coverage would double the time, and other tests measure the same code.
    kept = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
    return subprocess.run(
        command,
        cwd=folder,
        env={**kept, "PATH": path, **more},
        capture_output=True,
        text=True,
        timeout=300,
    )


def rows() -> list[tuple[SpecifierSet, str, list[str]]]:
    """Return for each row the releases, "needed" or not, and the companions that work."""
    table = re.findall(
        r"^\| `(>=.*?)` \| (.*?) \| (.*?) \| (.*?) \| ?(.*?) ?\|$", README, re.MULTILINE
    )
    return [(SpecifierSet(sdk), needed, works) for sdk, needed, *works in table]


def bounds(releases: SpecifierSet) -> dict[str, Version]:
    return {each.operator: Version(each.version) for each in releases}


def test_the_table_of_releases_agrees_with_the_code() -> None:
    starts = [bounds(sdk)[">="] for sdk, *_ in rows()]
    known = [_upstream.AFFECTED, *(each.sdk for each in _upstream.COMPANIONS),
             *_upstream.RUNNER_DROPS]  # fmt: skip
    # A row begins at each release where anything changes, and ends where the next begins.
    edges = {
        bound for each in known for operator, bound in bounds(each).items() if operator != "<="
    }
    assert starts == sorted(edges)
    assert [bounds(sdk).get("<") for sdk, *_ in rows()[:-1]] == starts[1:]
    last = max(bounds(each.sdk).get("<=", Version("0")) for each in _upstream.COMPANIONS)
    assert bounds(rows()[-1][0])["<="] == last
    for (_, needed, companions), start in zip(rows(), starts, strict=True):
        assert (needed == "needed") is (start in _upstream.AFFECTED)
        for name, cell in zip(("openai", "temporalio"), companions, strict=False):
            works = [each.works for each in _upstream.COMPANIONS
                     if each.distribution == name and start in each.sdk]  # fmt: skip
            assert len(works) <= 1
            assert cell == "any" if not works else SpecifierSet(cell.strip("`")) == works[0]
        dropped = [name for releases, names in _upstream.RUNNER_DROPS.items()
                   if start in releases for name in names]  # fmt: skip
        assert re.findall(r"`(\w+)`", companions[2]) == dropped


def test_the_releases_in_the_text_agree_with_the_code() -> None:
    first = bounds(_upstream.AFFECTED)[">="]
    assert f"agentex-sdk {first} … 0.10.4" in README
    assert Version("0.10.4") in _upstream.AFFECTED
    assert set(re.findall(r"0\.\d+\.\d+ or later", README)) == {f"{_upstream.FIXED_IN} or later"}


OBSERVE = """
import importlib, json
from agentex_usage_patch import status

importlib.import_module("{module}")
print(json.dumps([fix.state for fix in status().fixes]))
"""


@pytest.mark.parametrize("code", blocks("python"))
def test_the_python_in_the_readme_applies_the_patch(code: str, tmp_path: Path) -> None:
    program = f"{code}\n{OBSERVE.format(module=_upstream.MODULE)}"
    done = run(sys.executable, "-c", program, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    affected = _upstream.within(_upstream.sdk_version(), _upstream.AFFECTED)
    assert set(json.loads(done.stdout.splitlines()[-1])) == {"patched" if affected else "native"}


async def test_the_commands_in_the_readme_work(tmp_path: Path) -> None:
    fleet = copied(tmp_path)
    (fleet / "docs").mkdir()
    codes = {}
    for command in dict.fromkeys(commands()):
        async with serving(openai) as server:
            asked = shlex.split(command.replace("http://127.0.0.1:8000/v1", server.url))
            done = await asyncio.to_thread(run, *asked, folder=fleet)
        assert "Traceback" not in done.stderr, done.stderr
        codes[command] = done.returncode
        if command == "agentex-usage-patch scan .":
            for printed in blocks(""):
                assert printed in done.stdout
    assert codes == {
        "agentex-usage-patch status": 0,
        "agentex-usage-patch scan .": 0,
        "agentex-usage-patch verify --base-url http://127.0.0.1:8000/v1 --model gpt-4o": 0,
        "agentex-usage-patch verify --svg docs/verify.svg": 0,
    }
    drawn = (fleet / "docs" / "verify.svg").read_text(encoding="utf-8")
    assert words(drawn) == words((ROOT / "docs" / "verify.svg").read_text(encoding="utf-8"))


def test_the_readme_names_a_tox_environment_that_exists() -> None:
    named = re.findall(r"tox run -e ([\w.-]+)", README)
    config = (ROOT / "tox.ini").read_text(encoding="utf-8")
    assert named == ["verify"]
    assert all(f"[testenv:{each}]" in config for each in named)


def words(picture: str) -> str:
    """Return the words of a picture, without the random parts of its ids."""
    said = " ".join(re.sub(r"<[^>]+>", " ", picture).replace("&#160;", " ").split())
    return re.sub(r"resp_[0-9a-f]+", "resp_", said.partition("agentex-usage-patch verify ")[2])


def test_the_health_check_in_the_readme_works(tmp_path: Path) -> None:
    (block,) = blocks("dockerfile")
    command = json.loads(block.partition("CMD ")[2])
    affected = _upstream.within(_upstream.sdk_version(), _upstream.AFFECTED)
    assert run(*command, folder=tmp_path).returncode == (0 if affected else 1)
    off = run(*command, folder=tmp_path, AGENTEX_USAGE_PATCH_DISABLED="1")
    assert off.returncode == 1


def test_all_links_have_a_target() -> None:
    for file in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        links = re.findall(r"\]\(([^)#]+)\)", file.read_text(encoding="utf-8"))
        assert all(link.startswith("https://") or (file.parent / link).exists() for link in links)
