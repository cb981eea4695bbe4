"""What a person or a machine reads about the patch."""

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
    """One of the things that upstream's PR #335 fixed, and where it stands.

    ``state`` is ``native`` when the installed `get_response` does it by itself,
    ``patched`` when it does it through this package, ``missing`` when it was seen not
    to, ``unknown`` when it could not be seen. ``evidence`` says how that is known.
    """

    name: str
    state: State
    evidence: str


@dataclass(frozen=True)
class Conflict:
    """An installed companion that breaks the worker with or without this package.

    ``command`` is the one shell command that mends it.
    """

    distribution: str
    version: str
    reason: str
    command: str


@dataclass(frozen=True)
class PatchStatus:
    """What was observed of the installed agentex-sdk and of the patch on it.

    ``sdk_version`` is None when agentex-sdk is not installed; ``model`` and
    ``model_file`` tell where `get_response` was found, None while its module is not
    imported. ``bypasses`` names what calls an original `get_response` past the patch.
    ``summary`` is one line for people, ``advice`` one sentence: what to do next.
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
        """True when every fix was seen to work, by either side."""
        return bool(self.fixes) and len(self.named("native", "patched")) == len(self.fixes)

    def named(self, *states: State) -> tuple[str, ...]:
        """Return the names of the fixes in any of these states."""
        return tuple(fix.name for fix in self.fixes if fix.state in states)


class AgentexUsagePatchError(RuntimeError):
    """`apply_patch` with ``strict=True`` could not bring every fix into place.

    The message says where was looked, what was found and what to do; ``status`` holds
    what was observed.
    """

    def __init__(self, status: PatchStatus) -> None:
        name = f"{_upstream.MODULE}.{_upstream.CLASS}.{_upstream.METHOD}"
        where = f" in {status.model_file}" if status.model_file else ""
        super().__init__(
            f"agentex-usage-patch looked at {name}{where}. {status.summary} {status.advice}"
        )
        self.status = status

    def __reduce__(self) -> tuple[type[Self], tuple[PatchStatus]]:
        # Another process may be told of it: an initializer of a pool, a test runner's worker.
        return type(self), (self.status,)


def describe(
    seen: Observation,
    *,
    model_file: str | None,
    applied: frozenset[str],
    waiting: bool,
    copied: bool = False,
    bypasses: tuple[str, ...] = (),
    somebodys: Sequence[str] = (),
) -> PatchStatus:
    """Put together what was observed.

    ``applied`` are the fixes of the wrapper that is in place, ``copied`` when another
    copy of this package has put it there; ``waiting`` says whether the patch is to be
    applied when the SDK's model is imported. ``somebodys`` names the functions of others
    that `get_response` was seen to go through.
    """
    version = _upstream.sdk_version()
    by = " by another copy of this package" if copied else ""
    fixes = tuple(_fix(name, version, seen, applied, by, somebodys) for name in _upstream.FIXES)
    conflicts = tuple(
        Conflict(each.distribution, installed, each.reason, f'pip install "{each.mend}"')
        for each, installed in _upstream.breaking_companions()
    )
    summary = " ".join(
        [
            f"{_SDK} {version or _upstream.UNKNOWN}: {_sentence(fixes, seen, by, waiting=waiting)}"
            if _upstream.is_there()
            else f"{_SDK} is not installed: there is nothing to patch.",
            *(
                f"{each.distribution} {each.version} breaks this release with or without the "
                f"patch ({each.reason}): {each.command}"
                for each in conflicts
            ),
            *(f"Past the patch: {each}." for each in bypasses),
        ]
    )
    model = f"{_upstream.MODULE}.{_upstream.CLASS}.{_upstream.METHOD}" if model_file else None
    advice = _advice(fixes, conflicts, bypasses, pending=seen.pending, waiting=waiting)
    return PatchStatus(version, model, model_file, fixes, conflicts, bypasses, summary, advice)


def _fix(
    name: str,
    version: str | None,
    seen: Observation,
    applied: frozenset[str],
    by: str,
    somebodys: Sequence[str],
) -> Fix:
    if seen.problem is not None:
        return Fix(name, "unknown", f"{seen.problem}; {_by_version(version)}")
    evidence = "seen when get_response was run against stubs"
    if name in seen.working:
        if name in applied:
            return Fix(name, "patched", f"{evidence}, applied{by}" if by else evidence)
        if not _upstream.within(version, _upstream.AFFECTED):
            return Fix(name, "native", evidence)
        through = f"; it goes through {', '.join(somebodys)}" if somebodys else ""
        return Fix(name, "native", f"{evidence}, although {_by_version(version)}{through}")
    return Fix(name, "missing", f"not {evidence}; {_by_version(version)}")


def _advice(
    fixes: tuple[Fix, ...],
    conflicts: tuple[Conflict, ...],
    bypasses: tuple[str, ...],
    *,
    pending: bool,
    waiting: bool,
) -> str:
    """Say in one sentence what to do next: the first thing that stands in the way."""
    states = {fix.state for fix in fixes}
    remove = f"remove this package: {_upstream.REMOVE}"
    if not _upstream.is_there():
        return f"Ask the interpreter that runs the worker, the one that has {_SDK}."
    if conflicts:
        return f"Run: {' && '.join(each.command for each in conflicts)}"
    if pending and waiting:
        return "Nothing: it is applied when the worker imports the SDK's model."
    if not waiting and (pending or "missing" in states):
        return "Call agentex_usage_patch.apply_patch() in run_worker.py."
    if states & {"missing", "unknown"}:
        return "Run agentex-usage-patch verify: it makes real calls and shows what they do."
    if bypasses:
        return f"Call apply_patch() before they come about, or let them call {_upstream.CLASS}'s."
    if states == {"native"}:
        return f"Nothing is needed here: {remove}"
    return f"Nothing now; after an upgrade to {_upstream.FIXED_IN} or later, {remove}"


def _by_version(version: str | None) -> str:
    if version is None:
        known = "the release of {} is unknown" if _upstream.is_there() else "{} is not installed"
        return known.format(_SDK)
    if _upstream.within(version, _upstream.AFFECTED):
        return f"release {version} lacks it"
    return f"release {version} is not one of those that lack it ({_upstream.AFFECTED})"


def _sentence(fixes: tuple[Fix, ...], seen: Observation, by: str, *, waiting: bool) -> str:
    def those(state: State) -> str:
        return ", ".join(fix.name for fix in fixes if fix.state == state)

    if seen.pending:
        return (
            "the patch will be applied when its model is imported."
            if waiting
            else "its model is not imported yet and the patch is not applied; call apply_patch()."
        )
    if seen.problem is not None:
        return f"what get_response does could not be observed ({seen.problem})."
    native, patched, missing = those("native"), those("patched"), those("missing")
    if missing:
        advice = "" if waiting else "; call apply_patch()"
        return f"{missing} missing{advice}."
    if not patched:
        return f"it has every fix, nothing is replaced; remove this package: {_upstream.REMOVE}"
    upgrade = f"to be removed after an upgrade to {_upstream.FIXED_IN} or later"
    if native:
        return f"{patched} patched{by}, {native} native; {upgrade}."
    return f"patched{by} ({patched}); {upgrade}."
