"""Real usage for our streaming model, until the SDK has it."""

import logging

from agentex.lib.core.temporal.plugins.openai_agents.models import temporal_streaming_model

logger = logging.getLogger(__name__)


def apply_agentex_usage_patch() -> None:
    original = temporal_streaming_model.TemporalStreamingModel.get_response

    async def get_response(self, *args, **kwargs):
        result = await original(self, *args, **kwargs)
        logger.info("patched")
        return result

    temporal_streaming_model.TemporalStreamingModel.get_response = get_response
