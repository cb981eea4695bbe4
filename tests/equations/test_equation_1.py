"""Patched old = fixed new: a patched release does what agentex-sdk 0.10.5 does.

On 0.10.5 and later nothing is patched: there these tests check the goldens themselves.
"""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import pytest
import wrapt
from openai import NOT_GIVEN, AsyncAzureOpenAI
from openai.types.responses import ResponseCompletedEvent, ResponseTextDeltaEvent

from .. import calls, cases, goldens
from ..calls import AFFECTED, arguments, make_model, observe, tokens
from ..clients import (
    TOKENS,
    Declaring,
    Recording,
    ask,
    assert_conversation_forwarded,
    event,
    package_log,
)
from ..wire import Wire, completed, response, text

GOLDENS = goldens.read()
RAISING = sorted(name for name, golden in GOLDENS.items() if "raised" in golden)
pytestmark = [pytest.mark.usefixtures("patched"), pytest.mark.body, pytest.mark.companions]


def test_every_case_has_a_golden() -> None:
    assert set(GOLDENS) == set(cases.CASES)
    assert len(RAISING) == 7


@pytest.mark.parametrize("name", sorted(set(GOLDENS) - set(RAISING)))
async def test_request_and_result_match_0_10_5(name: str) -> None:
    stream, call = cases.CASES[name]
    seen = await observe(Wire(stream), call.settings, call.keywords)
    assert goldens.fixed_part(seen) == GOLDENS[name]


#: The tokens that can be read where 0.10.5 raises, in the order of `calls.tokens`.
READABLE = {
    "stream: usage without cached tokens": [1234, 56, 1290, 0, 42],
    "stream: usage without reasoning tokens": [1234, 56, 1290, 987, 0],
    "stream: usage with nulls": [0, 56, 1290, 0, 42],
    "stream: usage of fractions": [1234, 0, 1290, 987, 42],
    "stream: usage of words": [1234, 56, 0, 987, 42],
    "stream: usage empty": [0, 0, 0, 0, 0],
    "stream: usage that is a number": [0, 0, 0, 0, 0],
}


