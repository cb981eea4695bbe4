"""The model server's answers: events, usage, and ways to misbehave."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from tests import wire
from tests.wire import Event

Json = dict[str, Any]


@dataclass
class Answer:
    """One answer of the model server to one request.

    ``status`` other than 200 refuses it. ``ending`` is the event that ends the stream,
    None for none. After ``hold_after`` events it sets ``held`` and waits for ``go_on``, or
    for the client to leave, which sets ``left``; after ``cut_after`` events it breaks the
    connection. ``worker`` is who asked.
    """

    events: list[Event] = field(default_factory=lambda: wire.text("Hello ", "world"))
    output: list[Json] = field(default_factory=lambda: [wire.MESSAGE])
    usage: Json | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    ending: str | None = "completed"
    cut_after: int | None = None
    hold_after: int | None = None
    held: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    worker: str = ""

    def stream(self, response_id: str, usage: Json) -> list[Event]:
        """Return the events of a stream whose response has this id and usage (tokens)."""
        if self.ending is None:
            return self.events
        end = wire.ended(self.ending, id=response_id, output=self.output, usage=usage)
        return [*self.events, end]


def says(*deltas: str) -> Answer:
    """Return an answer of one message."""
    content = [{"type": "output_text", "text": "".join(deltas), "annotations": []}]
    item = {**wire.MESSAGE, "content": content}
    return Answer(wire.text(*deltas, item=item), [item])


def calls(name: str, arguments: str) -> Answer:
    """Return an answer that calls a tool, or hands the conversation over."""
    item = {**wire.FUNCTION_CALL, "name": name, "arguments": arguments, "call_id": f"call_{name}"}
    return Answer(wire.function_call(item), [item])


def thinks_and_says(*deltas: str) -> Answer:
    """Return an answer of a reasoning item and a message."""
    spoken = says(*deltas)
    thought = wire.reasoning("Thinking ", "it over")
    return Answer([*thought, *spoken.events], [wire.REASONING, *spoken.output])


def tokens(given: int, taken: int, cached: int, reasoned: int) -> Json:
    """Return a usage: input, output, cached input and reasoning tokens."""
    return {
        "input_tokens": given,
        "output_tokens": taken,
        "total_tokens": given + taken,
        "input_tokens_details": {"cached_tokens": cached},
        "output_tokens_details": {"reasoning_tokens": reasoned},
    }
