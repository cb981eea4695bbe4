"""``verify --base-url``: which stateful fields a backend knows, by asking it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from typing import Any

from .report import BackendReport, Feature, Returned
from .request import Answer, Backend, Body

#: The words of servers that do not know a field, against those that looked for a value.
_UNKNOWN_FIELD = (
    "extra", "unexpected", "unrecognized", "unrecognised", "unsupported", "not supported",
    "not permitted", "not allowed", "unknown parameter", "unknown field", "not implemented",
)  # fmt: skip
_NOT_FOUND = ("not found", "not_found", "no such", "does not exist", "doesn't exist")

#: Of a server's words, as they are shown.
_LENGTH = 200

#: At most: two turns, and one each with the other fields.
REQUESTS = 5


async def ask(backend: Backend, url: str, model: str) -> BackendReport:
    """Ask a backend and return what it does with each field, and what it gives back.

    A conversation and a prompt are asked for by ids that nobody has issued: who knows the
    field looks for them and finds none, and who does not answers as if nothing was said.
    A word from the first turn is asked for in the second: only a chained one knows it.
    """
    word = f"{secrets.choice(_WORDS)}{secrets.randbelow(9000) + 1000}"
    first = await backend.ask({"model": model, "input": f"Remember the word {word}. Answer: OK."})
    if first.response is None:
        why = f"the first turn: {_why(first)}"
        features = [Feature(name, "cannot tell", why) for name in _NAMES]
        return BackendReport(url, model, 1, tuple(features), ())
    sent, features, second = 1, [], None
    previous = first.response.get("id")
    if isinstance(previous, str) and previous:
        second = await backend.ask({
            "model": model,
            "input": "Which word were you asked to remember? Answer with that word alone.",
            "previous_response_id": previous,
        })  # fmt: skip
        sent += 1
        features.append(_chained(second, previous, word))
    else:
        features.append(Feature(_NAMES[0], "cannot tell", "the first turn had no id"))
    async for feature in _others(backend, model):
        sent += 1
        features.append(feature)
    return BackendReport(url, model, sent, tuple(features), tuple(_returned(first, second)))


_NAMES = ("previous_response_id", "conversation", "prompt", "prompt_cache_key")
_WORDS = ("birch", "copper", "harbour", "lantern", "meadow", "pebble", "saffron", "violin")


def _chained(answer: Answer, previous: str, word: str) -> Feature:
    name = _NAMES[0]
    if answer.response is None:
        return _unanswered(name, answer)
    if word in answer.text.lower():
        return Feature(name, "honoured", "the second turn knew the word of the first")
    if answer.response.get(name) == previous:
        return Feature(name, "cannot tell", "the response names it, but the model did not "
                       "know the word of the first turn")  # fmt: skip
    if not answer.text.strip():
        return Feature(name, "cannot tell", "the model wrote nothing")
    return Feature(name, "ignored", "the second turn did not know the word of the first")


async def _others(backend: Backend, model: str) -> AsyncIterator[Feature]:
    made_up = secrets.token_hex(24)
    asked: Body = {"model": model, "input": "Answer: OK."}
    conversation = f"conv_{made_up}"
    answer = await backend.ask({**asked, "conversation": conversation})
    yield _looked_up("conversation", answer, conversation)
    prompt = f"pmpt_{made_up}"
    answer = await backend.ask({**asked, "prompt": {"id": prompt}})
    yield _looked_up("prompt", answer, prompt)
    answer = await backend.ask({**asked, "prompt_cache_key": made_up})
    yield _cache_key(answer, made_up)


def _looked_up(name: str, answer: Answer, made_up: str) -> Feature:
    said = answer.words.lower()
    if answer.response is not None:
        if made_up in (_id(answer.response.get(name)), answer.response.get(name)):
            return Feature(name, "cannot tell", "the response repeats an id that nobody issued")
        return Feature(name, "ignored", "an id that nobody issued got an answer")
    unknown = any(each in said for each in _UNKNOWN_FIELD)
    looked = any(each in said for each in _NOT_FOUND) and (name in said or made_up in said)
    if answer.refused and looked and not unknown:
        why = f"it looked for an id that nobody issued: {_short(answer.words)}"
        return Feature(name, "honoured", why)
    return _unanswered(name, answer)


def _cache_key(answer: Answer, key: str) -> Feature:
    name = _NAMES[3]
    if answer.response is None:
        return _unanswered(name, answer)
    if answer.response.get(name) == key:
        return Feature(name, "honoured", "the response names it")
    return Feature(
        name, "cannot tell", "it is not refused; what it does shows on long prompts alone"
    )


def _unanswered(name: str, answer: Answer) -> Feature:
    # A key, an account, a limit or a time that was not right says nothing about the field.
    if answer.refused and answer.status not in (401, 402, 403, 408, 429):
        return Feature(name, "refused", _why(answer))
    return Feature(name, "cannot tell", _why(answer), answered=False)


def _why(answer: Answer) -> str:
    words = _short(answer.words)
    return f"{answer.status}: {words}" if answer.status else words


def _short(words: str) -> str:
    return words if len(words) <= _LENGTH else f"{words[: _LENGTH - 1]}…"


def _id(value: object) -> object:
    return value.get("id") if isinstance(value, dict) else None


def _returned(first: Answer, second: Answer | None) -> list[Returned]:
    """Return whether usage, its details and an id come back that can be used."""
    responses = [each.response for each in (first, second) if each and each.response]
    usages = [_dict(each.get("usage")) for each in responses]
    ids = [each.get("id") for each in responses]
    usable = all(isinstance(each, str) and each for each in ids) and len(set(map(str, ids))) == len(
        ids
    )
    return [
        _tokens("usage", usages, ["input_tokens", "output_tokens", "total_tokens"]),
        _tokens("cached tokens", [_dict(each.get("input_tokens_details")) for each in usages],
                ["cached_tokens"]),
        _tokens("reasoning tokens", [_dict(each.get("output_tokens_details")) for each in usages],
                ["reasoning_tokens"]),
        Returned("response id", usable, "one for each turn" if usable else "none that can be used"),
    ]  # fmt: skip


def _tokens(name: str, found: list[dict[str, Any]], keys: list[str]) -> Returned:
    numbers = [[each.get(key) for key in keys] for each in found]
    comes = all(isinstance(number, int) for each in numbers for number in each)
    told = "; ".join(" ".join(_told(number) for number in each) for each in numbers)
    return Returned(name, comes, told)


def _told(number: object) -> str:
    # Anything else is a server's words, which may be long, or something for a terminal.
    if isinstance(number, int):
        return str(number)
    return "nothing" if number is None else "no number"


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
