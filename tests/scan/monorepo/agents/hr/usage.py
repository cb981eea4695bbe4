import wrapt

PATH = "agentex.lib.core.temporal.plugins.openai_agents.models.temporal_streaming_model"


@wrapt.patch_function_wrapper(PATH, "TemporalStreamingModel.get_response")
async def counted(wrapped, instance, args, kwargs):
    return await wrapped(*args, **kwargs)
