"""Whole agents: patched old = 0.10.5 in what the fix is about, and = old everywhere else."""

from __future__ import annotations

import pytest

from .answers import Json
from .cases import CASES, PAIR_CASES, SWALLOWING, Case
from .conversation import about_the_fix, around_the_fix, numbers
from .outcomes import Outcomes
from .stack import FIXED, RELEASES, Setting

pytestmark = pytest.mark.asyncio(loop_scope="session")
ALL = {**CASES, **PAIR_CASES}


class Seen:
    """What was seen of a case, on each setting."""

    def __init__(self, name: str, case: Case, outcomes: Outcomes) -> None:
        self._asked = name, case
        self._outcomes = outcomes

    async def on(self, release: str, *, patched: bool) -> Json:
        """Return what was seen of it on a release."""
        return await self._outcomes.of(*self._asked, Setting(release, patched))


@pytest.fixture(params=ALL)
def seen(request: pytest.FixtureRequest) -> Seen:
    """One case after the other; a pair of workers is started for those that want it."""
    name = request.param
    wanted = "outcomes" if name in CASES else "pairs"
    return Seen(name, ALL[name], request.getfixturevalue(wanted))


async def test_0_10_5_tells_what_the_server_told(seen: Seen) -> None:
    fixed = await seen.on(FIXED.release, patched=False)
    told = list(numbers(fixed["given"]))
    told += [dict.fromkeys(told[0], 0)]
    assert fixed["bodies"] and fixed["spans"]
    _, case = seen._asked
    assert sum("raised" in turn for turn in fixed["turns"]) == case.errors
    for turn in fixed["turns"]:
        assert all(usage in told for usage in turn.get("usages", []))
    for span in fixed["spans"]:
        assert span == {} or span["usage"] in told
    assert not fixed["left"]["patched"]


CHAINED = "two turns chained by previous_response_id"


@pytest.mark.parametrize(
    "setting", [*(Setting(each, patched=True) for each in RELEASES), FIXED], ids=str
)
async def test_the_second_turn_is_chained_and_both_are_counted(
    setting: Setting, outcomes: Outcomes
) -> None:
    seen = await outcomes.of(CHAINED, CASES[CHAINED], setting)
    told = list(numbers(seen["given"]))
    assert [each["cached_input_tokens"] for each in told] == [0, 1024]
    assert [turn["usage"] for turn in seen["turns"]] == told
    assert [span["usage"] for span in seen["spans"]] == told
    assert seen["history"] == ["response 1", "response 2"]
    sent = [body.get("previous_response_id") for body in seen["bodies"]]
    assert sent == [None, "response 1"]


@pytest.mark.parametrize("release", RELEASES)
async def test_a_patched_agent_is_as_0_10_5(release: str, seen: Seen) -> None:
    fixed = about_the_fix(await seen.on(FIXED.release, patched=False))
    unpatched = await seen.on(release, patched=False)
    patched = await seen.on(release, patched=True)
    assert patched["left"]["patched"] and not unpatched["left"]["patched"]
    assert about_the_fix(unpatched) != fixed
    assert "invented resp" not in str(patched)
    _, case = seen._asked
    if case.swallowed and release in SWALLOWING:
        # The call that raises on 0.10.5 answers here; all that follows is the same.
        ours, theirs = ({name: part for name, part in each.items() if name not in case.swallowed}
                        for each in (about_the_fix(patched), fixed))  # fmt: skip
        assert ours == theirs
        assert patched["turns"][-1]["usage"] == list(numbers(patched["given"]))[-1]
        assert patched["turns"][-1]["last_response_id"] == f"response {len(patched['given'])}"
        assert about_the_fix(patched)["spans"][-1] == patched["turns"][-1]["usage"]
    else:
        assert about_the_fix(patched) == fixed


@pytest.mark.parametrize("release", RELEASES)
async def test_everything_else_is_as_unpatched(release: str, seen: Seen) -> None:
    _, case = seen._asked
    unpatched = around_the_fix(await seen.on(release, patched=False))
    patched = around_the_fix(await seen.on(release, patched=True))
    assert patched["streamed"] and patched["stored"]
    assert patched["left"] == {"tasks": [], "kept": 0}
    if case.refused:
        assert "previous_response_not_found" in str(patched["turns"][1]["raised"])
        # The turn that was refused is one that went through unpatched, unchained.
        assert patched["turns"][0] == unpatched["turns"][0]
        count = len(patched["streamed"])
        assert patched["streamed"] == unpatched["streamed"][:count]
    else:
        assert patched == unpatched
