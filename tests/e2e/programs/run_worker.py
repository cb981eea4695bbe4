"""An agent's worker, as a user of agentex-sdk writes it: upstream's classes, and our two lines.

``python run_worker.py [--patched]``. Everything else comes from the environment.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from contextlib import suppress
from datetime import timedelta
from typing import Any

if "--patched" in sys.argv:
    from agentex_usage_patch import apply_patch

    apply_patch()

from agent import ACTIVITIES, WORKFLOW, provider
from agentex.lib.core.temporal.plugins.openai_agents.interceptors.context_interceptor import (
    ContextInterceptor,
)
from agentex.lib.core.temporal.workers.worker import AgentexWorker
from openai._base_client import AsyncHttpxClientWrapper
from temporalio.common import RetryPolicy
from temporalio.contrib.openai_agents import ModelActivityParameters, OpenAIAgentsPlugin


async def flush_spans() -> None:
    """Write the spans that are still queued; the older releases write them at once."""
    with suppress(ModuleNotFoundError):
        from agentex.lib.core.tracing.span_queue import get_default_span_queue

        await get_default_span_queue().shutdown()


def close_no_client_from_a_workflow() -> None:
    """Take away how openai closes an HTTP client that is collected as garbage.

    Upstream's provider makes a client for each activity. Collected in a workflow's thread,
    one closes its connections there, by descriptors that other connections of the worker
    may have by then; these are never read again, and their requests seem unanswered. That
    is so on every release, patched or not: github.com/openai/openai-python/issues/2440.
    """
    del AsyncHttpxClientWrapper.__del__


class Plugin(OpenAIAgentsPlugin):
    """Upstream's plugin, in a worker that caches no workflow.

    A worker that caches a workflow has a queue of its own for it. Temporal's test server,
    unlike a real one, never moves such a workflow to another worker when this one ends.
    """

    def configure_worker(self, config: Any) -> Any:
        """Return the worker's options."""
        config["max_cached_workflows"] = 0
        return super().configure_worker(config)


async def main() -> None:
    """Run until SIGTERM."""
    close_no_client_from_a_workflow()
    gc.freeze()  # `agent.inspect_worker` then looks only at what calls have made
    plugin = Plugin(
        model_params=ModelActivityParameters(
            start_to_close_timeout=timedelta(seconds=120),
            heartbeat_timeout=timedelta(seconds=float(os.environ["HEARTBEAT_SECONDS"])),
            retry_policy=RetryPolicy(
                initial_interval=timedelta(milliseconds=100), maximum_attempts=5
            ),
        ),
        model_provider=provider(),
    )
    worker = AgentexWorker(
        task_queue=os.environ["WORKFLOW_TASK_QUEUE"],
        plugins=[plugin],
        interceptors=[ContextInterceptor()],
    )
    running = asyncio.create_task(worker.run(activities=ACTIVITIES, workflow=WORKFLOW))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        await flush_spans()


if __name__ == "__main__":
    asyncio.run(main())
