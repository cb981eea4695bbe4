"""Each test has a key in the environment. No output may contain it."""

from __future__ import annotations

import pytest

from .asking import KEY


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
