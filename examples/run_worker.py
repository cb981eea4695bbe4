"""The worker of a streaming agent, with the patch: the first two lines of code are all it takes."""

from agentex_usage_patch import apply_patch

apply_patch()

import asyncio
from datetime import timedelta

from agentex.lib.core.temporal.activities import get_all_activities
from agentex.lib.core.temporal.plugins.openai_agents.hooks.activities import (
    stream_lifecycle_content,
)
from agentex.lib.core.temporal.plugins.openai_agents.interceptors.context_interceptor import (
    ContextInterceptor,
)
from agentex.lib.core.temporal.plugins.openai_agents.models.temporal_streaming_model import (
    TemporalStreamingModelProvider,
)
from agentex.lib.core.temporal.workers.worker import AgentexWorker
from agentex.lib.environment_variables import EnvironmentVariables

# From your own project, as `agentex init` makes it.
from project.activities import get_weather
from project.workflow import ExampleWorkflow
from temporalio.contrib.openai_agents import ModelActivityParameters, OpenAIAgentsPlugin


async def main() -> None:
    """Serve the workflow and its activities until the process is stopped."""
    task_queue = EnvironmentVariables.refresh().WORKFLOW_TASK_QUEUE
    if task_queue is None:
        raise ValueError("WORKFLOW_TASK_QUEUE is not set")
    plugin = OpenAIAgentsPlugin(
        model_params=ModelActivityParameters(start_to_close_timeout=timedelta(days=1)),
        model_provider=TemporalStreamingModelProvider(),
    )
    worker = AgentexWorker(
        task_queue=task_queue, plugins=[plugin], interceptors=[ContextInterceptor()]
    )
    await worker.run(
        activities=[*get_all_activities(), stream_lifecycle_content, get_weather],
        workflow=ExampleWorkflow,
    )


if __name__ == "__main__":
    asyncio.run(main())
