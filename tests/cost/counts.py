"""Count the work that the patch adds to a call, independent of the machine.

``python -m tests.cost.counts`` writes the figures of this Python. They are the same on every
affected release, since what the body does itself is not in them.
"""

from __future__ import annotations

import copy
import gc
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import agentex_usage_patch
from agentex_usage_patch._patching.call import standin

FILE = Path(__file__).with_suffix(".json")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PACKAGE = str(Path(agentex_usage_patch.__file__).parent)

#: How often a body reads from the model differs by release: one read is counted alone.
_READ = standin.StandIn.__getattr__.__code__

#: The keywords of a call that continues an earlier one.
CHAINED = {"previous_response_id": "resp_0123456789abcdef"}

Work = dict[str, int]


class Client:
    """A client that streams the same events in every call, and looks up before the last."""

    def __init__(self, events: list[Any], look: Callable[[], None] = lambda: None) -> None:
        self.responses = self
        self.events = events
        self.look = look

    async def create(
        self, *, previous_response_id: Any = None, conversation: Any = None, prompt: Any = None,
        prompt_cache_key: Any = None, **request: Any,
    ) -> Any:  # fmt: skip
        return self._stream()

    async def _stream(self) -> Any:
        for event in self.events[:-1]:
            yield copy.copy(event)  # which nobody but a keeper of events keeps
        self.look()
        for event in self.events[-1:]:
            yield event


class Span:
    output = data = None

    async def __aenter__(self) -> Span:
        return self

    async def __aexit__(self, *_: object) -> None: ...


class Tracer:
    """A tracer that keeps nothing."""

    def trace(self, *_: Any) -> Tracer:
        return self

    def span(self, **_: Any) -> Span:
        return Span()


def events(count: int) -> list[Any]:
    """Return that many events, the last of which carries usage."""
    from openai.types.responses import ResponseTextDeltaEvent

    from ..clients import event

    at: Any = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "sequence_number": 0}
    delta = ResponseTextDeltaEvent.construct(
        type="response.output_text.delta", delta="Hello ", logprobs=[], **at
    )
    return [*[delta] * (count - 1), *[event()] * bool(count)]


def call(client: Client, **keywords: Any) -> Any:
    """Make one call, by hand: nothing in it waits, and no event loop is counted."""
    from .. import calls

    model = calls.make_model(client)
    model.tracer = Tracer()
    with calls.messages():
        coroutine = model.get_response(**calls.arguments(**keywords))
        try:
            coroutine.send(None)
        except StopIteration as stop:
            return stop.value
    raise AssertionError("get_response waits for something")


def added() -> dict[str, Work]:
    """Count what the patch adds to a call, to each event, and to each read of the model.

    Each call's stream ends with a completed event that carries usage and its details.
    ``entered`` and ``instructions`` are how often functions of the package are entered
    or resumed and how many bytecode instructions they run, ``made`` the calls that they
    make, into C too. ``held`` are the objects, those that gc knows, that are alive
    beyond the original's own while the stream is read, ``left`` those after the call.
    To be counted in a process of its own, in which no thread of somebody's comes and goes.
    """
    from .. import calls

    calls.enter_task()
    few, many = 10, 1010
    works = [(few, {}), (many, {}), (few, CHAINED)]
    agentex_usage_patch.remove_patch()
    unpatched = [_work(count, keywords) for count, keywords in works]
    agentex_usage_patch.apply_patch()
    patched = [_work(count, keywords) for count, keywords in works]
    at_few, at_many, chained = (
        {name: work[name] - without[name] for name in work}
        for without, work in zip(unpatched, patched, strict=True)
    )
    each = {name: at_many[name] - at_few[name] for name in at_few}
    assert not any(count % (many - few) for count in each.values()), each
    per_event = {name: count // (many - few) for name, count in each.items()}
    return {
        "call": {name: at_few[name] - few * per_event[name] for name in at_few},
        "chained call": {name: chained[name] - few * per_event[name] for name in chained},
        "event": per_event,
        "read": _reads(few),
    }


def _work(count: int, keywords: dict[str, str]) -> Work:
    call(Client(events(count)), **keywords)  # what is made once: caches, lazy classes
    with _counted(lambda code: code is not _READ) as counts:
        call(Client(events(count)), **keywords)
    held, left = _objects(count, keywords)
    return {**_named(counts), "held": held, "left": left}


def _reads(count: int) -> Work:
    with _counted(lambda code: code is _READ) as counts:
        call(Client(events(count)))
    entered = counts["entered"]
    assert not any(each % entered for each in counts.values() if entered), counts
    return {name: each // (entered or 1) for name, each in _named(counts).items()}


def _named(counts: Counter[str]) -> Work:
    return {name: counts[name] for name in ("entered", "instructions", "made")}


@contextmanager
def _counted(counted: Callable[[Any], bool]) -> Iterator[Counter[str]]:
    """Count the work of the package's own code; coverage and debuggers are not disturbed."""
    monitoring = sys.monitoring
    events, tool = monitoring.events, 4
    counts: Counter[str] = Counter()

    def counter(name: str) -> Callable[..., Any]:
        def count(code: Any, *_: object) -> Any:
            if not code.co_filename.startswith(PACKAGE):
                return monitoring.DISABLE
            if counted(code):
                counts[name] += 1
            return None

        return count

    what = {
        events.PY_START: "entered",
        events.PY_RESUME: "entered",
        events.INSTRUCTION: "instructions",
        events.CALL: "made",
    }
    monitoring.use_tool_id(tool, __name__)
    try:
        for event, name in what.items():
            monitoring.register_callback(tool, event, counter(name))
        monitoring.set_events(tool, sum(what))
        yield counts
    finally:
        monitoring.set_events(tool, 0)
        for event in what:
            monitoring.register_callback(tool, event, None)
        monitoring.free_tool_id(tool)


def _objects(count: int, keywords: dict[str, str]) -> tuple[int, int]:
    """Return how many objects a call holds at the last event, and how many it leaves."""
    seen: list[int] = []

    def look() -> None:
        seen.append(len(gc.get_objects()))

    client = Client(events(count), look)
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        look()
        call(client, **keywords)
        look()
    finally:
        if enabled:
            gc.enable()
    before, at_the_last, after = seen
    return at_the_last - before, after - before


def read() -> dict[str, Work]:
    """Return the figures of this Python."""
    figures: dict[str, Work] = json.loads(FILE.read_text())[PYTHON]
    return figures


if __name__ == "__main__":
    from .. import calls

    if not calls.AFFECTED:
        sys.exit("the figures come from an affected release, not this environment's")
    kept = json.loads(FILE.read_text()) if FILE.exists() else {}
    figures = dict(sorted({**kept, PYTHON: added()}.items()))
    FILE.write_text(json.dumps(figures, indent=1) + "\n")
