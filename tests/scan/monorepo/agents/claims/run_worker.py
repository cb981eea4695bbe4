"""Runs the worker of claims."""

import asyncio

from agentex.lib.core.temporal.plugins.openai_agents.models.temporal_streaming_model import (
    TemporalStreamingModelProvider,
)
from agentex.lib.core.temporal.workers.worker import AgentexWorker
from temporalio.contrib.openai_agents import OpenAIAgentsPlugin

from workflow import Workflow


def _apply_agentex_usage_patch() -> None:
    try:
        from agentex_usage_patch import apply_agentex_usage_patch

        apply_agentex_usage_patch()
    except Exception:
        print("not patched")


_apply_agentex_usage_patch()


async def main() -> None:
    plugin = OpenAIAgentsPlugin(model_provider=TemporalStreamingModelProvider())
    worker = AgentexWorker(task_queue="claims", plugins=[plugin])
    await worker.run(workflow=Workflow)


if __name__ == "__main__":
    asyncio.run(main())
