"""The work that the patch adds to a call, an event and a start is what it was, not more."""

from __future__ import annotations

import pytest

from agentex_usage_patch import _upstream

from ..calls import AFFECTED
from ..children import child
from . import counts

pytestmark = pytest.mark.processes


def test_a_call_an_event_and_a_read_of_the_model_cost_what_the_figures_say() -> None:
    figures = counts.read()
    if not AFFECTED:  # nothing is replaced, and so nothing is added
        figures = {name: dict.fromkeys(work, 0) for name, work in figures.items()}
    said = child("from tests.cost import counts\nsaid['added'] = counts.added()")
    assert said["added"] == figures, f"if it is wanted: run tests.cost.counts on {counts.PYTHON}"


def test_the_figures_keep_nothing_for_an_event_and_nothing_after_a_call() -> None:
    figures = counts.read()
    assert figures["event"]["held"] == figures["event"]["left"] == 0
    assert figures["call"]["left"] == figures["chained call"]["left"] == 0


def test_applying_imports_no_more_of_what_it_patches_than_the_model_did() -> None:
    said = child(
        f"import {_upstream.MODULE}, agentex_usage_patch\n"
        "before = set(sys.modules)\n"
        "seen('applied', agentex_usage_patch.apply_patch())\n"
        "said['more'] = sorted(set(sys.modules) - before)\n"
    )
    assert said["applied"]["states"] == ["patched" if AFFECTED else "native"]
    patched = ("agentex.", "agents.", "openai.")
    assert [name for name in said["more"] if name.startswith(patched)] == []
