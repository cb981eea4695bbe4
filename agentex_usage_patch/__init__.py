"""Real usage, ids and stateful fields on the agentex-sdk releases that lack them.

`agentex_usage_patch.apply_patch`, called in ``run_worker.py``, brings agentex-sdk
0.5.1 … 0.10.4 to what upstream's PR #335 fixed in 0.10.5. On a release that has the
fix it replaces nothing.
"""

from typing import TYPE_CHECKING

from ._patching.apply import apply_patch, remove_patch, status
from ._patching.status import AgentexUsagePatchError, Conflict, Fix, PatchStatus

if TYPE_CHECKING:
    __version__: str

__all__ = [
    "AgentexUsagePatchError",
    "Conflict",
    "Fix",
    "PatchStatus",
    "__version__",
    "apply_patch",
    "remove_patch",
    "status",
]


def __getattr__(name: str) -> str:
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version

    return version("agentex-usage-patch")
