"""Whoever is asked gets a key that nobody may find in what is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from .asking import KEY
from .fleet import PINS, WORKER, write


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An agent of one file, in the folder that we are in."""
    monkeypatch.chdir(tmp_path)
    return write(tmp_path, {"run_worker.py": WORKER})


@pytest.fixture
def pinned(agent: Path) -> Path:
    """The same, with requirements whose agentex-sdk is affected."""
    return write(agent, {"requirements.txt": PINS})
