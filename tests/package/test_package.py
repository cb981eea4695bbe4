"""The wheel contains only the package, and works without agentex-sdk."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command: object, returncode: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(each) for each in command], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == returncode, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT)
    return folder


@pytest.fixture(scope="module")
def bare(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment with only the wheel and its requirements."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=True)
    (wheel,) = built.glob("*.whl")
    run(folder / "bin" / "pip", "install", "--quiet", wheel)
    return folder / "bin"


def test_wheel_contains_only_the_package(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    package = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "agentex_usage_patch").rglob("*.*")
        if file.suffix != ".pyc"
    }
    assert "agentex_usage_patch/py.typed" in package
    assert {name for name in names if ".dist-info/" not in name} == package


def test_sdist_contains_the_files_that_the_tests_need(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    tests = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "tests").rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }
    assert {"tests/conftest.py", "tests/goldens.json"} < tests
    tests |= {f"docs/{file.name}" for file in (ROOT / "docs").iterdir()}
    assert "tests/scan/monorepo/agents/escrow/Pipfile.lock" in tests
    assert tests | {"tox.ini", "README.md", "CHANGELOG.md", "LICENSE"} <= names


def test_wheel_and_sdist_pass_twine_check(built: Path) -> None:
    done = run(sys.executable, "-m", "twine", "check", "--strict", *built.iterdir())
    assert done.stdout.count("PASSED") == 2


def test_status_without_agentex_sdk_says_so(bare: Path) -> None:
    done = run(bare / "agentex-usage-patch", "status", returncode=3)
    *versions, summary, _ = done.stdout.splitlines()
    assert summary == "agentex-sdk is not installed: there is nothing to patch."
    assert "agentex-sdk: not installed" in versions and "openai: not installed" in versions


def test_verify_without_agentex_sdk_says_so(bare: Path) -> None:
    done = run(bare / "python", "-m", "agentex_usage_patch", "verify", "--json", returncode=3)
    report = json.loads(done.stdout)
    assert report["summary"] == "agentex-sdk is not installed: there is nothing to verify."
    assert report["sdk_version"] is None and not report["right"]


def test_scan_needs_no_agentex_sdk(bare: Path) -> None:
    monorepo = ROOT / "tests" / "scan" / "monorepo"
    done = run(bare / "agentex-usage-patch", "scan", "--check", monorepo, returncode=1)
    assert done.stdout.splitlines()[-1] == "14 agents: 9 need work."


def test_worker_without_agentex_sdk_starts(bare: Path) -> None:
    program = "import agentex_usage_patch.auto; print('started')"
    done = run(bare / "python", "-c", program)
    assert done.stdout == "started\n"
    assert "not installed" in done.stderr


def test_importing_the_package_does_not_import_the_sdk(bare: Path) -> None:
    program = (
        "import sys, agentex_usage_patch; agentex_usage_patch.apply_patch();"
        "print([name for name in ('agentex', 'agents', 'openai', 'rich') if name in sys.modules])"
    )
    assert run(bare / "python", "-c", program).stdout == "[]\n"
