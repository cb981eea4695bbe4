"""The conversations that each worker has: what is asked, and how the servers behave."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from ..platform.answers import Answer, Json, calls, says, thinks_and_says
from ..platform.parts import HANGS
from .conversation import Conversation

PROMPT = {"id": "pmpt_e2e", "version": "2"}


class Case(NamedTuple):
    """A conversation, and where a release goes another way than 0.10.5, patched or not.

    ``errors``: so many of its turns raise. ``refused``: what the fix forwards is refused,
    so that unpatched it goes another way. ``swallowed``: in what `SWALLOWING` differs, as
    something is raised while a message is open. ``retries``: so many attempts of activities
    follow a failed one. ``alone``: it disturbs its workers, so no other case runs on them.
    """

    hold: Callable[[Conversation], Awaitable[Json]]
    errors: int = 0
    refused: bool = False
    swallowed: tuple[str, ...] = ()
    retries: int = 0
    alone: bool = False


#: Here the ``async with`` of a streamed message returns the message when it is left, which
#: is true: whatever was raised in it is swallowed, and the call answers with what had come.
SWALLOWING = ("0.5.3",)


async def two_turns(talk: Conversation, *answers: Answer, spans: int | None = None) -> Json:
    """Two turns, the second one on the first one's response; so many spans end."""
    talk.will(*answers)
    await talk.turn()
    await talk.turn(chain=True)
    return await talk.seen(spans=spans)


async def stopped(talk: Conversation) -> tuple[Answer, asyncio.Task[Json]]:
    """Begin a turn; return when its stream has stopped, and the user has what came of it."""
    answer = Answer(hold_after=3)
    talk.will(answer)
    turn = asyncio.create_task(talk.turn())
    await answer.held.wait()
    await talk.until_streamed(2)
    return answer, turn


async def prompt(talk: Conversation) -> Json:
    """The prompt of an agent."""
    await talk.turn(prompt=PROMPT)
    return await talk.seen()


async def past_the_runner(talk: Conversation) -> Json:
    """conversation_id and prompt, given to the model by an activity of the user's own."""
    await talk.past_the_runner(conversation_id="conv_e2e", prompt=PROMPT)
    return await talk.seen()


async def conversation_id(talk: Conversation) -> Json:
    """conversation_id of Runner.run."""
    await talk.turn(conversation_id="conv_e2e")
    return await talk.seen()


async def auto_previous_response_id(talk: Conversation) -> Json:
    """auto_previous_response_id of Runner.run, over the model calls of one run."""
    talk.will(calls("get_weather", '{"city":"Paris"}'))
    await talk.turn("tools", auto_previous_response_id=True)
    return await talk.seen()


async def run_config(talk: Conversation) -> Json:
    """A RunConfig that names another model."""
    await talk.turn(config={"model": "another"})
    return await talk.seen()


async def tools(talk: Conversation) -> Json:
    """Tool calls over several model calls of one run, then a turn chained to the last."""
    talk.will(calls("get_weather", '{"city":"Paris"}'), calls("add", '{"a":19,"b":23}'))
    await talk.turn("tools")
    await talk.turn("tools", chain=True)
    return await talk.seen()


async def handoff(talk: Conversation) -> Json:
    """A handoff between two agents."""
    talk.will(calls("transfer_to_second", "{}"))
    await talk.turn("handoff")
    return await talk.seen()


async def structured(talk: Conversation) -> Json:
    """An agent with structured output."""
    # openai-agents wraps a type that is no object of its own.
    talk.will(says('{"response":{"city":"Paris",', '"degrees":21}}'))
    await talk.turn("structured")
    return await talk.seen()


async def reasoning(talk: Conversation) -> Json:
    """Reasoning items."""
    return await two_turns(talk, thinks_and_says("It ", "is ", "42."))


async def unknown_id(talk: Conversation) -> Json:
    """The server does not know the id any more."""
    await talk.turn()
    talk.served.known.clear()
    await talk.turn(chain=True)
    return await talk.seen(spans=2)


async def rate_limited(talk: Conversation) -> Json:
    """429, and then an answer."""
    refusal = Answer(status=429, headers={"retry-after-ms": "50"})
    return await two_turns(talk, refusal, spans=3)


