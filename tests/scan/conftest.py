"""An empty folder to scan."""

from __future__ import annotations

from pathlib import Path

import pytest

from .trees import Tree


@pytest.fixture
def tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Tree:
    monkeypatch.chdir(tmp_path)
    return Tree(tmp_path, capsys)
