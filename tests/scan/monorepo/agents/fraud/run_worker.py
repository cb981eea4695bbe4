"""Runs the worker of fraud."""

import asyncio

from agentex.lib.core.temporal.plugins.openai_agents.models.temporal_streaming_model import (
    TemporalStreamingModelProvider,
)
from agentex.lib.core.temporal.workers.worker import AgentexWorker
from temporalio.contrib.openai_agents import OpenAIAgentsPlugin

from src import patches

from workflow import Workflow


async def main() -> None:
    patches.install()
    plugin = OpenAIAgentsPlugin(model_provider=TemporalStreamingModelProvider())
    worker = AgentexWorker(task_queue="fraud", plugins=[plugin])
    await worker.run(workflow=Workflow)


if __name__ == "__main__":
    asyncio.run(main())
