"""A fixture for tests of wrappers that start tasks."""

from __future__ import annotations

import gc
import logging
import warnings
from typing import Any

import pytest

from .wrappers import kept


@pytest.fixture
def nothing_is_logged_or_warned(caplog: pytest.LogCaptureFixture) -> Any:
    """Fail the test if asyncio logs, or Python warns of anything but a deprecation."""
    caplog.set_level(logging.INFO, logger="asyncio")
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        yield
        kept.clear()
        gc.collect()
    errors = [*caplog.get_records("call"), *caplog.get_records("teardown")]
    assert [each for each in errors if each.name == "asyncio"] == []
    assert [str(each.message) for each in warned if each.category is not DeprecationWarning] == []
