"""Patched old = old: a request holds what the caller passes, and no argument is modified."""

from __future__ import annotations

import asyncio
import copy
import inspect
import logging
from typing import Any

import pytest
from openai.resources.responses import AsyncResponses

import agentex_usage_patch

from ... import calls, goldens
from ...calls import AFFECTED, arguments, make_model, observe, tokens
from ...clients import TOKENS, Declaring, Recording, ask, event, package_log
from ...wire import Wire, completed

pytestmark = pytest.mark.body

#: A value for each forwarded field: as a keyword argument, and in ``extra_args``.
KEYWORDS: dict[str, Any] = {
    "previous_response_id": "resp_abcdef123456",
    "conversation_id": "conv_keyword",
    "prompt": {"id": "pmpt_keyword"},
}
WORKAROUND: dict[str, Any] = {
    "previous_response_id": "resp_fedcba654321",
    "conversation": "conv_workaround",
    "prompt": {"id": "pmpt_workaround"},
}
PAIRS = dict(zip(KEYWORDS, WORKAROUND, strict=True))


def declared(name: str) -> bool:
    """Return whether ``create`` of the openai SDK has this parameter; 1.99.9 lacks some."""
    return name in inspect.signature(AsyncResponses.create).parameters


async def test_keyword_prompt_cache_key_has_no_effect() -> None:
    agentex_usage_patch.apply_patch()
    wire = Wire([completed()])
    asked = ask(make_model(wire.client()), prompt_cache_key="key")
    if not AFFECTED:  # the affected bodies ignore keywords that they do not know
        with pytest.raises(TypeError, match="unexpected keyword argument"):
            await asked
        return
    await asked
    assert "prompt_cache_key" not in wire.bodies[0]


