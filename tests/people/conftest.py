"""Whoever is asked gets a key that nobody may find in what is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from .asking import KEY
from .fleet import WORKER, write


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An agent of one file, in the folder that we are in."""
    monkeypatch.chdir(tmp_path)
    return write(tmp_path, {"run_worker.py": WORKER})
