"""Whoever is asked gets a key that nobody may find in what is told."""

from __future__ import annotations

import pytest

from .asking import KEY


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
