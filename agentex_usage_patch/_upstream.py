"""Facts about agentex-sdk and its companions, as data, and which of them are installed.

No other module states a release or a range in its code. Sources: the published wheels, and
agentex-sdk PR #335, released in 0.10.5.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

DISTRIBUTION = "agentex-sdk"
MODULE = "agentex.lib.core.temporal.plugins.openai_agents.models.temporal_streaming_model"
CLASS = "TemporalStreamingModel"
METHOD = "get_response"
DOTTED = f"{MODULE}.{CLASS}.{METHOD}"

#: The ContextVars in which the SDK's interceptor keeps what a call belongs to.
CONTEXT_VARIABLES = ("streaming_task_id", "streaming_trace_id", "streaming_parent_span_id")

#: The parts of a worker, as upstream's template builds it.
WORKER = "AgentexWorker"
WORKER_MODULE = "agentex.lib.core.temporal.workers.worker"
ACTIVITIES_MODULE = "agentex.lib.core.temporal.activities"
INTERCEPTOR_MODULE = (
    "agentex.lib.core.temporal.plugins.openai_agents.interceptors.context_interceptor"
)

#: The model setting with which agents worked around the dropped fields.
EXTRA_ARGS = "extra_args"

#: Follows the name of an SDK whose dist-info is missing, as in a frozen application.
UNKNOWN = "of an unknown release"

#: The other distributions whose versions the reports show.
REPORTED = ("openai", "openai-agents", "temporalio", "wrapt", "agentex-usage-patch")

#: Keeps the SDK from loading a price list from the network when it is imported.
OFFLINE = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}

#: The SDK refuses to build a worker without these variables.
WORKER_ENVIRONMENT = {"AGENT_NAME": "agentex-usage-patch", "ACP_URL": "http://127.0.0.1"}

#: The releases with the defect, and the first release with the fix.
AFFECTED = SpecifierSet(">=0.5.1,<0.10.5")
FIXED_IN = "0.10.5"

#: The requirements of each extra of this package, as in setup.cfg.
EXTRAS = {"agentex": ("agentex-sdk==0.10.4", "openai<2.45", "temporalio<1.35")}

#: What to do once the installed release has the fix.
REMOVE = "remove this package: delete its two lines, then pip uninstall agentex-usage-patch"

#: The span of every call. The fix adds the usage to its output.
SPAN = "streaming_model_get_response"

#: Keyword of `get_response` → field of the request.
FORWARDED = {
    "previous_response_id": "previous_response_id",
    "conversation_id": "conversation",
    "prompt": "prompt",
}
PROMPT_CACHE_KEY = "prompt_cache_key"

USAGE = "usage"
RESPONSE_ID = "response_id"
SPAN_USAGE = "span_usage"
FIXES = (USAGE, RESPONSE_ID, SPAN_USAGE, *FORWARDED, PROMPT_CACHE_KEY)


@dataclass(frozen=True)
class Companion:
    """A distribution that works with the releases in ``sdk`` only at the versions in ``works``.

    ``pin`` is the requirement that installs a working version.
    """

    distribution: str
    sdk: SpecifierSet
    works: SpecifierSet
    pin: str
    reason: str


_USAGE_RAISES = "agents.Usage() raises: InputTokensDetails.cache_write_tokens became required"
_PLUGIN_MOVED = "temporalio.contrib.openai_agents moved to another distribution"

COMPANIONS = (
    # agentex-sdk 0.18.0 caps openai itself.
    Companion("openai", SpecifierSet(">=0.5.1,<0.18"), SpecifierSet("<2.45"),
              "openai==2.44.0", _USAGE_RAISES),
    Companion("temporalio", SpecifierSet(">=0.5.1,<0.6"), SpecifierSet("<1.18"),
              "temporalio==1.17.0",
              "its plugin passes conversation_id, which openai-agents 0.2.7 does not take"),
    Companion("temporalio", SpecifierSet(">=0.6,<0.9.6"), SpecifierSet(">=1.20,<1.24"),
              "temporalio==1.23.0", "AgentexWorker cannot be imported with it"),
    Companion("temporalio", SpecifierSet(">=0.9.6,<0.10.1"), SpecifierSet("<1.26"),
              "temporalio==1.25.1", "its plugin cannot be imported with openai-agents 0.4.2"),
    Companion("temporalio", SpecifierSet(">=0.10.1,<=0.28.4"), SpecifierSet("<1.35"),
              "temporalio==1.34.0", _PLUGIN_MOVED),
)  # fmt: skip


#: Keywords of ``Runner.run()`` that temporalio's runner does not pass on, patched or not:
#: SDK releases → keyword → what happens instead.
RUNNER_DROPS = {
    SpecifierSet(">=0.5.1,<0.6"): {
        "conversation_id": "is a TypeError",
        "auto_previous_response_id": "is a TypeError",
    },
    SpecifierSet(">=0.6,<0.10.1"): {
        "conversation_id": "is dropped silently",
        "auto_previous_response_id": "is a TypeError",
    },
}


def dropped_by_runner() -> list[str]:
    """Return a sentence for each keyword that the installed runner does not pass on."""
    return [
        f"{keyword} of Runner.run() {what} in the runner of this release, patched or not"
        for releases, dropped in RUNNER_DROPS.items()
        if within(sdk_version(), releases)
        for keyword, what in dropped.items()
    ]


def installed_version(distribution: str) -> str | None:
    """Return the installed version of a distribution, or None when it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def versions() -> dict[str, str | None]:
    """Return the installed versions of agentex-sdk, its companions and this package."""
    return {name: installed_version(name) for name in (DISTRIBUTION, *REPORTED)}


def sdk_version() -> str | None:
    """Return the installed version of agentex-sdk, or None when that is unknown."""
    return installed_version(DISTRIBUTION)


def is_installed() -> bool:
    """Return whether agentex-sdk is installed, without importing it.

    It may have no dist-info: a frozen application includes only its code.
    """
    package = MODULE.partition(".")[0]
    if sdk_version() is not None or package in sys.modules:
        return True
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):  # a third-party finder, or a module without a spec
        return False


def model_is_gone() -> bool:
    """Return whether the installed agentex-sdk lacks the module of the model.

    Checks its files and imports nothing. False for an editable install, whose files are
    elsewhere.
    """
    try:
        files = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return False
    path = MODULE.replace(".", "/")
    package = f"{path.partition('/')[0]}/__init__.py"
    there = [Path(str(files.locate_file(each))).exists() for each in (package, f"{path}.py")]
    return there == [True, False]


def within(version: str | None, releases: SpecifierSet) -> bool:
    """Return whether a version is in a range. A missing or invalid version is not."""
    if version is None:
        return False
    try:
        return releases.contains(Version(version), prereleases=True)
    except InvalidVersion:
        return False


def breaking_companions() -> list[tuple[Companion, str]]:
    """Return the companions that break the installed SDK, with their installed versions."""
    sdk = sdk_version()
    installed = ((each, installed_version(each.distribution)) for each in COMPANIONS)
    return [
        (each, version)
        for each, version in installed
        if version is not None and within(sdk, each.sdk) and not within(version, each.works)
    ]