@pytest.mark.parametrize("name", RAISING)
async def test_unreadable_usage_counts_zero_and_warns_where_0_10_5_raises(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    stream, call = cases.CASES[name]
    seen = await observe(Wire(stream), call.settings, call.keywords)
    if not AFFECTED:
        assert goldens.fixed_part(seen) == GOLDENS[name]
        return
    assert seen["usage"] == READABLE[name]
    assert list(seen["span"][1]["usage"].values()) == READABLE[name]
    assert seen["response_id"] == response()["id"]
    (warning,) = package_log(caplog)
    assert warning.levelno == logging.WARNING
    assert "could not be read" in warning.getMessage()


async def test_unset_fields_are_passed_as_not_given() -> None:
    client = Recording(event())
    await ask(make_model(client))
    (request,) = client.requests
    for name in goldens.FIELDS:
        assert request[name] is NOT_GIVEN


async def test_set_fields_are_passed_under_the_names_of_create() -> None:
    client = Recording(event())
    await ask(
        make_model(client),
        previous_response_id="resp_abcdef123456",
        conversation_id="conv_1",
        prompt={"id": "pmpt_1"},
        model_settings=calls.sdk.ModelSettings(extra_args={"prompt_cache_key": "key"}),
    )
    (request,) = client.requests
    assert [request[name] for name in goldens.FIELDS] == [
        "resp_abcdef123456",
        "conv_1",
        {"id": "pmpt_1"},
        "key",
    ]


async def test_create_without_the_forwarded_names_gets_set_fields_in_extra_body() -> None:
    client = Declaring(event())
    extra_body = {"mine": 1}
    settings = calls.sdk.ModelSettings(
        extra_args={"prompt_cache_key": "key"}, extra_body=extra_body
    )
    asked = ask(
        make_model(client),
        model_settings=settings,
        previous_response_id="resp_abcdef123456",
        conversation_id="conv_1",
        prompt={"id": "pmpt_1"},
    )
    if not AFFECTED:  # upstream passes every name, even one that create does not accept
        with pytest.raises(TypeError, match="unexpected keyword argument"):
            await asked
        return
    result = await asked
    assert client.requests == [
        {
            "extra_body": {
                "mine": 1,
                "previous_response_id": "resp_abcdef123456",
                "conversation": "conv_1",
                "prompt": {"id": "pmpt_1"},
                "prompt_cache_key": "key",
            }
        }
    ]
    assert extra_body == {"mine": 1}
    assert settings.extra_args == {"prompt_cache_key": "key"}
    assert tokens(result.usage) == TOKENS


async def test_create_without_the_forwarded_names_gets_no_unset_fields() -> None:
    client = Declaring(event())
    if not AFFECTED:
        with pytest.raises(TypeError, match="unexpected keyword argument"):
            await ask(make_model(client))
        return
    await ask(make_model(client))
    assert client.requests == [{"extra_body": None}]


async def test_mocked_client_with_mocked_events_is_patched() -> None:
    # Upstream's tests mock events this way: isinstance recognizes them, type() does not.
    completed_event = MagicMock(spec=ResponseCompletedEvent)
    completed_event.response = event(id="resp_of_a_mock").response
    client = MagicMock()
    stream = MagicMock()
    stream.__aiter__.return_value = [completed_event]
    client.responses.create = AsyncMock(return_value=stream)
    result = await ask(make_model(client), conversation_id="conv_1")
    assert tokens(result.usage) == TOKENS
    assert result.response_id == "resp_of_a_mock"
    assert_conversation_forwarded(client.responses.create.await_args.kwargs)


async def test_completed_event_without_a_response_is_ignored() -> None:
    last = MagicMock(spec=ResponseCompletedEvent)
    last.response = None
    result = await ask(make_model(Recording(event(id="resp_first"), last)))
    assert tokens(result.usage) == TOKENS
    assert result.response_id == "resp_first"


async def test_proxied_completed_event_is_found_after_another_proxied_event() -> None:
    # Tracers return such proxies: both have the same type(), and only isinstance differs.
    delta = ResponseTextDeltaEvent.construct(type="response.output_text.delta", delta="Hello")
    events = [wrapt.ObjectProxy(each) for each in (delta, event())]
    assert tokens((await ask(make_model(Recording(*events)))).usage) == TOKENS


async def test_azure_client_is_patched() -> None:
    wire = Wire([*text("Hello"), completed()])
    client = wire.client(AsyncAzureOpenAI, azure_endpoint="http://azure.test", api_version="v1")
    result = await ask(make_model(client), previous_response_id="resp_abcdef123456")
    assert tokens(result.usage) == TOKENS
    assert wire.bodies[0]["previous_response_id"] == "resp_abcdef123456"


async def test_call_with_positional_arguments_is_patched() -> None:
    model = make_model(Wire([completed()]).client())
    given = arguments()
    positional = [given.pop(name) for name in list(given)[:7]]
    with calls.messages():
        result = await model.get_response(*positional, **given)
    assert tokens(result.usage) == TOKENS


async def test_call_through_the_class_is_patched() -> None:
    wire = Wire([completed()])
    model = make_model(wire.client())
    with calls.messages():
        result = await calls.sdk.TemporalStreamingModel.get_response(
            model, **arguments(conversation_id="conv_1")
        )
    assert tokens(result.usage) == TOKENS
    assert wire.bodies[0]["conversation"] == "conv_1"


async def test_direct_call_of_the_class_attribute_is_patched() -> None:
    model = make_model(Wire([completed()]).client())
    with calls.messages():
        result = await calls.class_attribute()(model, **arguments())
    assert tokens(result.usage) == TOKENS


async def test_subclass_that_calls_super_is_patched() -> None:
    class Louder(calls.sdk.TemporalStreamingModel):  # type: ignore[misc]  # Any
        async def get_response(self, *args: Any, **kwargs: Any) -> Any:
            kwargs["input"] = kwargs["input"].upper()
            return await super().get_response(*args, **kwargs)

    wire = Wire([completed()])
    result = await ask(make_model(wire.client(), Louder), conversation_id="conv_1")
    assert tokens(result.usage) == TOKENS
    assert wire.bodies[0]["conversation"] == "conv_1"
    assert "HI" in str(wire.bodies[0]["input"])


async def test_unvalidated_tokens_are_converted_as_agents_usage_converts_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    finished = event()
    finished.response.usage = SimpleNamespace(
        input_tokens="12",
        output_tokens=7.0,
        total_tokens=True,
        input_tokens_details=SimpleNamespace(cached_tokens="3"),
        output_tokens_details=SimpleNamespace(reasoning_tokens=-4),
    )
    result = await ask(make_model(Recording(finished)))
    assert tokens(result.usage) == [12, 7, 1, 3, -4]
    assert {type(number) for number in tokens(result.usage)} == {int}
    assert package_log(caplog) == []
