"""Patched old = fixed new: a result gets the tokens of the stream that produced it.

A third-party wrapper beneath the patch may make several requests in one call.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agentex_usage_patch import apply_patch

from ...calls import AFFECTED, make_model
from ...clients import ask, typed
from ...wire import FUNCTION_CALL, MESSAGE, REASONING, reasoning, text
from .numbered import (
    UNPATCHED,
    Original,
    Streams,
    numbered,
    outcome,
    outcome_of,
    patch_on_top_of,
    tokens_of,
)  # fmt: skip

pytestmark = pytest.mark.body


async def test_retry_after_a_broken_stream_has_the_tokens_of_the_retry() -> None:
    async def answer(original: Original, model: Any, kwargs: dict[str, Any]) -> Any:
        with pytest.raises(ConnectionError):
            await original(model, **kwargs)
        return await original(model, **kwargs)

    patch_on_top_of(answer)
    model = make_model(Streams([numbered(10), ConnectionError("cut")], [numbered(20)]))
    assert outcome(await ask(model)) == outcome_of(20)


@pytest.mark.parametrize("chosen", [0, 1, 2])
@pytest.mark.parametrize("how", ["one after the other", "side by side"])
async def test_best_of_three_has_its_own_tokens(chosen: int, how: str) -> None:
    async def answer(original: Original, model: Any, kwargs: dict[str, Any]) -> Any:
        if how == "side by side":
            results = await asyncio.gather(*(original(model, **kwargs) for _ in range(3)))
        else:
            results = [await original(model, **kwargs) for _ in range(3)]
        assert len({id(each) for each in results}) == 3
        return results[chosen]

    patch_on_top_of(answer)
    # The first stream is the longest, so it ends last when all run side by side.
    streams = [[numbered(10)] * 3, [numbered(20)] * 2, [numbered(30)]]
    model = make_model(Streams(*streams))
    result = await ask(model)
    assert outcome(result) == outcome_of(10 * (chosen + 1))
    spans = [span.output_at_exit["usage"] for span in model.tracer.spans]
    assert [[*usage.values()] for usage in spans] == [tokens_of(10), tokens_of(20), tokens_of(30)]


async def test_result_with_some_items_of_a_response_has_its_tokens() -> None:
    async def answer(original: Original, model: Any, kwargs: dict[str, Any]) -> Any:
        result = await original(model, **kwargs)
        result.output = [each for each in result.output if each.type != "reasoning"]
        return result

    patch_on_top_of(answer)
    items = [REASONING, MESSAGE, FUNCTION_CALL]
    result = await ask(make_model(Streams([numbered(10, output=items)])))
    assert [each.type for each in result.output] == ["message", "function_call"]
    assert outcome(result) == outcome_of(10)


async def test_result_without_items_is_corrected_when_there_is_one_stream() -> None:
    apply_patch()
    assert outcome(await ask(make_model(Streams([numbered(10, output=[])])))) == outcome_of(10)


async def test_result_of_an_uncompleted_stream_has_no_tokens_and_no_id() -> None:
    apply_patch()
    events = await typed(*reasoning("Thinking"), *text("Hello"))
    result = await ask(make_model(Streams(events)))
    assert result.output
    assert outcome(result) == ([0] * 5, None)


async def test_result_without_items_is_unchanged_when_two_streams_have_none() -> None:
    async def answer(original: Original, model: Any, kwargs: dict[str, Any]) -> Any:
        first = await original(model, **kwargs)
        await original(model, **kwargs)
        return first

    patch_on_top_of(answer)
    model = make_model(Streams([numbered(10, output=[])], [numbered(20, output=[])]))
    assert outcome(await ask(model)) == (UNPATCHED if AFFECTED else outcome_of(10))


async def test_id_set_by_a_wrapper_is_kept_without_items() -> None:
    async def answer(original: Original, model: Any, kwargs: dict[str, Any]) -> Any:
        result = await original(model, **kwargs)
        result.response_id = "resp_of_the_wrapper"
        return result

    patch_on_top_of(answer)
    usage, response_id = outcome(await ask(make_model(Streams([numbered(10, output=[])]))))
    assert response_id == "resp_of_the_wrapper"
    assert usage == (UNPATCHED[0] if AFFECTED else tokens_of(10))


async def test_result_without_items_gets_the_only_stream_without_items() -> None:
    async def answer(original: Original, model: Any, kwargs: dict[str, Any]) -> Any:
        await original(model, **kwargs)
        return await original(model, **kwargs)

    patch_on_top_of(answer)
    model = make_model(Streams([numbered(10)], [numbered(20, output=[])]))
    assert outcome(await ask(model)) == outcome_of(20)


async def test_requests_of_a_wrapper_count_for_neither_result_nor_span() -> None:
    async def answer(original: Original, model: Any, kwargs: dict[str, Any]) -> Any:
        before = await model.client.responses.create(model="m", input="", stream=True)
        result = await original(model, **kwargs)
        after = await model.client.responses.create(model="m", input="", stream=True)
        assert [len([each async for each in stream]) for stream in (before, after)] == [1, 1]
        return result

    patch_on_top_of(answer)
    model = make_model(Streams([numbered(20)], [numbered(10)], [numbered(30)]))
    # A stream is assigned when it is first read; the one of `get_response` is read first.
    assert outcome(await ask(model)) == outcome_of(20)
    (span,) = model.tracer.spans
    assert [*span.output_at_exit["usage"].values()] == tokens_of(20)
