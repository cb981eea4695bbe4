"""Recognise activities that Temporal repeated because the machine was slow, and try again.

On a busy machine a worker can miss a time limit: Temporal's for a heartbeat, or the openai
client's for a connection. Temporal then runs the activity again, which calls the model again.
The workflow's history shows this, and the conversation is held once more. An activity that
failed in any other way is never excused.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from temporalio.api.failure.v1 import Failure

from ..platform.answers import Json
from ..platform.stack import Stack, Worker
from .conversation import Conversation

#: Errors of the worker's clients when a server does not answer in time.
TIMEOUTS = ("APITimeoutError", "ConnectTimeout", "ReadTimeout", "TimeoutError")

#: Attempts for one conversation. It fails if each of them is slow.
ATTEMPTS = 4

#: The conversations that were repeated, and why; printed at the end of the run.
held_again: list[str] = []


class SlowError(AssertionError):
    """Temporal repeated an activity in each attempt."""


async def undisturbed(
    stack: Stack,
    workers: list[Worker],
    name: str,
    hold: Callable[..., Awaitable[Json]],
    retries: int = 0,
    kind: type[Conversation] = Conversation,
) -> Json:
    """Hold a conversation until no time limit is missed, and return what it shows.

    ``retries`` is the number of attempts that the conversation itself causes. Only a time-out
    beyond these, shown by the history, leads to a new attempt. ``hold`` takes a
    conversation of this ``kind``.
    """
    for number in range(1, ATTEMPTS + 1):
        talk = kind(stack, workers, name, number)
        try:
            async with talk:
                seen = await hold(talk)
                await talk.record(seen)
        except Exception:
            if not (slow := await timed_out(talk, retries)):
                raise
        else:
            if not (slow := await timed_out(talk, retries)):
                return seen
        held_again.append(f"{talk.task}: {slow}")
    raise SlowError("\n".join(held_again[-ATTEMPTS:]))


async def timed_out(talk: Conversation, retries: int) -> str:
    """Return the time-out that repeated an activity beyond ``retries``, or ''."""
    attempts = await talk.repeated()
    if len(attempts) <= retries:
        return ""
    known = (each for each in attempts if each is not None)
    return next(filter(None, map(_limit, known)), "")


def _limit(failure: Failure) -> str:
    """Return the time limit that was missed, or '' for any other failure."""
    if not failure.ListFields():  # the test server records none for a missed heartbeat
        return "a worker that did not answer in time"
    if failure.HasField("timeout_failure_info"):
        return f"a time-out of Temporal: {failure.message}"
    kind = failure.application_failure_info.type
    return f"{kind}: {failure.message}" if kind in TIMEOUTS else ""