@pytest.mark.parametrize("name", WORKAROUND)
async def test_workaround_in_extra_args_is_still_sent(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings = {"extra_args": {name: WORKAROUND[name]}}
    before = await observe(Wire([completed()]), settings, {})
    assert agentex_usage_patch.apply_patch().complete
    after = await observe(Wire([completed()]), settings, {})
    if not AFFECTED:  # upstream passes the keyword twice
        assert after["raised"][0] == "TypeError"
        assert after == before
        return
    (body,) = after["bodies"]
    assert {field: body[field] for field in goldens.FIELDS if field in body} == {
        name: WORKAROUND[name]
    }
    assert after["usage"] == TOKENS
    assert package_log(caplog) == []
    if declared(name):
        assert after["bodies"] == before["bodies"]
    else:  # openai 1.99.9: the call failed before, and now sends the field in extra_body
        assert before["raised"][0] == "TypeError"


@pytest.mark.parametrize("keyword", KEYWORDS)
async def test_keyword_overrides_extra_args_and_warns_once(
    keyword: str, caplog: pytest.LogCaptureFixture
) -> None:
    name = PAIRS[keyword]
    assert agentex_usage_patch.apply_patch().complete
    settings = {"extra_args": {name: WORKAROUND[name]}}
    for _ in range(2):
        wire = Wire([completed()])
        seen = await observe(wire, settings, {keyword: KEYWORDS[keyword]})
        if not AFFECTED:
            assert seen["raised"][0] == "TypeError"
            continue
        assert "raised" not in seen
        assert wire.bodies[0][name] == KEYWORDS[keyword]
    warnings = package_log(caplog)
    assert len(warnings) == AFFECTED
    for warning in warnings:
        assert warning.levelno == logging.WARNING
        assert keyword in warning.getMessage() and "extra_args" in warning.getMessage()
        assert str(KEYWORDS[keyword]) not in warning.getMessage()


async def test_keyword_equal_to_extra_args_does_not_warn(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert agentex_usage_patch.apply_patch().complete
    settings = {"extra_args": {"previous_response_id": "resp_abcdef123456"}}
    keywords = {"previous_response_id": "resp_abcdef123456"}
    seen = await observe(Wire([completed()]), settings, keywords)
    if not AFFECTED:
        assert seen["raised"][0] == "TypeError"
        return
    assert seen["bodies"][0]["previous_response_id"] == "resp_abcdef123456"
    assert package_log(caplog) == []


async def test_invented_id_is_not_sent_and_warns_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert agentex_usage_patch.apply_patch().complete
    caplog.set_level(logging.DEBUG, logger="agentex_usage_patch")
    wire = Wire([completed()])
    model = make_model(wire.client())
    for _ in range(3):
        result = await ask(model, previous_response_id="resp_0a1b2c3d")
        assert tokens(result.usage) == TOKENS
    if not AFFECTED:  # fixed releases invent no ids, and send any id
        assert [body["previous_response_id"] for body in wire.bodies] == ["resp_0a1b2c3d"] * 3
        assert package_log(caplog) == []
        return
    assert len(wire.bodies) == 3
    assert not any("previous_response_id" in body for body in wire.bodies)
    warning, *later = package_log(caplog)
    assert warning.levelno == logging.WARNING
    assert "previous_response_id" in warning.getMessage()
    assert "unchained" in warning.getMessage()
    assert [record.levelno for record in later] == [logging.DEBUG] * 2
    assert ["2 times" in later[0].getMessage(), "3 times" in later[1].getMessage()] == [True] * 2


async def test_invented_id_does_not_override_extra_args() -> None:
    assert agentex_usage_patch.apply_patch().complete
    settings = {"extra_args": {"previous_response_id": "resp_fedcba654321"}}
    seen = await observe(Wire([completed()]), settings, {"previous_response_id": "resp_0a1b2c3d"})
    if not AFFECTED:
        assert seen["raised"][0] == "TypeError"
        return
    assert seen["bodies"][0]["previous_response_id"] == "resp_fedcba654321"


@pytest.mark.parametrize(
    "issued",
    [
        "resp_0a1b2c3d4",
        "resp_0a1b2c3",
        "resp_0A1B2C3D",
        "resp_0a1b2c3g",
        "resp_0a1b2c3d\n",
        "xresp_0a1b2c3d",
        "0a1b2c3d",
        "resp_" + "0a1b2c3d" * 6,
    ],
)
async def test_id_that_resembles_an_invented_one_is_sent(
    issued: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert agentex_usage_patch.apply_patch().complete
    wire = Wire([completed()])
    await ask(make_model(wire.client()), previous_response_id=issued)
    assert wire.bodies[0]["previous_response_id"] == issued
    assert package_log(caplog) == []


async def test_arguments_of_the_caller_are_not_modified() -> None:
    assert agentex_usage_patch.apply_patch().complete
    settings = calls.sdk.ModelSettings(
        extra_args={"prompt_cache_key": "key", "safety_identifier": "me"},
        extra_body={"mine": {"deep": [1, {"deeper": 2}]}},
    )
    prompt = {"id": "pmpt_1", "variables": {"a": {"b": 1}}}
    kept = copy.deepcopy((settings, prompt))
    parts = (settings.extra_args, settings.extra_body)
    for client in (Recording(event()), Wire([completed()]).client()):
        await ask(
            make_model(client), model_settings=settings, conversation_id="conv_1", prompt=prompt
        )
        assert (settings, prompt) == kept
        assert settings.extra_args is parts[0] and settings.extra_body is parts[1]


@pytest.mark.parametrize(
    "extra_body", [None, {}, {"mine": {"deep": [1]}}, {"conversation": "conv_body"}]
)
async def test_extra_body_of_the_caller_is_not_modified(extra_body: Any) -> None:
    assert agentex_usage_patch.apply_patch().complete
    client = Declaring(event())
    settings = calls.sdk.ModelSettings(
        extra_args={"prompt_cache_key": "key"}, extra_body=extra_body
    )
    kept = copy.deepcopy(settings)
    asked = ask(make_model(client), model_settings=settings, conversation_id="conv_1")
    if AFFECTED:
        await asked
        sent = client.requests[0]["extra_body"]
        # The caller's value wins, as in the openai client.
        assert sent == {"conversation": "conv_1", "prompt_cache_key": "key", **(extra_body or {})}
        assert sent is not extra_body
    else:
        with pytest.raises(TypeError, match="unexpected keyword argument"):
            await asked
    assert settings == kept
    assert settings.extra_body is extra_body


async def test_concurrent_calls_do_not_mix() -> None:
    assert agentex_usage_patch.apply_patch().complete
    wires = [Wire([completed(id=f"resp_of_{n}")]) for n in range(8)]
    with calls.messages():
        results = await asyncio.gather(
            *(
                make_model(wire.client()).get_response(**arguments(conversation_id=f"conv_{n}"))
                for n, wire in enumerate(wires)
            )
        )
    assert [result.response_id for result in results] == [f"resp_of_{n}" for n in range(8)]
    assert [wire.bodies[0]["conversation"] for wire in wires] == [f"conv_{n}" for n in range(8)]


@pytest.mark.parametrize(
    ("last", "counted", "response_id"),
    [
        ([event(id="resp_last")], TOKENS, "resp_last"),
        ([], [0] * 5, None),
    ],
)
async def test_last_request_counts_when_a_wrapper_beneath_retries(
    last: list[Any], counted: list[int], response_id: str | None
) -> None:
    original = calls.sdk.TemporalStreamingModel.get_response

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = await original(self, *args, **kwargs)
        if self.model_name == "gpt-4o":  # not a call of the probe
            client.events = tuple(last)
            result = await original(self, *args, **kwargs)
        return result

    calls.sdk.TemporalStreamingModel.get_response = get_response
    agentex_usage_patch.apply_patch()
    client = Recording(event(id="resp_first"))
    result = await ask(make_model(client), conversation_id="conv_1")
    assert tokens(result.usage) == counted
    assert result.response_id == response_id
    assert [request["conversation"] for request in client.requests] == ["conv_1"] * 2
