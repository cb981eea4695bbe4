"""The status: what people and machines read about the patch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

from .. import _upstream
from .probe.observe import Observation

State = Literal["native", "patched", "missing", "unknown"]

_SDK = _upstream.DISTRIBUTION


@dataclass(frozen=True)
class Fix:
    """One of the fixes of upstream's PR #335, and its state.

    ``state`` is ``native`` when the installed `get_response` does it by itself, ``patched``
    when it does it through this package, ``missing`` when it does not, ``unknown`` when
    that could not be observed. ``evidence`` says how the state is known.
    """

    name: str
    state: State
    evidence: str


@dataclass(frozen=True)
class Conflict:
    """An installed companion with which the worker breaks, patched or not.

    ``command`` is the shell command that repairs it.
    """

    distribution: str
    version: str
    reason: str
    command: str


@dataclass(frozen=True)
class PatchStatus:
    """What was observed of the installed agentex-sdk and of the patch on it.

    ``sdk_version`` is None when the release is unknown or agentex-sdk is not installed.
    ``model`` and ``model_file`` say where `get_response` was found, None while its module is
    not imported. ``bypasses`` names classes whose calls do not reach the patch. ``summary``
    is one line for people, ``advice`` one sentence: what to do next.
    """

    sdk_version: str | None
    model: str | None
    model_file: str | None
    fixes: tuple[Fix, ...]
    conflicts: tuple[Conflict, ...]
    bypasses: tuple[str, ...]
    summary: str
    advice: str

    @property
    def complete(self) -> bool:
        """True when every fix was seen to work, natively or patched."""
        return bool(self.fixes) and len(self.named("native", "patched")) == len(self.fixes)

    def named(self, *states: State) -> tuple[str, ...]:
        """Return the names of the fixes in any of these states."""
        return tuple(fix.name for fix in self.fixes if fix.state in states)


class AgentexUsagePatchError(RuntimeError):
    """Raised by `apply_patch` with ``strict=True`` when a fix is not in place.

    The message says where `get_response` is, what was found and what to do. ``status`` is
    the `PatchStatus`.
    """

    def __init__(self, status: PatchStatus) -> None:
        where = f" in {status.model_file}" if status.model_file else ""
        super().__init__(
            f"agentex-usage-patch looked at {_upstream.DOTTED}{where}. "
            f"{status.summary} {status.advice}"
        )
        self.status = status

    def __reduce__(self) -> tuple[type[Self], tuple[PatchStatus]]:
        # Process pools and test runners pickle errors.
        return type(self), (self.status,)


def describe(
    seen: Observation,
    *,
    model_file: str | None,
    wanted: bool,
    bypasses: tuple[str, ...] = (),
    third_party: Sequence[str] = (),
) -> PatchStatus:
    """Return the status for what was observed.

    ``wanted`` says whether `apply_patch` was called.
    ``third_party`` names the third-party functions behind `get_response`.
    """
    version = _upstream.sdk_version()
    fixes = tuple(_fix(name, version, seen, third_party) for name in _upstream.FIXES)
    conflicts = tuple(
        Conflict(each.distribution, installed, each.reason, f'pip install "{each.pin}"')
        for each, installed in _upstream.breaking_companions()
    )
    if _upstream.is_installed():
        release = version or _upstream.UNKNOWN
        sentences = [f"{_SDK} {release}: {_sentence(fixes, seen, version, wanted=wanted)}"]
    else:
        sentences = [f"{_SDK} is not installed: there is nothing to patch."]
    sentences += [
        f"{each.distribution} {each.version} breaks this release, patched or not "
        f"({each.reason}): {each.command}"
        for each in conflicts
    ]
    sentences += [f"Bypasses the patch: {each}." for each in bypasses]
    model = _upstream.DOTTED if model_file else None
    advice = _advice(fixes, conflicts, bypasses, version, pending=seen.pending, wanted=wanted)
    summary = " ".join(sentences)
    return PatchStatus(version, model, model_file, fixes, conflicts, bypasses, summary, advice)


def _fix(name: str, version: str | None, seen: Observation, third_party: Sequence[str]) -> Fix:
    if seen.problem is not None:
        return Fix(name, "unknown", f"{seen.problem}; {_by_version(version)}")
    evidence = "seen when get_response was run against stubs"
    if name not in seen.working:
        return Fix(name, "missing", f"not {evidence}; {_by_version(version)}")
    if name in seen.applied:
        return Fix(name, "patched", evidence)
    if _upstream.within(version, _upstream.AFFECTED):
        evidence += f", although {_by_version(version)}"
        if third_party:
            evidence += f"; it goes through {', '.join(third_party)}"
    return Fix(name, "native", evidence)


def _by_version(version: str | None) -> str:
    if version is None:
        if _upstream.is_installed():
            return f"the release of {_SDK} is unknown"
        return f"{_SDK} is not installed"
    if _upstream.within(version, _upstream.AFFECTED):
        return f"release {version} lacks it"
    return f"release {version} is not one of those that lack it ({_upstream.AFFECTED})"


def _sentence(
    fixes: tuple[Fix, ...], seen: Observation, version: str | None, *, wanted: bool
) -> str:
    """Return the part of the summary about the fixes."""

    def named(state: State) -> str:
        return ", ".join(fix.name for fix in fixes if fix.state == state)

    if seen.pending:
        if wanted:
            return "the patch will be applied when its model is imported."
        return "its model is not imported yet and the patch is not applied; call apply_patch()."
    if seen.problem is not None:
        return f"what get_response does could not be observed ({seen.problem})."
    native, patched, missing = named("native"), named("patched"), named("missing")
    if missing:
        return f"{missing} missing{'' if wanted else '; call apply_patch()'}."
    if not patched:
        if _upstream.within(version, _upstream.AFFECTED):
            return "another patch provides every fix, nothing is replaced."
        return f"it has every fix, nothing is replaced; {_upstream.REMOVE}."
    upgrade = f"remove this package after an upgrade to {_upstream.FIXED_IN} or later"
    if native:
        return f"{patched} patched, {native} native; {upgrade}."
    return f"patched ({patched}); {upgrade}."


def _advice(
    fixes: tuple[Fix, ...],
    conflicts: tuple[Conflict, ...],
    bypasses: tuple[str, ...],
    version: str | None,
    *,
    pending: bool,
    wanted: bool,
) -> str:
    """Return what to do next, in one sentence: about the first obstacle."""
    states = {fix.state for fix in fixes}
    if not _upstream.is_installed():
        return f"Run this with the worker's interpreter, where {_SDK} is installed."
    if conflicts:
        return f"Run: {' && '.join(each.command for each in conflicts)}"
    if pending and wanted:
        return "Nothing: the patch is applied when the worker imports the SDK's model."
    if not wanted and (pending or "missing" in states):
        return "Call agentex_usage_patch.apply_patch() in run_worker.py."
    if states & {"missing", "unknown"}:
        return "Run agentex-usage-patch verify: it makes two turns on loopback and compares them."
    if bypasses:
        return f"Let these classes call {_upstream.CLASS}.{_upstream.METHOD}."
    if states == {"native"}:
        if _upstream.within(version, _upstream.AFFECTED):
            return "Remove that patch to use this package, or remove this package."
        return f"Nothing is needed here: {_upstream.REMOVE}"
    return f"Nothing now; after an upgrade to {_upstream.FIXED_IN} or later, {_upstream.REMOVE}"
