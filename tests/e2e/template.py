"""Run upstream's own agent, the project that ``agentex init`` makes, on this suite's servers.

Wheels ship the template from 0.7.2 on. Its worker, workflow and tool are the same in every
release that was compared, up to 0.10.5.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any, Self

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError
from temporalio.service import RPCError

from .conversations.conversation import Conversation, numbers
from .conversations.retries import undisturbed
from .platform.answers import Json, calls, says, tokens
from .platform.parts import PROGRAMS, Process
from .platform.stack import FIXED, ROOT, Setting, Stack, python_of

RELEASES = ("0.9.4", "0.10.4")
#: On the fixed release the two lines must have no effect.
SETTINGS = (
    *(Setting(each, patched=False) for each in RELEASES),
    *(Setting(each, patched=True) for each in RELEASES),
    *(Setting(each, patched=True, disabled=True) for each in RELEASES),
    FIXED,
    FIXED._replace(patched=True),
)

NAME = "template-agent"
EXAMPLE = ROOT / "examples" / "run_worker.py"
PATCHED = Setting("0.10.4", patched=True)
TWO_LINES = "from agentex_usage_patch import apply_patch\napply_patch()\n"


class Network:
    """HTTP proxies for what leaves the loopback: they refuse each request and record it."""

    def __init__(self) -> None:
        self.asked: dict[str, list[str]] = {}
        self._servers: list[asyncio.Server] = []

    async def environment_of(self, worker: str) -> dict[str, str]:
        """Return the variables that name the proxy of a worker."""
        asked = self.asked[worker] = []

        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append((await reader.readline()).decode())
            writer.close()

        server = await asyncio.start_server(refuse, "127.0.0.1")
        self._servers.append(server)
        proxy = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return {
            **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), proxy),
            **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost"),
        }

    def stop(self) -> None:
        """Stop the proxies."""
        for server in self._servers:
            server.close()


class TemplateConversation(Conversation):
    """A task of the template's agent, whose worker runs one task at a time.

    The SDK's ``TemporalTaskService`` drives an agent in the same way: it starts a workflow
    for the task, signals each message of the user, and cancels the workflow at the end.
    """

    async def __aenter__(self) -> Self:
        # The template's model requests have no metadata that names their task.
        self.stack.backend.task_of[self.workers[0].name] = self.task
        self.handle = await self.stack.temporal.start_workflow(
            "Conversation",
            {**self._about(), "params": {"city": "Paris"}},
            id=self.task,
            task_queue=self.workers[0].queue,
        )
        # A signal that arrives before the greeting is handled first.
        await self.stack.backend.until(lambda: bool(self.served.messages))
        return self

    async def __aexit__(self, *raised: object) -> None:
        if raised[0] is not None:
            with contextlib.suppress(RPCError):  # it has ended by itself
                await self.handle.terminate()
            return
        await self.handle.cancel()
        with pytest.raises(WorkflowFailureError) as failed:
            await self.handle.result()
        assert isinstance(failed.value.cause, CancelledError)

    async def turn(self, agent: str = NAME, text: str = "Hi", **asked: Any) -> Json:
        """Send a message of the user, and return what came of it."""
        number = len(self.turns) + 1
        content = {"type": "text", "author": "user", "content": text}
        event = {"id": f"event-{number}", "agent_id": agent, "sequence_id": number,
                 "task_id": self.task, "content": content}  # fmt: skip
        await self.handle.signal("receive_event", {**self._about(), "event": event})
        span = await self._span(f"Turn {number}")
        before = sum(len(turn["response_ids"]) for turn in self.turns)
        results = [each async for each in self.results()][before:]
        usages = list(numbers([each["usage"] for each in results]))
        turn = {
            "input": span["input"],
            "output": span["output"],
            "usages": usages,
            "usage": {name: sum(usage[name] for usage in usages) for name in usages[0]},
            "response_ids": [each["response_id"] for each in results],
            "last_response_id": results[-1]["response_id"],
        }
        self.turns.append(turn)
        return turn

    async def _span(self, name: str) -> Json:
        """Wait until this span of the task ends; raise if the workflow fails before."""
        backend = self.stack.backend
        spans = asyncio.create_task(
            backend.until(lambda: bool(backend.ended_spans(self.task, name)))
        )
        failure = asyncio.create_task(self.handle.result())
        try:
            await asyncio.wait([spans, failure], return_when=asyncio.FIRST_COMPLETED)
            await (spans if spans.done() else failure)
        finally:
            spans.cancel()
            failure.cancel()
        (span,) = backend.ended_spans(self.task, name)
        return span

    def _about(self) -> Json:
        created = "2026-01-01T00:00:00Z"
        agent = {"id": NAME, "name": NAME, "acp_type": "async", "description": "An Agentex agent",
                 "created_at": created, "updated_at": created}  # fmt: skip
        return {"agent": agent, "task": {"id": self.task}}


async def two_turns(talk: TemplateConversation) -> Json:
    """Two turns; in the first one the model calls the template's tool."""
    talk.will(
        replace(calls("get_weather", "{}"), usage=tokens(1290, 61, 0, 24)),
        replace(says("It is ", "sunny."), usage=tokens(1420, 73, 1024, 32)),
        replace(says("You are ", "welcome."), usage=tokens(1530, 85, 1280, 40)),
    )
    await talk.turn(text="What is the weather?")
    await talk.turn(text="Thank you.")
    seen = await talk.seen()
    seen["streamed"] = list(_deltas_joined(seen["streamed"]))
    return seen


