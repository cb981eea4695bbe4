"""Streams that a model may send and calls that a caller may make: inputs of the equations."""

from __future__ import annotations

from typing import Any, NamedTuple

from .wire import (
    FUNCTION_CALL,
    MESSAGE,
    REASONING,
    USAGE,
    Event,
    completed,
    ended,
    function_call,
    reasoning,
    text,
)

OTHER_USAGE = {
    "input_tokens": 1,
    "output_tokens": 2,
    "total_tokens": 3,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens_details": {"reasoning_tokens": 5},
}


def usage(**changed: Any) -> list[Event]:
    """Return a stream whose usage has these fields changed; ``...`` omits a field."""
    parts = {name: part for name, part in {**USAGE, **changed}.items() if part is not ...}
    return [*text("Hello"), completed(usage=parts)]


STREAMS: dict[str, list[Event]] = {
    "text": [*text("Hello ", "world"), completed()],
    "reasoning and text": [
        *reasoning("Thinking ", "it over"),
        *text("Hello world"),
        completed(output=[REASONING, MESSAGE]),
    ],
    "a tool call": [*function_call(), completed(output=[FUNCTION_CALL])],
    "completed with no output": [completed(output=[])],
    "nothing": [],
    "no completed event": text("Hello ", "world"),
    "reasoning and no completed event": reasoning("Thinking"),
    "incomplete": [*text("Hello"), ended("incomplete")],
    "failed": [*text("Hello"), ended("failed", usage=None)],
    "completed whose status is failed": [*text("Hello"), completed(status="failed")],
    "two completed": [completed(id="resp_first", usage=OTHER_USAGE), *text("x"), completed()],
    "completed, then one without a response": [
        completed(),
        {"type": "response.completed", "response": None},
    ],
    "completed, then one without usage": [completed(), completed(usage=None, id="resp_second")],
    "events after completed": [completed(), *text("late")],
    "completed without an id": [completed(id=None)],
    "a long id": [completed(id="resp_" + "x" * 400)],
    "usage null": [*text("Hello"), completed(usage=None)],
    "usage with extra fields": usage(cost=0.5, text_tokens=3),
    "usage in text": usage(input_tokens="12"),
    "usage in whole floats": usage(output_tokens=7.0),
    "usage true": usage(total_tokens=True),
    "usage negative": usage(input_tokens=-5),
    "usage absurd": usage(total_tokens=10**30),
    "usage without cached tokens": usage(input_tokens_details={}),
    "usage without reasoning tokens": usage(output_tokens_details={"other": 1}),
    "usage with null details": usage(input_tokens_details=None, output_tokens_details=None),
    "usage without input details": usage(input_tokens_details=...),
    "usage without details": usage(input_tokens_details=..., output_tokens_details=...),
    "usage with nulls": usage(input_tokens=None, input_tokens_details={"cached_tokens": None}),
    "usage of fractions": usage(output_tokens=1.5),
    "usage of words": usage(total_tokens="many"),
    "usage empty": [*text("Hello"), completed(usage={})],
    "usage that is a number": [*text("Hello"), completed(usage=7)],
}


class Call(NamedTuple):
    """The ``ModelSettings`` and the keyword arguments of a call."""

    settings: dict[str, Any]
    keywords: dict[str, Any]


CALLS: dict[str, Call] = {
    "plain": Call({}, {}),
    "chained": Call({}, {"previous_response_id": "resp_abcdef123456"}),
    "chained to an empty id": Call({}, {"previous_response_id": ""}),
    "conversation": Call({}, {"conversation_id": "conv_1"}),
    "prompt": Call({}, {"prompt": {"id": "pmpt_1", "version": "2", "variables": {"a": "b"}}}),
    "everything": Call(
        {"extra_args": {"prompt_cache_key": "key"}, "extra_body": {"mine": 1}, "temperature": 0.5},
        {
            "previous_response_id": "resp_abcdef123456",
            "conversation_id": "conv_1",
            "prompt": {"id": "pmpt_1"},
        },
    ),
    "prompt cache key": Call({"extra_args": {"prompt_cache_key": "key"}}, {}),
    "other extra args": Call({"extra_args": {"safety_identifier": "me"}, "top_logprobs": 2}, {}),
    "extra body": Call({"extra_body": {"mine": {"deep": 1}}}, {}),
    "conversation in extra body too": Call(
        {"extra_body": {"conversation": "conv_body", "mine": 1}}, {"conversation_id": "conv_1"}
    ),
}


#: Every stream with a plain call, and every call with a plain stream.
CASES: dict[str, tuple[list[Event], Call]] = {
    **{f"stream: {name}": (stream, CALLS["plain"]) for name, stream in STREAMS.items()},
    **{f"call: {name}": (STREAMS["text"], call) for name, call in CALLS.items()},
}
