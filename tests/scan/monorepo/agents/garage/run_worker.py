"""Runs the worker of garage."""

import asyncio

from agentex.lib.core.temporal.plugins.openai_agents.models.temporal_streaming_model import (
    TemporalStreamingModelProvider,
)
from agentex.lib.core.temporal.workers.worker import AgentexWorker
from temporalio.contrib.openai_agents import OpenAIAgentsPlugin

from workflow import Workflow


async def main() -> None:
    plugin = OpenAIAgentsPlugin(model_provider=TemporalStreamingModelProvider())
    worker = AgentexWorker(task_queue="garage", plugins=[plugin])
    await worker.run(workflow=Workflow)


if __name__ == "__main__":
    asyncio.run(main())
