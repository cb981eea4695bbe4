"""The work that the patch adds to a call, an event and a start has not grown."""

from __future__ import annotations

import pytest

from agentex_usage_patch import _upstream

from ..calls import AFFECTED
from ..children import child
from . import counts

pytestmark = pytest.mark.processes


def test_counts_are_those_of_the_file() -> None:
    figures = counts.read()
    if not AFFECTED:  # nothing is replaced, and so nothing is added
        figures = {name: dict.fromkeys(work, 0) for name, work in figures.items()}
    said = child("from tests.cost import counts\nsaid['added'] = counts.added()")
    assert said["added"] == figures, (
        f"if this is intended, run tests.cost.counts on {counts.PYTHON}"
    )


def test_an_event_holds_nothing_and_a_call_leaves_nothing() -> None:
    figures = counts.read()
    assert figures["event"]["held"] == figures["event"]["left"] == 0
    assert figures["call"]["left"] == figures["chained call"]["left"] == 0


def test_applying_imports_nothing_more_of_the_sdk() -> None:
    said = child(
        f"import {_upstream.MODULE}, agentex_usage_patch\n"
        "before = set(sys.modules)\n"
        "seen('applied', agentex_usage_patch.apply_patch())\n"
        "said['more'] = sorted(set(sys.modules) - before)\n"
    )
    assert said["applied"]["states"] == ["patched" if AFFECTED else "native"]
    patched = ("agentex.", "agents.", "openai.")
    assert [name for name in said["more"] if name.startswith(patched)] == []
