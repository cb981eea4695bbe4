"""The work that the patch adds to a call and to an event is what it was, not more."""

from __future__ import annotations

from . import cost
from .calls import AFFECTED


def test_a_call_an_event_and_a_read_of_the_model_cost_what_the_figures_say() -> None:
    figures = cost.read()
    if not AFFECTED:  # nothing is replaced, and so nothing is added
        figures = {name: dict.fromkeys(work, 0) for name, work in figures.items()}
    assert cost.added() == figures, f"if it is wanted: python -m tests.cost, on {cost.PYTHON}"


def test_the_figures_keep_nothing_for_an_event_and_nothing_after_a_call() -> None:
    figures = cost.read()
    assert figures["event"]["held"] == figures["event"]["left"] == figures["call"]["left"] == 0
