"""A result keeps its own numbers: beneath the patch another wrapper may answer from elsewhere.

Patched old = fixed new for a result that the SDK's body made of a response, whichever of the
call's streams that is; patched old = old for every other result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agentex_usage_patch import apply_patch

from .. import calls
from ..calls import AFFECTED, make_model, tokens
from ..clients import Recording, ask, event, typed
from ..wire import FUNCTION_CALL, MESSAGE, REASONING, reasoning, text

pytestmark = pytest.mark.body

Original = Callable[..., Awaitable[Any]]


def given(number: int, **fields: Any) -> Any:
    """Return a completed event with numbers and an id of its own."""
    usage = {
        "input_tokens": number,
        "output_tokens": number + 1,
        "total_tokens": 2 * number + 1,
        "input_tokens_details": {"cached_tokens": number - 1},
        "output_tokens_details": {"reasoning_tokens": number - 2},
    }
    return event(**{"id": identifier(number), "usage": usage, **fields})


def identifier(number: int) -> str:
    return f"resp_of_request_{number}"


def numbers(number: int) -> list[int]:
    """Return what `tokens` are of such a response."""
    return [number, number + 1, 2 * number + 1, number - 1, number - 2]


#: What is seen of a result of the SDK's that the patch does not correct.
UNPATCHED = ([0] * 5, "invented resp")


def of(result: Any) -> tuple[list[int], str | None]:
    """Return a result's tokens and id; an invented id is shown as such."""
    return tokens(result.usage), calls._without_invented(result.response_id)


def made_of(number: int) -> tuple[list[int], str]:
    """Return what is seen of a result that the SDK's body made of this response."""
    return numbers(number), identifier(number)


class Answers(Recording):
    """A client whose requests get one stream after the other."""

    def __init__(self, *streams: Any) -> None:
        super().__init__()
        self.streams = list(streams)

    async def _stream(self) -> Any:
        for each in self.streams.pop(0):
            if isinstance(each, Exception):
                raise each
            await asyncio.sleep(0)
            yield each


def beneath(answer: Callable[[Original, Any, dict[str, Any]], Awaitable[Any]]) -> None:
    """Wrap get_response as people do, then apply the patch; the probe is passed on."""
    original = calls.sdk.TemporalStreamingModel.get_response

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.model_name != "gpt-4o":
            return await original(self, *args, **kwargs)
        return await answer(original, self, kwargs)

    calls.sdk.TemporalStreamingModel.get_response = get_response
    assert apply_patch().complete


