"""Patched old = fixed new: what PR #335 fixed is what agentex-sdk 0.10.5 gives.

On a release that has the fix these run without the patch, which is how the goldens are
checked against the installed 0.10.5.
"""

from __future__ import annotations

import logging
from typing import Any

import pytest
from openai import NOT_GIVEN, AsyncAzureOpenAI
from openai.types.responses import ResponseCompletedEvent

from . import calls, cases, goldens
from .calls import AFFECTED, arguments, make_model, observe, tokens
from .wire import USAGE, Wire, completed, response, text

GOLDENS = goldens.read()
RAISING = sorted(name for name, golden in GOLDENS.items() if "raised" in golden)
pytestmark = pytest.mark.usefixtures("patched")
affected_only = pytest.mark.skipif(not AFFECTED, reason="upstream's own behaviour, not ours")


def test_every_case_has_a_golden() -> None:
    assert set(GOLDENS) == set(cases.CASES)
    assert len(RAISING) == 7


@pytest.mark.parametrize("name", sorted(set(GOLDENS) - set(RAISING)))
async def test_a_call_answers_and_asks_as_0_10_5_does(name: str) -> None:
    stream, call = cases.CASES[name]
    seen = await observe(Wire(stream), call.settings, call.keywords)
    assert goldens.about_the_fix(seen) == GOLDENS[name]


#: The numbers that can be read where 0.10.5 raises: input, output, total, cached, reasoning.
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
async def test_where_0_10_5_raises_the_patched_call_answers_with_what_can_be_read(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    stream, call = cases.CASES[name]
    seen = await observe(Wire(stream), call.settings, call.keywords)
    if not AFFECTED:
        assert goldens.about_the_fix(seen) == GOLDENS[name]
        return
    assert seen["usage"] == READABLE[name]
    assert list(seen["span"][1]["usage"].values()) == READABLE[name]
    assert seen["response_id"] == response()["id"]
    (warning,) = ours(caplog)
    assert warning.levelno == logging.WARNING
    assert "could not be read" in warning.getMessage()


class Recording:
    """A client of any kind: keeps what create was called with, streams real events."""

    def __init__(self, *events: Any) -> None:
        self.responses = self
        self.events = events
        self.requests: list[dict[str, Any]] = []

    async def create(self, **request: Any) -> Any:
        self.requests.append(request)
        return self._stream()

    async def _stream(self) -> Any:
        for event in self.events:
            yield event


def event(**fields: Any) -> Any:
    return ResponseCompletedEvent.construct(**completed(**fields))


async def ask(model: Any, **keywords: Any) -> Any:
    with calls.messages():
        return await model.get_response(**arguments(**keywords))


async def test_unset_fields_reach_create_as_not_given() -> None:
    client = Recording(event())
    await ask(make_model(client))
    (request,) = client.requests
    for name in goldens.FIELDS:
        assert request[name] is NOT_GIVEN


async def test_set_fields_reach_create_under_its_own_names() -> None:
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


class Declaring(Recording):
    """A client whose create declares what 0.5.1 sends, and nothing of the forwarded names."""

    async def create(  # type: ignore[override]
        self, *, model: str, input: Any, stream: bool, instructions: Any, tools: Any,
        temperature: Any, max_output_tokens: Any, top_p: Any, reasoning: Any, tool_choice: Any,
        parallel_tool_calls: Any, truncation: Any, text: Any, include: Any, metadata: Any,
        store: Any, extra_headers: Any, extra_query: Any, extra_body: Any,
    ) -> Any:  # fmt: skip
        return await super().create(extra_body=extra_body)


@affected_only
async def test_a_create_that_declares_none_of_the_names_gets_set_ones_in_extra_body() -> None:
    client = Declaring(event())
    extra_body = {"mine": 1}
    settings = calls.sdk.ModelSettings(
        extra_args={"prompt_cache_key": "key"}, extra_body=extra_body
    )
    result = await ask(
        make_model(client),
        model_settings=settings,
        previous_response_id="resp_abcdef123456",
        conversation_id="conv_1",
        prompt={"id": "pmpt_1"},
    )
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
    assert tokens(result.usage) == [1234, 56, 1290, 987, 42]


@affected_only
async def test_a_create_that_declares_none_of_the_names_is_not_handed_unset_ones() -> None:
    client = Declaring(event())
    await ask(make_model(client))
    assert client.requests == [{"extra_body": None}]


async def test_an_azure_client_is_patched_like_any_other() -> None:
    wire = Wire([*text("Hello"), completed()])
    client = wire.client(AsyncAzureOpenAI, azure_endpoint="http://azure.test", api_version="v1")
    result = await ask(make_model(client), previous_response_id="resp_abcdef123456")
    assert tokens(result.usage) == [1234, 56, 1290, 987, 42]
    assert wire.bodies[0]["previous_response_id"] == "resp_abcdef123456"


async def test_a_positional_call_is_patched() -> None:
    model = make_model(Wire([completed()]).client())
    given = arguments()
    positional = [given.pop(name) for name in list(given)[:7]]
    with calls.messages():
        result = await model.get_response(*positional, **given)
    assert tokens(result.usage) == [1234, 56, 1290, 987, 42]


async def test_an_unbound_call_is_patched() -> None:
    wire = Wire([completed()])
    model = make_model(wire.client())
    with calls.messages():
        result = await calls.sdk.TemporalStreamingModel.get_response(
            model, **arguments(conversation_id="conv_1")
        )
    assert tokens(result.usage) == [1234, 56, 1290, 987, 42]
    assert wire.bodies[0]["conversation"] == "conv_1"


async def test_a_call_of_what_stands_in_the_class_is_patched() -> None:
    model = make_model(Wire([completed()]).client())
    get_response = vars(calls.sdk.TemporalStreamingModel)["get_response"]
    with calls.messages():
        result = await get_response(model, **arguments())
    assert tokens(result.usage) == [1234, 56, 1290, 987, 42]


async def test_a_subclass_that_calls_super_is_patched() -> None:
    class Louder(calls.sdk.TemporalStreamingModel):  # type: ignore[name-defined,misc]
        async def get_response(self, *args: Any, **kwargs: Any) -> Any:
            kwargs["input"] = kwargs["input"].upper()
            return await super().get_response(*args, **kwargs)

    wire = Wire([completed()])
    result = await ask(make_model(wire.client(), Louder), conversation_id="conv_1")
    assert tokens(result.usage) == [1234, 56, 1290, 987, 42]
    assert wire.bodies[0]["conversation"] == "conv_1"
    assert "HI" in str(wire.bodies[0]["input"])


def ours(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return what this package logged since the patch was applied, summary aside."""
    return [
        record
        for record in caplog.records
        if record.name == "agentex_usage_patch" and "agentex-sdk" not in record.getMessage()[:11]
    ]
