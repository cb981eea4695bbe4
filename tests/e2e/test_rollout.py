"""A rollout and a rollback in the middle of a conversation, and an upgrade."""

from __future__ import annotations

import pytest

from .conversations.conversation import Conversation, numbers
from .platform.stack import FIXED, RELEASES, Setting, Stack

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def hold(stack: Stack, name: str, *settings: tuple[Setting, int]) -> tuple[Conversation, str]:
    """Hold one conversation on workers that replace each other after some turns.

    Return the conversation, and the log of the second worker.
    """
    queue = f"rollout-{name}"
    workers = [
        await stack.worker(setting, f"{queue}-{number}", queue)
        for number, (setting, _) in enumerate(settings[:1])
    ]
    async with Conversation(stack, workers, queue) as talk:
        for number, (setting, turns) in enumerate(settings):
            if number:
                await workers[-1].stop()
                workers.append(await stack.worker(setting, f"{queue}-{number}", queue))
            for _ in range(turns):
                await talk.turn(chain=True)
    for worker in workers:
        await worker.stop()
    return talk, workers[1].process.tail(1000)


@pytest.mark.parametrize("release", RELEASES)
async def test_no_turn_is_refused_during_a_rollout_and_a_rollback(
    release: str, stack: Stack
) -> None:
    unpatched, patched = Setting(release, patched=False), Setting(release, patched=True)
    talk, log = await hold(stack, release, (unpatched, 1), (patched, 2), (unpatched, 2))
    served = talk.served
    assert served.refused == []
    assert len(served.requests) == len(talk.turns) == 5
    # Turn two has the invented id of turn one in its history: unchained, with a warning.
    assert log.count("that agentex-sdk invented before it was patched is not sent") == 1
    assert [body.get("previous_response_id") for body in served.requests] == [
        None, None, served.issued[1], None, None,
    ]  # fmt: skip
    told = list(numbers(served.given))
    assert [turn["usage"] for turn in talk.turns[1:3]] == told[1:3]
    assert [turn["last_response_id"] for turn in talk.turns[1:3]] == served.issued[1:3]
    for turn in (0, 3, 4):
        assert talk.turns[turn]["usage"] == dict.fromkeys(told[0], 0)
        assert len(talk.turns[turn]["last_response_id"]) == len("resp_") + 8


async def test_an_upgrade_without_the_patch_refuses_one_turn(
    stack: Stack,
) -> None:
    unpatched = Setting("0.10.4", patched=False)
    talk, _ = await hold(stack, "upgrade", (unpatched, 1), (FIXED, 1))
    assert talk.served.refused == [400]
    assert "previous_response_not_found" in str(talk.turns[1]["raised"])
