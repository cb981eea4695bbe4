import importlib

MODULE = "agentex.lib.core.temporal.plugins.openai_agents.models.temporal_streaming_model"
METHOD = "get_response"


async def _get_response(self, *args, **kwargs):
    return await self.counted(*args, **kwargs)


def install():
    model = getattr(importlib.import_module(MODULE), "TemporalStreamingModel")
    setattr(model, METHOD, _get_response)
