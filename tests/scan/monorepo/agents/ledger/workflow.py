from agents import Agent, ModelSettings, Runner
from temporalio import workflow


@workflow.defn
class Workflow:
    @workflow.run
    async def run(self, text: str) -> str:
        agent = Agent(name="assistant", model_settings=ModelSettings())
        result = await Runner.run(agent, text)
        return result.final_output
