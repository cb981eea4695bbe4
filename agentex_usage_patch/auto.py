"""Importing this module calls `agentex_usage_patch.apply_patch`, for one-line set-ups."""

from ._patching.apply import apply_patch

apply_patch()
