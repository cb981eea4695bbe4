"""Run a coroutine to its end, without the worker's event loop."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, NoReturn

#: The time limits of a run and of each step of its clean-up, in seconds.
LIMIT = 3.0
_GRACE = 0.2


class NeedsLoopError(RuntimeError):
    """A coroutine that is run by hand waits for something, or uses its event loop."""


class _NoLoop:
    def __getattr__(self, name: str) -> NoReturn:
        raise NeedsLoopError(name)


def by_hand(call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a coroutine in this thread without an event loop, even if one is running.

    Raises `NeedsLoopError`, or another RuntimeError, if the coroutine needs one.
    """
    loop = asyncio._get_running_loop()
    hooks = sys.get_asyncgen_hooks()
    # With no running loop set, asyncio.gather() would use the worker's.
    asyncio._set_running_loop(_NoLoop())  # type: ignore[arg-type]  # every use of it raises
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
    """Run an awaitable in a new event loop, in this thread.

    Raises TimeoutError after `LIMIT` seconds. Remaining tasks are cancelled; one that
    ignores the cancellation is abandoned.
    """

    async def awaited() -> Any:
        """Make the call inside the loop: a wrapper may need it before it awaits anything."""
        return await call()

    # Not asyncio.new_event_loop(): uvloop's takes over the signals of the main thread.
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
    remaining = asyncio.all_tasks(loop)
    for task in remaining:
        task.cancel()
    if remaining:
        loop.run_until_complete(asyncio.wait(remaining, timeout=_GRACE))
    closing = loop.create_task(loop.shutdown_asyncgens())
    loop.run_until_complete(asyncio.wait([closing], timeout=_GRACE))
    for task in asyncio.all_tasks(loop):
        # Otherwise an abandoned task warns in the worker's log when it is collected.
        task._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.close()


def outside_a_loop[T](run: Callable[[], T]) -> T:
    """Run a function in this thread; in a new thread if an event loop is running in this one.

    Raises TimeoutError, and abandons the new thread, if that does not end in time.
    """
    if asyncio._get_running_loop() is None:
        return run()
    answer: Future[T] = Future()

    def work() -> None:
        try:
            answer.set_result(run())
        except BaseException as error:  # noqa: BLE001 - raised again in the waiting thread
            answer.set_exception(error)

    threading.Thread(target=work, name="agentex-usage-patch-probe", daemon=True).start()
    return answer.result(LIMIT + 3 * _GRACE)
