"""The options of Runner.run for stateful responses, which differ between releases."""

from __future__ import annotations

import pytest

from .conversations.cases import OPTIONS
from .conversations.conversation import about_the_fix, around_the_fix
from .conversations.outcomes import Outcomes
from .platform.stack import FIXED, Setting

pytestmark = pytest.mark.asyncio(loop_scope="session")

#: What happens to an option before it can reach the model.
NOT_OFFERED = {
    ("0.5.3", "conversation_id"): "TypeError of openai-agents 0.2.7, which has none",
    ("0.5.3", "auto_previous_response_id"): "TypeError of openai-agents 0.2.7, which has none",
    ("0.9.4", "conversation_id"): "the runner of temporalio 1.23 does not hand it on",
    ("0.9.4", "auto_previous_response_id"): "TypeError of openai-agents 0.4.2, which has none",
}


@pytest.mark.parametrize("case", OPTIONS)
@pytest.mark.parametrize("release", ["0.10.4"])
async def test_options_of_the_runner_reach_the_wire_as_on_0_10_5(
    release: str, case: str, outcomes: Outcomes
) -> None:
    fixed = await outcomes.of(case, FIXED)
    unpatched = await outcomes.of(case, Setting(release, patched=False))
    patched = await outcomes.of(case, Setting(release, patched=True))
    assert about_the_fix(patched) == about_the_fix(fixed)
    sent = [{"conversation": "conv_e2e"}]
    if case == "auto_previous_response_id":
        sent = [{}, {"previous_response_id": "response 1"}]
    assert about_the_fix(patched)["bodies"] == sent
    assert not any(about_the_fix(unpatched)["bodies"])


@pytest.mark.parametrize(("release", "case"), NOT_OFFERED)
async def test_options_that_the_runner_drops_are_not_sent(
    release: str, case: str, outcomes: Outcomes
) -> None:
    why = NOT_OFFERED[release, case]
    unpatched = await outcomes.of(case, Setting(release, patched=False))
    patched = await outcomes.of(case, Setting(release, patched=True))
    assert around_the_fix(patched) == around_the_fix(unpatched)
    if "TypeError" in why:
        assert "TypeError" in str(patched["turns"][0]["raised"])
        assert patched["bodies"] == []
    else:
        assert about_the_fix(patched)["bodies"] == [{}], why
