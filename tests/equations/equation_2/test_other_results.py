"""Patched old = old for a result that the call's own streams did not produce."""

from __future__ import annotations

from typing import Any

import pytest

from ...calls import AFFECTED, make_model
from ...clients import ask
from .numbered import (
    FALLBACK,
    UNPATCHED,
    Original,
    Streams,
    fallback_result,
    id_of,
    numbered,
    outcome,
    outcome_of,
    patch_on_top_of,
)  # fmt: skip

pytestmark = pytest.mark.body


async def test_fallback_after_a_refusal_keeps_its_tokens() -> None:
    async def answer(original: Original, model: Any, kwargs: dict[str, Any]) -> Any:
        await original(model, **kwargs)
        return fallback

    patch_on_top_of(answer)
    fallback = fallback_result()
    result = await ask(make_model(Streams([numbered(10)])))
    assert result is fallback
    assert outcome(result) == FALLBACK


@pytest.mark.parametrize("output", [[], None], ids=["nothing", "an empty message"])
async def test_fallback_without_items_keeps_its_tokens(output: Any) -> None:
    async def answer(original: Original, model: Any, kwargs: dict[str, Any]) -> Any:
        refused = await original(model, **kwargs)
        return fallback_result(output=refused.output if output is None else output)

    patch_on_top_of(answer)
    result = await ask(make_model(Streams([numbered(10, output=[])])))
    assert outcome(result) == FALLBACK


async def test_fallback_after_a_broken_stream_keeps_its_tokens() -> None:
    async def answer(original: Original, model: Any, kwargs: dict[str, Any]) -> Any:
        model.client.streams[:] = [[numbered(10), ConnectionError("cut")]]
        with pytest.raises(ConnectionError):
            await original(model, **kwargs)
        return fallback_result()

    patch_on_top_of(answer)
    result = await ask(make_model(Streams()))
    assert outcome(result) == FALLBACK


async def test_result_merged_from_two_responses_is_unchanged() -> None:
    async def answer(original: Original, model: Any, kwargs: dict[str, Any]) -> Any:
        first = await original(model, **kwargs)
        second = await original(model, **kwargs)
        merged.extend([*first.output, *second.output])
        return fallback_result(output=merged)

    merged: list[Any] = []
    patch_on_top_of(answer)
    result = await ask(make_model(Streams([numbered(10)], [numbered(20)])))
    assert len(merged) == 2
    assert outcome(result) == FALLBACK


@pytest.mark.parametrize("stream", [[numbered(20)], [numbered(20, output=[])], []],
                         ids=["an item", "no item", "not completed"])  # fmt: skip
async def test_result_of_another_model_is_unchanged(stream: list[Any]) -> None:
    async def answer(original: Original, model: Any, kwargs: dict[str, Any]) -> Any:
        await original(model, **kwargs)
        return await original(other, **kwargs)

    other = make_model(Streams(stream, stream))
    unpatched = outcome(await ask(other))
    patch_on_top_of(answer)
    assert outcome(await ask(make_model(Streams([numbered(10)])))) == unpatched
    assert unpatched[1] == (UNPATCHED[1] if AFFECTED else (id_of(20) if stream else None))


async def test_result_of_another_model_is_unchanged_after_a_response_without_items() -> None:
    async def answer(original: Original, model: Any, kwargs: dict[str, Any]) -> Any:
        await original(model, **kwargs)
        return await original(other, **kwargs)

    other = make_model(Streams([numbered(20)]))
    patch_on_top_of(answer)
    result = await ask(make_model(Streams([numbered(10, output=[])])))
    assert outcome(result) == (UNPATCHED if AFFECTED else outcome_of(20))
