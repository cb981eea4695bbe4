from agentex.lib.core.temporal.plugins.openai_agents.models.temporal_streaming_model import (
    TemporalStreamingModel,
)


def test_a_turn(monkeypatch):
    async def get_response(self, *args, **kwargs):
        return None

    TemporalStreamingModel.get_response = get_response
