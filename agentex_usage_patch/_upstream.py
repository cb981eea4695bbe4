"""Facts about upstream, as data, and what is installed here.

The only place that knows a release number, a dotted name or a range of agentex-sdk and
its companions. Source: the published wheels; agentex-sdk PR #335, shipped in 0.10.5.
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

#: What runs an agent, and the setting through which fields were sent past the defect.
WORKER = "AgentexWorker"
WORKER_MODULE = "agentex.lib.core.temporal.workers.worker"
ACTIVITIES_MODULE = "agentex.lib.core.temporal.activities"
INTERCEPTOR_MODULE = (
    "agentex.lib.core.temporal.plugins.openai_agents.interceptors.context_interceptor"
)
EXTRA_ARGS = "extra_args"

#: How the release of an SDK is named whose dist-info is missing.
UNKNOWN = "of an unknown release"

#: The distributions that a call goes through, beside the SDK's own.
BESIDE = ("openai", "openai-agents", "temporalio", "wrapt", "agentex-usage-patch")

#: Without it, importing the SDK asks the network for the prices of models.
OFFLINE = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}

#: What the SDK wants of the environment before it makes a worker.
WORKER_ENVIRONMENT = {"AGENT_NAME": "agentex-usage-patch", "ACP_URL": "http://127.0.0.1"}

#: Releases with the defect; the first one after them has the fix.
AFFECTED = SpecifierSet(">=0.5.1,<0.10.5")
FIXED_IN = "0.10.5"

#: What each extra of this package requires, as its setup.cfg has it.
EXTRAS = {"agentex": ("agentex-sdk==0.10.4", "openai<2.45", "temporalio<1.35")}

#: What to do once the installed release has the fix.
REMOVE = "pip uninstall agentex-usage-patch"

#: The span in which every body runs, and whose output gets the usage.
SPAN = "streaming_model_get_response"

#: What `get_response` is called with → what ``responses.create`` calls it.
FORWARDED = {
    "previous_response_id": "previous_response_id",
    "conversation_id": "conversation",
    "prompt": "prompt",
}
PROMPT_CACHE_KEY = "prompt_cache_key"

#: What ``responses.create`` calls it → where openai-agents takes it.
GIVEN_AS = {
    "previous_response_id": "previous_response_id=… of Runner.run()",
    "conversation": "conversation_id=… of Runner.run()",
    "prompt": "prompt=… of Agent()",
}

USAGE = "usage"
RESPONSE_ID = "response_id"
SPAN_USAGE = "span_usage"
FIXES = (USAGE, RESPONSE_ID, SPAN_USAGE, *FORWARDED, PROMPT_CACHE_KEY)


@dataclass(frozen=True)
class Companion:
    """A distribution that breaks some releases of the SDK from some version on."""

    distribution: str
    sdk: SpecifierSet
    works: SpecifierSet
    mend: str
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


#: What temporalio's runner does not pass on from ``Runner.run()``, patched or not: releases
#: of the SDK with the companions above → keyword → what happens to it.
RUNNER_DROPS = {
    SpecifierSet(">=0.5.1,<0.6"): {
        "conversation_id": "is a TypeError",
        "auto_previous_response_id": "is a TypeError",
    },
    SpecifierSet(">=0.6,<0.10.1"): {
        "conversation_id": "is dropped without a word",
        "auto_previous_response_id": "is a TypeError",
    },
}


def dropped_by_runner() -> list[str]:
    """Say what the installed runner does not pass on to `get_response`, a sentence each."""
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
    """Return what is installed of agentex-sdk, its companions, and what patches it."""
    return {name: installed_version(name) for name in (DISTRIBUTION, *BESIDE)}


def sdk_version() -> str | None:
    """Return the installed version of agentex-sdk, or None when it is not installed."""
    return installed_version(DISTRIBUTION)


def is_there() -> bool:
    """Say whether agentex-sdk can be imported, with or without what says which release it is.

    A frozen application holds its code without its dist-info. Imports nothing.
    """
    package = MODULE.partition(".")[0]
    if sdk_version() is not None or package in sys.modules:
        return True
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):  # a finder of somebody's, or a module without a spec
        return False


def model_is_gone() -> bool:
    """Say whether the installed agentex-sdk holds its package but no model where it was.

    Looks at its files and imports nothing. An editable install keeps them elsewhere: no.
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
    """Say whether a version lies in a range; an unreadable or missing one does not."""
    if version is None:
        return False
    try:
        return releases.contains(Version(version), prereleases=True)
    except InvalidVersion:
        return False


def breaking_companions() -> list[tuple[Companion, str]]:
    """Return the installed companions, with their versions, that break the installed SDK."""
    sdk = sdk_version()
    installed = ((each, installed_version(each.distribution)) for each in COMPANIONS)
    return [
        (each, version)
        for each, version in installed
        if version is not None and within(sdk, each.sdk) and not within(version, each.works)
    ]
