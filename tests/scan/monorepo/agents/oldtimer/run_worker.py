import asyncio

from agentex.lib.core.temporal.workers.worker import AgentexWorker
from workflow import Workflow

asyncio.run(AgentexWorker(task_queue="oldtimer").run(workflow=Workflow))