def of_another_model(**changed: Any) -> Any:
    """Return what another model's own get_response answers: real numbers, a real id."""
    return calls.sdk.ModelResponse(
        **{
            "output": list(given(500).response.output),
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


async def test_a_fallback_after_a_refusal_keeps_its_own() -> None:
    async def answer(original: Original, model: Any, kwargs: dict[str, Any]) -> Any:
        await original(model, **kwargs)
        return fallback

    beneath(answer)
    fallback = of_another_model()
    result = await ask(make_model(Answers([given(10)])))
    assert result is fallback
    assert of(result) == FALLBACK


@pytest.mark.parametrize("output", [[], None], ids=["nothing", "an empty message"])
async def test_a_fallback_without_items_keeps_its_own_too(output: Any) -> None:
    async def answer(original: Original, model: Any, kwargs: dict[str, Any]) -> Any:
        refused = await original(model, **kwargs)
        return of_another_model(output=refused.output if output is None else output)

    beneath(answer)
    result = await ask(make_model(Answers([given(10, output=[])])))
    assert of(result) == FALLBACK


async def test_a_fallback_after_a_broken_stream_keeps_its_own() -> None:
    async def answer(original: Original, model: Any, kwargs: dict[str, Any]) -> Any:
        model.client.streams[:] = [[given(10), ConnectionError("cut")]]
        with pytest.raises(ConnectionError):
            await original(model, **kwargs)
        return of_another_model()

    beneath(answer)
    result = await ask(make_model(Answers()))
    assert of(result) == FALLBACK


async def test_a_retry_after_a_broken_stream_has_the_numbers_of_the_stream_that_answered() -> None:
    async def answer(original: Original, model: Any, kwargs: dict[str, Any]) -> Any:
        with pytest.raises(ConnectionError):
            await original(model, **kwargs)
        return await original(model, **kwargs)

    beneath(answer)
    model = make_model(Answers([given(10), ConnectionError("cut")], [given(20)]))
    assert of(await ask(model)) == made_of(20)


@pytest.mark.parametrize("chosen", [0, 1, 2])
@pytest.mark.parametrize("how", ["one after the other", "side by side"])
async def test_the_best_of_three_has_its_own_numbers(chosen: int, how: str) -> None:
    async def answer(original: Original, model: Any, kwargs: dict[str, Any]) -> Any:
        if how == "side by side":
            results = await asyncio.gather(*(original(model, **kwargs) for _ in range(3)))
        else:
            results = [await original(model, **kwargs) for _ in range(3)]
        assert len({id(each) for each in results}) == 3
        return results[chosen]

    beneath(answer)
    # The first stream is the longest: side by side, it ends last.
    streams = [[given(10)] * 3, [given(20)] * 2, [given(30)]]
    model = make_model(Answers(*streams))
    result = await ask(model)
    assert of(result) == made_of(10 * (chosen + 1))
    spans = [span.output_at_exit["usage"] for span in model.tracer.spans]
    assert [[*usage.values()] for usage in spans] == [numbers(10), numbers(20), numbers(30)]


async def test_what_is_made_of_two_responses_is_returned_as_it_came() -> None:
    async def answer(original: Original, model: Any, kwargs: dict[str, Any]) -> Any:
        first = await original(model, **kwargs)
        second = await original(model, **kwargs)
        merged.extend([*first.output, *second.output])
        return of_another_model(output=merged)

    merged: list[Any] = []
    beneath(answer)
    result = await ask(make_model(Answers([given(10)], [given(20)])))
    assert len(merged) == 2
    assert of(result) == FALLBACK


async def test_a_result_with_some_of_a_responses_items_is_made_of_it() -> None:
    async def answer(original: Original, model: Any, kwargs: dict[str, Any]) -> Any:
        result = await original(model, **kwargs)
        result.output = [each for each in result.output if each.type != "reasoning"]
        return result

    beneath(answer)
    items = [REASONING, MESSAGE, FUNCTION_CALL]
    result = await ask(make_model(Answers([given(10, output=items)])))
    assert [each.type for each in result.output] == ["message", "function_call"]
    assert of(result) == made_of(10)


@pytest.mark.parametrize("theirs", [[given(20)], [given(20, output=[])], []],
                         ids=["an item", "no item", "not completed"])  # fmt: skip
async def test_another_instance_answers_as_it_does_unpatched(theirs: list[Any]) -> None:
    async def answer(original: Original, model: Any, kwargs: dict[str, Any]) -> Any:
        await original(model, **kwargs)
        return await original(other, **kwargs)

    other = make_model(Answers(theirs, theirs))
    unpatched = of(await ask(other))
    beneath(answer)
    assert of(await ask(make_model(Answers([given(10)])))) == unpatched
    assert unpatched[1] == (UNPATCHED[1] if AFFECTED else (identifier(20) if theirs else None))


async def test_another_instance_does_so_after_a_response_without_items() -> None:
    async def answer(original: Original, model: Any, kwargs: dict[str, Any]) -> Any:
        await original(model, **kwargs)
        return await original(other, **kwargs)

    other = make_model(Answers([given(20)]))
    beneath(answer)
    result = await ask(make_model(Answers([given(10, output=[])])))
    assert of(result) == (UNPATCHED if AFFECTED else made_of(20))


async def test_a_response_without_items_is_corrected_where_there_is_one_stream() -> None:
    apply_patch()
    assert of(await ask(make_model(Answers([given(10, output=[])])))) == made_of(10)


async def test_items_of_a_stream_that_was_not_completed_have_no_tokens_and_no_id() -> None:
    apply_patch()
    events = await typed(*reasoning("Thinking"), *text("Hello"))
    result = await ask(make_model(Answers(events)))
    assert result.output
    assert of(result) == ([0] * 5, None)


async def test_of_two_streams_without_items_none_is_taken_for_the_results() -> None:
    async def answer(original: Original, model: Any, kwargs: dict[str, Any]) -> Any:
        first = await original(model, **kwargs)
        await original(model, **kwargs)
        return first

    beneath(answer)
    model = make_model(Answers([given(10, output=[])], [given(20, output=[])]))
    assert of(await ask(model)) == (UNPATCHED if AFFECTED else made_of(10))


async def test_without_items_an_id_of_the_wrappers_own_is_kept() -> None:
    async def answer(original: Original, model: Any, kwargs: dict[str, Any]) -> Any:
        result = await original(model, **kwargs)
        result.response_id = "resp_of_the_wrapper"
        return result

    beneath(answer)
    usage, response_id = of(await ask(make_model(Answers([given(10, output=[])]))))
    assert response_id == "resp_of_the_wrapper"
    assert usage == (UNPATCHED[0] if AFFECTED else numbers(10))


async def test_a_stream_without_items_is_taken_beside_one_with_items() -> None:
    async def answer(original: Original, model: Any, kwargs: dict[str, Any]) -> Any:
        await original(model, **kwargs)
        return await original(model, **kwargs)

    beneath(answer)
    model = make_model(Answers([given(10)], [given(20, output=[])]))
    assert of(await ask(model)) == made_of(20)


async def test_a_request_of_the_wrappers_own_counts_for_neither_result_nor_span() -> None:
    async def answer(original: Original, model: Any, kwargs: dict[str, Any]) -> Any:
        before = await model.client.responses.create(model="m", input="", stream=True)
        result = await original(model, **kwargs)
        after = await model.client.responses.create(model="m", input="", stream=True)
        assert [len([each async for each in stream]) for stream in (before, after)] == [1, 1]
        return result

    beneath(answer)
    model = make_model(Answers([given(20)], [given(10)], [given(30)]))
    # Each stream is taken when it is first read, and the body's is read first.
    assert of(await ask(model)) == made_of(20)
    (span,) = model.tracer.spans
    assert [*span.output_at_exit["usage"].values()] == numbers(20)
