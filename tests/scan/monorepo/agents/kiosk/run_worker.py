"""Runs the worker of kiosk."""

import asyncio

from agentex.lib.core.temporal.plugins.openai_agents.models.temporal_streaming_model import (
    TemporalStreamingModelProvider,
)
from agentex.lib.core.temporal.workers.worker import AgentexWorker
from temporalio.contrib.openai_agents import OpenAIAgentsPlugin

from agentex_usage_patch import apply_patch

from workflow import Workflow

apply_patch()


async def main() -> None:
    plugin = OpenAIAgentsPlugin(model_provider=TemporalStreamingModelProvider())
    worker = AgentexWorker(task_queue="kiosk", plugins=[plugin])
    await worker.run(workflow=Workflow)


if __name__ == "__main__":
    asyncio.run(main())
