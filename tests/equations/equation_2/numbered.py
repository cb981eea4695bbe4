"""Numbered responses, and a third-party wrapper that chooses what a call returns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from agentex_usage_patch import apply_patch

from ... import calls
from ...calls import tokens
from ...clients import Recording, event

Original = Callable[..., Awaitable[Any]]


def numbered(number: int, **fields: Any) -> Any:
    """Return a completed event with the tokens and the id of this number."""
    usage = {
        "input_tokens": number,
        "output_tokens": number + 1,
        "total_tokens": 2 * number + 1,
        "input_tokens_details": {"cached_tokens": number - 1},
        "output_tokens_details": {"reasoning_tokens": number - 2},
    }
    return event(**{"id": id_of(number), "usage": usage, **fields})


def id_of(number: int) -> str:
    return f"resp_of_request_{number}"


def tokens_of(number: int) -> list[int]:
    """Return the tokens of this response, in the order of `calls.tokens`."""
    return [number, number + 1, 2 * number + 1, number - 1, number - 2]


#: The outcome of a result of the SDK that the patch does not correct.
UNPATCHED = ([0] * 5, "invented resp")


def outcome(result: Any) -> tuple[list[int], str | None]:
    """Return the tokens and the id of a result; an invented id is masked."""
    return tokens(result.usage), calls.mask_invented_ids(result.response_id)


def outcome_of(number: int) -> tuple[list[int], str]:
    """Return the outcome of a result that `get_response` builds from this response."""
    return tokens_of(number), id_of(number)


class Streams(Recording):
    """A client that answers each request with the next stream."""

    def __init__(self, *streams: Any) -> None:
        super().__init__()
        self.streams = list(streams)

    async def _stream(self) -> Any:
        for each in self.streams.pop(0):
            if isinstance(each, Exception):
                raise each
            await asyncio.sleep(0)
            yield each


def patch_on_top_of(answer: Callable[[Original, Any, dict[str, Any]], Awaitable[Any]]) -> None:
    """Wrap get_response with this answer, then apply the patch.

    Calls of the probe skip the answer and reach the original.
    """
    original = calls.sdk.TemporalStreamingModel.get_response

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.model_name != "gpt-4o":
            return await original(self, *args, **kwargs)
        return await answer(original, self, kwargs)

    calls.sdk.TemporalStreamingModel.get_response = get_response
    assert apply_patch().complete


def fallback_result(**changed: Any) -> Any:
    """Return the result of another model, with real tokens and a real id."""
    return calls.sdk.ModelResponse(
        **{
            "output": list(numbered(500).response.output),
            "usage": calls.sdk.Usage(
                requests=1,
                input_tokens=500,
                output_tokens=50,
                total_tokens=550,
                input_tokens_details=calls.sdk.InputTokensDetails(cached_tokens=400),
                output_tokens_details=calls.sdk.OutputTokensDetails(reasoning_tokens=5),
            ),
            "response_id": "resp_of_the_fallback",
            **changed,
        }
    )


FALLBACK = ([500, 50, 550, 400, 5], "resp_of_the_fallback")
