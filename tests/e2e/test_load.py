"""Many workflows of three turns on two workers: every answer has its own usage."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .conversations.conversation import numbers
from .conversations.load import TURNS, WORKFLOWS, own, sum_of
from .conversations.outcomes import LOAD, Outcomes
from .platform.stack import FIXED, SETTINGS, Setting

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("case", [LOAD])
@pytest.mark.parametrize("setting", SETTINGS, ids=str)
async def test_every_answer_has_its_own_usage_and_nothing_counts_twice(
    setting: Setting, case: str, outcomes: Outcomes, record_property: Callable[[str, object], None]
) -> None:
    seen = await outcomes.of(case, setting)
    before, after = seen["memory"]
    record_property("memory", f"{setting}: {before} MB after warm-up, {after} MB at the end")
    counted = setting.patched or setting == FIXED
    assert len(seen["talks"]) == WORKFLOWS[setting.patched]
    for number, talk in enumerate(seen["talks"]):
        given = list(numbers([own(number, turn) for turn in range(TURNS)]))
        assert talk["given"] == given
        assert talk["usages"] == (given if counted else [dict.fromkeys(given[0], 0)] * TURNS)
        assert (talk["returned"] == talk["issued"]) is counted
        assert talk["asked"] == [None, *(talk["issued"] if counted else [None] * TURNS)[:-1]]
    told = sum_of(each for talk in seen["talks"] for each in talk["given"])
    in_spans = sum_of(each for talk in seen["talks"] for each in talk["spans"])
    assert in_spans == (told if counted else {})
    assert (seen["left"]["tasks"], seen["left"]["kept"]) == ([], 0)
