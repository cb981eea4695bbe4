"""Runs the worker of joint."""

import asyncio

from agentex.lib.core.temporal.plugins.openai_agents.models.temporal_streaming_model import (
    TemporalStreamingModelProvider,
)
from agentex.lib.core.temporal.workers.worker import AgentexWorker
from temporalio.contrib.openai_agents import OpenAIAgentsPlugin

from common.models import count_usage

from workflow import Workflow

count_usage()


async def main() -> None:
    plugin = OpenAIAgentsPlugin(model_provider=TemporalStreamingModelProvider())
    worker = AgentexWorker(task_queue="joint", plugins=[plugin])
    await worker.run(workflow=Workflow)


if __name__ == "__main__":
    asyncio.run(main())
