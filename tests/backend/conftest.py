"""A server that is asked gets a key, which no output may show."""

from __future__ import annotations

import pytest

from .asking import KEY


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