async def server_error(talk: Conversation) -> Json:
    """500, and then an answer."""
    talk.will(Answer(status=500))
    await talk.turn()
    return await talk.seen(spans=2)


async def cut(talk: Conversation) -> Json:
    """A stream that breaks in the middle, and is made again."""
    return await two_turns(talk, Answer(cut_after=3))


async def not_completed(talk: Conversation) -> Json:
    """A stream that ends without a completed event."""
    return await two_turns(talk, Answer(ending=None))


async def incomplete(talk: Conversation) -> Json:
    """response.incomplete in place of response.completed."""
    return await two_turns(talk, Answer(ending="incomplete"))


async def failed(talk: Conversation) -> Json:
    """response.failed in place of response.completed."""
    return await two_turns(talk, Answer(ending="failed"))


async def redis_away(talk: Conversation) -> Json:
    """Redis goes away in the middle of a stream, and is back for the next turn."""
    answer, turn = await stopped(talk)
    during = await talk.left()
    assert during["tasks"]
    assert (during["kept"] > 0) is during["patched"]
    worker = talk.who_asked(answer)
    await worker.redis.stop()
    try:
        answer.go_on.set()
        await turn
    finally:
        await worker.redis.start()
    await talk.turn(chain=True)
    return await talk.seen() | {"left": await talk.left()}


async def api_away(talk: Conversation) -> Json:
    """The Agentex API answers 500 to the first requests."""
    # The SDK's client asks three times: the third failure is the SDK's to deal with.
    talk.served.api_fails["messages"] = 3
    return await two_turns(talk)


async def cancelled(talk: Conversation) -> Json:
    """The activity is cancelled in the middle of a stream; the next turn is a new one."""
    answer, turn = await stopped(talk)
    await talk.handle.signal("cancel_turn")
    await turn
    async with asyncio.timeout(HANGS):  # the worker learns of it with a heartbeat
        await answer.left.wait()
    await talk.turn()
    return await talk.seen()


async def killed(talk: Conversation) -> Json:
    """The worker is killed in the middle of a stream, and another takes the activity over."""
    answer, turn = await stopped(talk)
    worker = talk.who_asked(answer)
    await worker.process.stop(signal.SIGKILL)
    try:
        await turn
        await talk.turn(chain=True)
    finally:
        await worker.start()
    return await talk.seen(spans=2) | {"left": await talk.left()}


async def silent(talk: Conversation) -> Json:
    """A worker is cut off from Temporal; another takes over, and the first one comes back."""
    answer, turn = await stopped(talk)
    worker = talk.who_asked(answer)
    await worker.temporal.stop()
    try:
        await turn
    finally:
        await worker.temporal.start()
    async with asyncio.timeout(HANGS):  # its next heartbeat tells it that it lost the activity
        await answer.left.wait()
    await talk.turn(chain=True)
    return await talk.seen() | {"left": await talk.left()}


CHAINED = "two turns chained by previous_response_id"
CASES = {
    CHAINED: Case(two_turns),
    "prompt": Case(prompt),
    "conversation_id and prompt past the runner": Case(past_the_runner),
    "RunConfig": Case(run_config),
    "tool calls over several model turns": Case(tools),
    "a handoff": Case(handoff),
    "structured output": Case(structured),
    "reasoning items": Case(reasoning),
    "400 for an unknown id": Case(unknown_id, errors=1, refused=True),
    "429 and then 200": Case(rate_limited, retries=1),
    "500 and then 200": Case(server_error, retries=1),
    "a stream cut in the middle": Case(
        cut, retries=1, swallowed=("turns", "history", "bodies", "spans")
    ),
    "no completed event": Case(not_completed),
    "response.incomplete": Case(incomplete),
    "response.failed": Case(failed),
    "the Agentex API answers 500": Case(api_away, retries=1),
    "the activity is cancelled": Case(cancelled, errors=1, swallowed=("history", "spans")),
    "Redis goes away and comes back": Case(redis_away, alone=True),
    "a heartbeat times out": Case(silent, retries=1, alone=True, swallowed=("history", "spans")),
    "the worker is killed": Case(killed, retries=1, alone=True),
}

#: What Runner.run offers for stateful responses, which is not the same on each release.
OPTIONS = {each.__name__: Case(each) for each in (conversation_id, auto_previous_response_id)}
