"""Start and stop programs: Temporal, Redis and workers, each with a log."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import zlib
from pathlib import Path
from typing import Self

from temporalio.client import Client

HERE = Path(__file__).parent
#: What the environments of the workers run.
PROGRAMS = HERE.parent / "programs"

#: Seconds after which the suite takes something to hang. No test waits this long on purpose.
HANGS = 600


class MissingError(RuntimeError):
    """A program is not installed. The message says what to install or set."""


class Process:
    """A program that runs until it is stopped, and writes a log file."""

    def __init__(
        self, log: Path, *command: str | Path, cwd: Path | None = None, **environment: str
    ) -> None:
        self.log = log
        self._command = command
        self._cwd = cwd
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> Self:
        """Start the program."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdout=log,
                stderr=log,
                cwd=self._cwd,
                env={**os.environ, **self._environment},
            )
        return self

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the program."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop the program and wait for its end; kill it if it does not end."""
        if self._process is None:
            return
        self.send(number)
        try:
            await asyncio.wait_for(self._process.wait(), 30)
        except TimeoutError:
            self.send(signal.SIGKILL)
            await self._process.wait()

    async def ended(self) -> None:
        """Wait for the program's end."""
        assert self._process is not None
        await self._process.wait()

    def must_run(self) -> None:
        """Raise an error with the end of the log if the program has ended."""
        assert self._process is not None
        if self._process.returncode is not None:
            raise RuntimeError(f"{self._command} ended early:\n{self.tail()}")

    def tail(self, lines: int = 40) -> str:
        """Return the end of the log, empty if the program was not started."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def free_port() -> int:
    """Return a free port of the loopback."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def temporal_command(folder: Path, port: int) -> list[str]:
    """Return the command for Temporal's test server, downloaded from Maven Central."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise MissingError(
                f"{program} was not found. Install Java 11 or later and Maven (Debian: apt-get "
                "install default-jre-headless maven), or set TEMPORAL_ADDRESS to a server's."
            )
    pom = HERE / "pom.xml"
    jars = folder / f"temporal-{zlib.crc32(pom.read_bytes()):08x}"  # those that it names now
    if not jars.exists():
        fetched = folder / "fetched"
        subprocess.run(
            ["mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies",
             f"-DoutputDirectory={fetched}"], check=True,
        )  # fmt: skip
        fetched.rename(jars)
    return ["java", "-Xmx1g", "-cp", f"{jars}/*", "io.temporal.testserver.TestServer", str(port)]


def redis_command(port: int) -> list[str]:
    """Return the command for Redis, which stores nothing on disk."""
    if shutil.which("redis-server") is None:
        raise MissingError(
            "redis-server was not found. Install it (Debian: apt-get install redis-server), or "
            "set REDIS_URL to a server's."
        )
    return ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]


async def connected(address: str, process: Process | None) -> Client:
    """Wait for Temporal, and return a client."""
    async with asyncio.timeout(HANGS):
        while True:
            try:
                return await Client.connect(address)
            except RuntimeError:
                if process is not None:
                    process.must_run()
                await asyncio.sleep(0.05)


async def listening(host: str, port: int, process: Process) -> None:
    """Wait until a port answers."""
    async with asyncio.timeout(HANGS):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, port)
            except OSError:
                process.must_run()
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
