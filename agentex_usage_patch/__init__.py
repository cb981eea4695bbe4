"""Real usage, ids and stateful fields on the agentex-sdk releases that lack them.

`agentex_usage_patch.apply_patch`, called in ``run_worker.py``, brings agentex-sdk
0.5.1 … 0.10.4 to what upstream's PR #335 fixed in 0.10.5. On a release that has the
fix it replaces nothing.
"""

from ._patch import apply_patch, remove_patch, status
from ._status import AgentexUsagePatchError, Conflict, Fix, PatchStatus

__all__ = [
    "AgentexUsagePatchError",
    "Conflict",
    "Fix",
    "PatchStatus",
    "apply_patch",
    "remove_patch",
    "status",
]