def _deltas_joined(updates: list[Json]) -> Any:
    """Yield the updates; consecutive text deltas of a message are joined.

    The SDK sends deltas together when the time between them is short.
    """

    def of_text(update: Json) -> bool:
        return update.get("type") == "delta" and update["delta"]["type"] == "text"

    for text, group in groupby(updates, of_text):
        if not text:
            yield from group
            continue
        for _, same in groupby(group, lambda update: update["parent_task_message"]["id"]):
            first, *others = same
            for other in others:
                first["delta"]["text_delta"] += other["delta"]["text_delta"]
            yield first


def _put_in_place(worker: Path, project: Path) -> None:
    """Make an example the worker of a project, with the workflow class of the project."""
    (workflow,) = re.findall(
        r"^class (\w+)\(BaseWorkflow\)", (project / "project/workflow.py").read_text(), re.MULTILINE
    )
    source = worker.read_text().replace("ExampleWorkflow", workflow)
    (project / "project/run_worker.py").write_text(source)


async def render(stack: Stack, setting: Setting, name: str) -> Path:
    """Return a project of the template, with our two lines in it where the setting says so."""
    folder = stack.folder / "template" / name
    shutil.rmtree(folder, ignore_errors=True)
    program = PROGRAMS / "render_template.py"
    log = stack.logs / f"render-{name}.log"
    rendering = await Process(log, python_of(setting.release), program, folder, NAME).start()
    await rendering.ended()
    project = folder / NAME.replace("-", "_")
    worker = project / "project" / "run_worker.py"
    if not worker.exists():
        raise RuntimeError(f"the template was not rendered:\n{rendering.tail()}")
    if setting.patched:
        worker.write_text(TWO_LINES + worker.read_text())
    return project


class Templates:
    """One worker of the template for each setting, and what its conversation showed."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.network = Network()
        self.projects: dict[Setting, Path] = {}
        self._held = {
            each: asyncio.create_task(self._hold(each, f"{NAME}-{each}")) for each in SETTINGS
        }
        self._example = asyncio.create_task(self._hold(PATCHED, "example", EXAMPLE))

    async def of(self, setting: Setting) -> Json:
        """Return what was seen on a setting; ``log`` is what its worker logged."""
        return await asyncio.shield(self._held[setting])

    async def of_the_example(self) -> Json:
        """Return what was seen of the project with the worker of examples/."""
        return await asyncio.shield(self._example)

    async def end(self) -> None:
        """Stop the conversations that still run."""
        held = [*self._held.values(), self._example]
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)
        self.network.stop()

    async def _hold(self, setting: Setting, name: str, worker_file: Path | None = None) -> Json:
        stack = self._stack
        project = await render(stack, setting, name)
        if worker_file is None:
            self.projects[setting] = project
        else:
            _put_in_place(worker_file, project)
        # An empty key disables the template's tracing on Scale's platform, which needs the network.
        without_keys = {"SGP_API_KEY": "", "SGP_ACCOUNT_ID": ""}
        worker = await stack.worker(
            setting,
            name,
            name,
            project=project,
            environment=without_keys | await self.network.environment_of(name),
        )
        asked = self.network.asked[name]
        try:
            seen = await undisturbed(
                stack, [worker], "template", two_turns, kind=TemplateConversation
            )
        except Exception as error:
            # A worker that needs the network fails before a test can compare the requests.
            error.add_note(f"asked of the network: {asked}")
            raise
        finally:
            await worker.stop()
        return {"seen": seen, "asked": asked, "log": worker.process.log.read_text()}
