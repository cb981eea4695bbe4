from agents import Agent, ModelSettings, Runner
from temporalio import workflow


@workflow.defn
class Workflow:
    @workflow.run
    async def run(self, text: str) -> str:
        agent = Agent(name="assistant", model_settings=ModelSettings(
                extra_args={
                    "previous_response_id": self.last,
                    "prompt_cache_key": "fraud",
                },
            ))
        result = await Runner.run(agent, text)
        return result.final_output
