from agents import Agent, ModelSettings, Runner
from temporalio import workflow


@workflow.defn
class Workflow:
    @workflow.run
    async def run(self, text: str) -> str:
        agent = Agent(name="assistant", model_settings=ModelSettings(extra_args=dict(prompt={"id": "pmpt_1"})))
        result = await Runner.run(agent, text)
        return result.final_output
