"""List the published releases of agentex-sdk, and read their wheels.

This needs pip and the index that pip is configured for, but not agentex-sdk itself.
"""

from __future__ import annotations

import ast
import configparser
import itertools
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Collection, Mapping
from email import message_from_string
from pathlib import Path

from packaging.version import Version

from agentex_usage_patch import _upstream

#: Downloaded wheels, shared by all tox environments.
CACHE = Path(__file__).resolve().parents[2] / ".tox" / ".upstream"
MODEL_FILE = _upstream.MODULE.replace(".", "/") + ".py"

_PIN = re.compile(rf"([\w.,!{{}} -]+):\s*{_upstream.DISTRIBUTION}==([\w.]+)")


def published_releases() -> list[str]:
    """Return every release on the index, oldest first."""
    listed = json.loads(_pip("index", "versions", _upstream.DISTRIBUTION, "--json"))
    return sorted(listed["versions"], key=Version)


def wheel(release: str) -> Path:
    """Return the wheel of a release; download it unless it is in the cache."""
    name = _upstream.DISTRIBUTION.replace("-", "_")
    for kept in CACHE.glob(f"{name}-{release}-*.whl"):
        return kept
    CACHE.mkdir(parents=True, exist_ok=True)
    # Environments run in parallel: a wheel appears in the cache only when it is complete.
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        what = f"{_upstream.DISTRIBUTION}=={release}"
        _pip("download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", folder, what)
        (downloaded,) = Path(folder).glob("*.whl")
        return downloaded.replace(CACHE / downloaded.name)


def read_from_wheel(release: str, path: str) -> str | None:
    """Return the text of a file in the wheel of a release, or None if the file is missing."""
    with zipfile.ZipFile(wheel(release)) as archive:
        if path not in archive.namelist():
            return None
        return archive.read(path).decode()


def requirements(release: str) -> frozenset[str]:
    """Return the requirements in the metadata of a release."""
    name = _upstream.DISTRIBUTION.replace("-", "_")
    text = read_from_wheel(release, f"{name}-{release}.dist-info/METADATA")
    assert text is not None, f"the wheel of {release} has no METADATA"
    return frozenset(message_from_string(text).get_all("Requires-Dist", []))


def model_body(source: str) -> str:
    """Return the syntax tree of the model's class, without comments and docstrings.

    The whole class counts: its other methods differ between releases whose `get_response`
    is the same, and `get_response` uses them.
    """
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and node.name == _upstream.CLASS:
            break
    else:
        raise ValueError(f"no class {_upstream.CLASS} in this source")
    for each in ast.walk(node):
        match each:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                if ast.get_docstring(each) is not None:
                    each.body[0] = ast.Pass()
    return ast.dump(node)


def same_bodies(sources: Mapping[str, str]) -> list[list[str]]:
    """Group releases by the body of their model, in the order of the mapping."""
    groups: dict[str, list[str]] = {}
    for release, source in sources.items():
        groups.setdefault(model_body(source), []).append(release)
    return list(groups.values())


def uncovered(groups: list[list[str]], tested: Collection[str]) -> str:
    """Return a line for each body without a tested release; empty if every body has one."""
    return "\n".join(
        f"No environment of tox.ini installs the model of {_upstream.DISTRIBUTION} "
        f"{', '.join(group)}: add one, for instance sdk{group[-1]}, to env_list and "
        f"'sdk{group[-1]}: {_upstream.DISTRIBUTION}=={group[-1]}' to deps."
        for group in groups
        if not set(group) & set(tested)
    )


def tested_releases(tox_ini: str) -> set[str]:
    """Return the releases that the environments in env_list install."""
    tox = configparser.ConfigParser(interpolation=None)
    tox.read_string(tox_ini)
    environments = [set(name.split("-")) for name in _expanded(tox["tox"]["env_list"])]
    return {
        release
        for section in tox.values()
        for condition, release in _PIN.findall(section.get("deps", ""))
        for factors in _expanded(condition)
        if any(set(factors.split("-")) <= environment for environment in environments)
    }


def _expanded(names: str) -> list[str]:
    """Expand a list in tox's notation, in which ``{a,b}`` means either name."""
    expanded = []
    for name in re.findall(r"(?:\{[^}]*\}|[^\s,{])+", names):
        parts = re.split(r"\{([^}]*)\}", name)
        choices = [
            [each.strip() for each in part.split(",")] if braced else [part]
            for part, braced in zip(parts, itertools.cycle((False, True)))
        ]
        expanded += ["".join(chosen) for chosen in itertools.product(*choices)]
    return expanded


def _pip(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, timeout=300
    )
    if done.returncode:
        raise RuntimeError(f"pip {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout
