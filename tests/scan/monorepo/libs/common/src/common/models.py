"""What all agents of the fleet share."""

import wrapt


def count_usage() -> None:
    from agentex.lib.core.temporal.plugins.openai_agents.models.temporal_streaming_model import (
        TemporalStreamingModel as Model,
    )

    wrapt.wrap_function_wrapper(Model, "get_response", _counted)


async def _counted(wrapped, instance, args, kwargs):
    return await wrapped(*args, **kwargs)
