"""Ways to run a coroutine to its end that leave nothing in the worker's event loop."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, NoReturn

#: Seconds after which a run is given up, and after that for what it leaves behind to end.
LIMIT = 3.0
_GRACE = 0.2


class NeedsLoopError(RuntimeError):
    """A coroutine that was run by hand waits for something, or asks for its event loop."""


class _NoLoop:
    def __getattr__(self, name: str) -> NoReturn:
        raise NeedsLoopError(name)


def by_hand(call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a coroutine in this thread without an event loop, also where one is running.

    Raises `NeedsLoopError`, or another RuntimeError, when it wants one.
    """
    loop = asyncio._get_running_loop()
    hooks = sys.get_asyncgen_hooks()
    # Without a running loop, asyncio.gather() takes the one that is set: the worker's.
    asyncio._set_running_loop(_NoLoop())  # type: ignore[arg-type]  # a loop that refuses everything
    sys.set_asyncgen_hooks(None, None)
    try:
        coroutine = call()
        try:
            coroutine.send(None)
        except StopIteration as stop:
            return stop.value
        coroutine.close()
    finally:
        sys.set_asyncgen_hooks(*hooks)
        asyncio._set_running_loop(loop)
    raise NeedsLoopError("it waits for something")


def in_a_loop(call: Callable[[], Awaitable[Any]]) -> Any:
    """Run an awaitable in an event loop of its own, in this thread.

    Raises TimeoutError after `LIMIT` seconds. Tasks that are left are cancelled; one that
    ignores it is abandoned.
    """

    async def awaited() -> Any:
        """Call within the loop, which wrappers may want before they are awaited."""
        return await call()

    # Not the loop of the policy's choice: uvloop's takes over the signals of the main thread.
    loop = asyncio.SelectorEventLoop()
    loop.set_debug(False)
    loop.set_exception_handler(lambda *_: None)
    try:
        task = loop.create_task(awaited())
        loop.run_until_complete(asyncio.wait([task], timeout=LIMIT))
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        _close(loop)


def _close(loop: asyncio.AbstractEventLoop) -> None:
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=_GRACE))
    closing = loop.create_task(loop.shutdown_asyncgens())
    loop.run_until_complete(asyncio.wait([closing], timeout=_GRACE))
    for task in asyncio.all_tasks(loop):
        # It says so when it is collected, in the log of the worker.
        task._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.close()


def apart(run: Callable[[], Any]) -> Any:
    """Run a function where no event loop is running: here, or else in another thread.

    Raises TimeoutError when that thread does not end in time, and leaves it then.
    """
    if asyncio._get_running_loop() is None:
        return run()
    answer: Future[Any] = Future()

    def work() -> None:
        try:
            answer.set_result(run())
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits
            answer.set_exception(error)

    threading.Thread(target=work, name="agentex-usage-patch-probe", daemon=True).start()
    return answer.result(LIMIT + 3 * _GRACE)
