from agentex.lib.core.temporal.plugins.openai_agents.models import temporal_streaming_model
from agentex.lib.core.temporal.plugins.openai_agents.models.temporal_streaming_model import (
    TemporalStreamingModelProvider,
)

provider = TemporalStreamingModelProvider()
