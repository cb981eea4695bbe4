"""Everything that an agent runs on, started once, and the workers on it."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from temporalio.client import Client

from agentex_usage_patch import _upstream
from agentex_usage_patch._patching.apply import DISABLED

from ...authority import first_authority
from .parts import (
    HERE,
    PROGRAMS,
    Process,
    connected,
    free_port,
    listening,
    redis_command,
    temporal_command,
)
from .servers import Backend, Proxy

ROOT = HERE.parents[2]


class Setting(NamedTuple):
    """An agentex-sdk, whether the worker has our two lines, and whether they are switched off."""

    release: str
    patched: bool
    disabled: bool = False

    def __str__(self) -> str:
        parts = [self.release, "patched" * self.patched, "disabled" * self.disabled]
        return "-".join(filter(None, parts))


RELEASES = ("0.5.3", "0.9.4", "0.10.4")
FIXED = Setting(_upstream.FIXED_IN, patched=False)
SETTINGS = (*(Setting(each, patched) for each in RELEASES for patched in (False, True)), FIXED)
#: A release that has one short conversation: its model is that of 0.9.4, its companions are not.
BRIEF = Setting("0.10.0", patched=True)


def python_of(release: str) -> Path:
    """Return the Python of tox's environment of a release.

    tox.ini is the one place that says what each of them consists of.
    """
    return Path(os.environ["E2E_ENVIRONMENTS"], f"py312-sdk{release}", "bin", "python")


class Worker:
    """A worker in a process of its own; ``name`` is what the servers know it by."""

    def __init__(
        self,
        stack: Stack,
        setting: Setting,
        name: str,
        queue: str,
        redis: Proxy,
        temporal: Proxy,
        heartbeat: int,
        project: Path | None,
        environment: dict[str, str],
    ) -> None:
        self.setting = setting
        self.name = name
        self.queue = f"{queue}-{stack.run}"
        self.redis = redis
        self.temporal = temporal
        self._backend = stack.backend
        self.process = Process(
            stack.logs / f"{name}.log",
            python_of(setting.release),
            # A project is started as `agentex agents run` starts it, in its folder.
            *(["-m", "project.run_worker"] if project else [PROGRAMS / "run_worker.py"]),
            *(["--patched"] if setting.patched and not project else []),
            cwd=project,
            **({DISABLED: "1"} if setting.disabled else {}),
            **stack.backend.environment_of(name),
            PYTHONPATH=str(ROOT),
            REDIS_URL=_leading_to(redis.address, stack.redis_url),
            TEMPORAL_ADDRESS=temporal.address,
            WORKFLOW_TASK_QUEUE=self.queue,
            WORKFLOW_NAME="Conversation",
            AGENT_NAME=name,
            ACP_URL="http://127.0.0.1",
            ENVIRONMENT="test",
            HEALTH_CHECK_PORT="0",
            HEARTBEAT_SECONDS=str(heartbeat),
            SSL_CERT_FILE=str(stack.authority),
            OPENAI_API_KEY="unused",
            OPENAI_AGENTS_DISABLE_TRACING="1",
            LITELLM_LOCAL_MODEL_COST_MAP="True",
            DD_TRACE_ENABLED="false",
            **environment,
        )

    async def start(self) -> Self:
        """Start the worker, and wait until it has registered."""
        self._backend.registered.discard(self.name)
        await self.process.start()
        asked = asyncio.create_task(
            self._backend.until(lambda: self.name in self._backend.registered)
        )
        ended = asyncio.create_task(self.process.ended())
        await asyncio.wait([asked, ended], return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            asked.cancel()
        ended.cancel()
        self.process.must_run()
        await asked
        return self

    async def stop(self) -> None:
        """Stop the worker as a deployment does."""
        await self.process.stop()


class Stack:
    """Temporal, Redis and the HTTP servers; ``async with`` starts and stops them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        # Servers that the suite did not start may know tasks of an earlier run.
        self.run = secrets.token_hex(4)
        self.authority = folder / "authority.pem"
        self.backend = Backend()
        self.temporal: Client
        self.temporal_address = os.environ.get("TEMPORAL_ADDRESS", "")
        self.redis_url = os.environ.get("REDIS_URL", "")
        self.workers: list[Worker] = []
        #: Every program with a log, by name.
        self.processes: dict[str, Process] = {}
        self._stack = AsyncExitStack()
        # Importing the SDK takes a core for seconds; more imports at a time only slow each other.
        self._importing = asyncio.Semaphore(os.cpu_count() or 1)

    async def __aenter__(self) -> Self:
        shutil.rmtree(self.logs, ignore_errors=True)
        self.logs.mkdir(parents=True)
        # Reading all authorities took most of a worker's time.
        self.authority.write_bytes(first_authority())
        await self._stack.enter_async_context(self.backend)
        temporal = None
        if not self.temporal_address:
            port = free_port()
            self.temporal_address = f"127.0.0.1:{port}"
            command = temporal_command(self.folder, port)
            temporal = await self._start("temporal", command, signal.SIGTERM)
        if not self.redis_url:
            port = free_port()
            self.redis_url = f"redis://127.0.0.1:{port}"
            redis = await self._start("redis", redis_command(port), signal.SIGTERM)
            await listening("127.0.0.1", port, redis)
        self.temporal = await connected(self.temporal_address, temporal)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(each.process.stop(signal.SIGKILL) for each in self.workers))
        await self._stack.aclose()

    async def _start(self, name: str, command: list[str], number: signal.Signals) -> Process:
        process = await Process(self.logs / f"{name}.log", *command).start()
        self.processes[name] = process
        self._stack.push_async_callback(process.stop, number)
        return process

    async def worker(
        self,
        setting: Setting,
        name: str,
        queue: str,
        *,
        heartbeat: int = 60,
        project: Path | None = None,
        environment: dict[str, str] | None = None,
    ) -> Worker:
        """Start a worker; workers with the same queue share their work.

        Temporal gives an activity to another worker after so many seconds without a heartbeat.
        The worker of ``project``, a folder made by ``agentex init``, runs in place of ours.
        """
        behind = urlsplit(self.redis_url)
        redis = Proxy(f"{behind.hostname}:{behind.port or 6379}")
        temporal = Proxy(self.temporal_address)
        for proxy in (redis, temporal):
            await proxy.start()
            self._stack.push_async_callback(proxy.stop)
        worker = Worker(
            self, setting, name, queue, redis, temporal, heartbeat, project, environment or {}
        )
        self.workers.append(worker)
        self.processes[name] = worker.process
        async with self._importing:
            return await worker.start()


def _leading_to(address: str, url: str) -> str:
    """Return a URL that leads to another host and port, with the same login."""
    parts = urlsplit(url)
    login, at, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{login}{at}{address}").geturl()
