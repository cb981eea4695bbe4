"""Send each stateful field to a backend, and judge its answers."""

from __future__ import annotations

import secrets
from typing import Any

from .report import Feature, Findings, Returned
from .request import Answer, Backend

#: The most requests that are sent: two turns, and one for each other field.
REQUESTS = 5

_WORDS = ("birch", "copper", "harbour", "lantern", "meadow", "pebble", "saffron", "violin")

#: What servers say of a field that they do not know, and of an id that they did not find.
_UNKNOWN_FIELD = (
    "extra", "unexpected", "unrecognized", "unrecognised", "unsupported", "not supported",
    "not permitted", "not allowed", "unknown parameter", "unknown field", "not implemented",
)  # fmt: skip
_NOT_FOUND = ("not found", "not_found", "no such", "does not exist", "doesn't exist")

#: These refuse a key, an account or a rate, and say nothing about a field.
_NOT_ABOUT_THE_FIELD = (401, 402, 403, 408, 429)

#: A server's words are cut to this length.
_LENGTH = 200


async def ask(backend: Backend, url: str, model: str) -> Findings:
    """Ask a backend and return what it does with each field, and what it returns.

    The second turn asks for a random word from the first: only a chained turn knows it. A
    conversation and a prompt are asked for by ids that do not exist: a backend that knows the
    field looks for the id and refuses the request, another one answers.
    """
    word = f"{secrets.choice(_WORDS)}{secrets.randbelow(9000) + 1000}"
    first = await backend.ask({"model": model, "input": f"Remember the word {word}. Answer: OK."})
    if first.response is None:
        evidence = f"the first turn: {_reason(first)}"
        names = ("previous_response_id", "conversation", "prompt", "prompt_cache_key")
        features = [Feature(name, "cannot tell", evidence) for name in names]
        return Findings(url, model, 1, tuple(features), ())
    responses = [first.response]
    features, requests = [], REQUESTS
    previous = first.response.get("id")
    if isinstance(previous, str) and previous:
        second = await backend.ask({
            "model": model,
            "input": "Which word were you asked to remember? Answer with that word alone.",
            "previous_response_id": previous,
        })  # fmt: skip
        features.append(_chained(second, previous, word))
        responses += [second.response] if second.response else []
    else:
        requests -= 1
        features.append(Feature("previous_response_id", "cannot tell", "the first turn had no id"))
    made_up = secrets.token_hex(24)
    body = {"model": model, "input": "Answer: OK."}
    conversation, prompt = f"conv_{made_up}", f"pmpt_{made_up}"
    answer = await backend.ask({**body, "conversation": conversation})
    features.append(_looked_up("conversation", answer, conversation))
    answer = await backend.ask({**body, "prompt": {"id": prompt}})
    features.append(_looked_up("prompt", answer, prompt))
    answer = await backend.ask({**body, "prompt_cache_key": made_up})
    features.append(_cache_key(answer, made_up))
    return Findings(url, model, requests, tuple(features), _returned(responses))


def _chained(answer: Answer, previous: str, word: str) -> Feature:
    name = "previous_response_id"
    if answer.response is None:
        return _failed(name, answer)
    if word in answer.text.lower():
        return Feature(name, "honoured", "the second turn knew the word of the first")
    if answer.response.get(name) == previous:
        return Feature(name, "cannot tell", "the response names it, but the model did not "
                       "know the word of the first turn")  # fmt: skip
    if not answer.text.strip():
        return Feature(name, "cannot tell", "the model wrote nothing")
    return Feature(name, "ignored", "the second turn did not know the word of the first")


def _looked_up(name: str, answer: Answer, made_up: str) -> Feature:
    if answer.response is not None:
        repeated = answer.response.get(name)
        if made_up in (repeated, _dict(repeated).get("id")):
            return Feature(name, "cannot tell", "the response repeats an id that does not exist")
        return Feature(name, "ignored", "it answered, although the id does not exist")
    words = answer.words.lower()
    unknown_field = any(each in words for each in _UNKNOWN_FIELD)
    not_found = any(each in words for each in _NOT_FOUND) and (name in words or made_up in words)
    if answer.refused and not_found and not unknown_field:
        evidence = f"it looked for an id that does not exist: {_short(answer.words)}"
        return Feature(name, "honoured", evidence)
    return _failed(name, answer)


def _cache_key(answer: Answer, key: str) -> Feature:
    name = "prompt_cache_key"
    if answer.response is None:
        return _failed(name, answer)
    if answer.response.get(name) == key:
        return Feature(name, "honoured", "the response names it")
    return Feature(name, "cannot tell", "not refused; its effect shows only on long prompts")


def _failed(name: str, answer: Answer) -> Feature:
    if answer.refused and answer.status not in _NOT_ABOUT_THE_FIELD:
        return Feature(name, "refused", _reason(answer))
    return Feature(name, "cannot tell", _reason(answer), answered=False)


def _reason(answer: Answer) -> str:
    words = _short(answer.words)
    return f"{answer.status}: {words}" if answer.status else words


def _short(words: str) -> str:
    return words if len(words) <= _LENGTH else f"{words[: _LENGTH - 1]}…"


def _returned(responses: list[dict[str, Any]]) -> tuple[Returned, ...]:
    """Return whether each response has usage, its details, and an id of its own."""
    usages = [_dict(each.get("usage")) for each in responses]
    inputs = [_dict(each.get("input_tokens_details")) for each in usages]
    outputs = [_dict(each.get("output_tokens_details")) for each in usages]
    ids = {each["id"] for each in responses if isinstance(each.get("id"), str) and each["id"]}
    own = len(ids) == len(responses)
    return (
        _tokens("usage", usages, "input_tokens", "output_tokens", "total_tokens"),
        _tokens("cached tokens", inputs, "cached_tokens"),
        _tokens("reasoning tokens", outputs, "reasoning_tokens"),
        Returned("response id", own, "one for each turn" if own else "not one for each turn"),
    )


def _tokens(name: str, found: list[dict[str, Any]], *keys: str) -> Returned:
    turns = [[each.get(key) for key in keys] for each in found]
    comes = all(isinstance(number, int) for turn in turns for number in turn)
    # Other values come from the server: they may be long, or control the terminal.
    shown = [[str(number) if isinstance(number, int) else "nothing" for number in turn]
             for turn in turns]  # fmt: skip
    return Returned(name, comes, "; ".join(" ".join(turn) for turn in shown))


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
