"""What to do with an agent, a line each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from . import _upstream
from ._scan_agents import Agent, SharedFile
from ._scan_calls import BY_NAME, InHouse, Place
from ._scan_code import WORKER_FILE
from ._scan_commands import Called
from ._scan_edits import Out, edits, out_of
from ._scan_extra_args import Workaround
from ._scan_stated import PATCH, Stated
from ._scan_versions import Versions

Kind = Literal[
    "add", "require", "lock", "delete", "workaround", "companion", "version", "disagreement",
    "remove", "upgrade",
]  # fmt: skip

#: The two lines that apply this package.
TWO_LINES = ("from agentex_usage_patch import apply_patch", "apply_patch()")

_IN_HOUSE = "in-house patch"
_A_PATCH = f"an {_IN_HOUSE}"


@dataclass(frozen=True)
class Action:
    """One thing to do, in one place; ``end`` is its last line. Without lines it is of the path.

    What is not ``due`` may be done: the upgrade that everything leads to.
    """

    kind: Kind
    path: Path
    line: int | None
    end: int | None
    text: str
    due: bool = True


def advise(
    agent: Agent,
    versions: Versions,
    needing: frozenset[Path],
    commands: Iterable[Called],
) -> list[Action]:
    """Return what to do with an agent, in the order in which to do it.

    ``needing`` are the folders of the agents that are not known to do without this package,
    ``commands`` what calls it for this one and is no Python.
    """
    actions = list(_about_versions(versions, agent))
    actions += files(patch for patch in agent.patches if patch.path in agent.alone)
    edited = list(_edits(agent, versions))
    actions += [each for each in edited if each.kind == "delete"]
    if versions.needs_none:
        why = f": {_why(versions)}"
        removals = [each for each in edited if each.kind == "remove"]
        removals += requirement(versions.written_patch, versions.patch, why, versions.again)
        actions += calls(commands, why)
        actions += removals if needing.isdisjoint(agent.importers) else map(later, removals)
        if needing:
            actions += map(later, removals_in(agent.shared))
        else:  # and whoever has some of them as its own tells of those
            actions += removals_in(file for file in agent.shared if file.owner is None)
    elif agent.runs and (versions.side != "unknown" or agent.uses or agent.ours):
        actions += _application(agent, versions)
    actions += workarounds(agent.workarounds, fixed=versions.side == "fixed")
    ready = agent.runs or needing.isdisjoint(agent.importers)
    if not actions and ready and versions.side in ("affected", "spans"):
        sdk = next(each for each in versions.sdk if each.side != "fixed")
        text = f"safe to upgrade to {_upstream.DISTRIBUTION}>={_upstream.FIXED_IN}; then scan again"
        actions.append(Action("upgrade", sdk.file, sdk.line, sdk.line, text, due=False))
    return upward(actions)


def upward(actions: Iterable[Action]) -> list[Action]:
    """Return what to do, each once, and within Python files from the last line upward: so the
    lines are still those that are told while it is done.
    """
    told = list(dict.fromkeys(actions))
    waiting: dict[Path, list[Action]] = defaultdict(list)
    for action in sorted(told, key=lambda each: each.line or 0):
        waiting[action.path].append(action)
    return [waiting[each.path].pop() if each.path.suffix == ".py" else each for each in told]


def _about_versions(versions: Versions, agent: Agent) -> Iterator[Action]:
    if versions.side == "unknown":
        yield _unknown(versions, agent)
    for other in versions.others:
        trusted = versions.sdk[0]
        text = (f"says {other.written or 'any release'}, which is not the {trusted.version} of "
                f"{trusted.file.name}:{trusted.line}: make them agree")  # fmt: skip
        yield Action("disagreement", other.file, other.line, other.line, text)
    for companion in versions.companions:
        fact, stated = companion.fact, companion.stated
        at = stated or versions.sdk[0]
        has = f"{fact.distribution} {stated.written}".strip() if stated else fact.distribution
        how = "breaks" if stated and stated.version else "is not held back, and a new one breaks"
        text = f"{has} {how} this {_upstream.DISTRIBUTION} ({fact.reason}): hold {fact.mend}"
        yield Action("companion", at.file, at.line, at.line, text)


def _unknown(versions: Versions, agent: Agent) -> Action:
    why, line = "is stated nowhere here", None
    # No line says it; a person would write it into this file.
    path = versions.editable[0] if versions.editable else agent.folder
    if versions.sdk:
        at = next(each for each in versions.sdk if each.side == "unknown")
        path, line = at.file, at.line
        why = f"comes from {at.origin}" if at.origin else f"has no release {at.written!r}"
    text = f"{_upstream.DISTRIBUTION} {why}: ask its environment with `{PATCH} status`"
    # With this package it is right whatever the release: it looks at what the SDK does.
    return Action("version", path, line, line, text, due=not agent.applied)


def files(patches: Iterable[InHouse]) -> Iterator[Action]:
    """Yield what deletes the files that are there for in-house patches."""
    for patch in patches:
        yield Action("delete", patch.path, patch.line, patch.line,
                     f"delete this file, an in-house patch: {_does(patch)}")  # fmt: skip


def _edits(agent: Agent, versions: Versions) -> Iterator[Action]:
    """Yield what to take out of files that stay: in-house patches, and this package if it is
    not needed.
    """
    outs: dict[Path, list[Out]] = defaultdict(list)
    for patch in agent.patches:
        if patch.path not in agent.alone:
            outs[patch.path].append(_patch(patch))
    for place in agent.uses:
        outs[place.path].append(_use(place))
    if versions.needs_none:
        for path, use in agent.ours:
            outs[path].append(out_of(use, PATCH, f": {_why(versions)}"))
    for path, each in outs.items():
        for edit in edits(each):
            kind: Kind = "remove" if edit.out.of == PATCH else "delete"
            yield Action(kind, path, edit.line, edit.end, edit.text)


def _patch(patch: InHouse) -> Out:
    why = f": {_does(patch)}"
    if patch.function:
        statement = patch.function.statement
        what = f"{_IN_HOUSE}, to line {statement.end}"
        return Out(statement.line, statement.end, what, _A_PATCH, why, statement, whole=True)
    found = patch.patch
    assert found is not None  # noqa: S101
    what = f"{_IN_HOUSE}, to line {found.end}" if found.whole else _IN_HOUSE
    if found.what == "decorator":
        what = f"decorator, {_A_PATCH}"
    return Out(found.line, found.end, what, _A_PATCH, why, found.statement, found.whole)


def _use(place: Place) -> Out:
    if place.use:
        return out_of(place.use, _A_PATCH)
    what = f"function, to line {place.end}"
    return Out(place.line, place.end, what, _A_PATCH, f": it only calls {_A_PATCH}",
               place.statement, whole=True)  # fmt: skip


def _does(patch: InHouse) -> str:
    if patch.how == BY_NAME:
        return f"it {BY_NAME}"
    return f"it {patch.how} {_upstream.CLASS}.{_upstream.METHOD}"


def _application(agent: Agent, versions: Versions) -> Iterator[Action]:
    lines = "; ".join(TWO_LINES)
    if not agent.applied and agent.worker:
        path, line = agent.worker.path, agent.worker.start
        yield Action("add", path, line, line, f"add two lines here{_uncalled(agent)}: {lines}")
    elif not agent.applied:
        text = f"add two lines to {WORKER_FILE}, which cannot be read: {lines}"
        yield Action("add", agent.folder / WORKER_FILE, None, None, text)
    sdk = versions.sdk[0] if versions.sdk else None
    written = versions.written_patch
    if sdk and versions.again and written and not versions.patch:
        made = "lock" if sdk.locked else "compiled file"
        text = f"{PATCH} is in {written.file.name} and not in this {made}: {versions.again}"
        yield Action("lock", sdk.file, sdk.line, sdk.line, text)
    elif sdk and not versions.patch and not agent.brought:
        path, line = versions.editable or (sdk.file, sdk.line)
        again = f", then {versions.again}" if versions.again else ""
        known = versions.editable or sdk.locked
        where = "the requirements" if known else "what this file is compiled from"
        yield Action("require", path, line, line, f"add {PATCH} to {where}{again}")


def _uncalled(agent: Agent) -> str:
    """Say where a file that an agent imports applies this package, in what it does not run."""
    for file in agent.shared:
        for use in file.applied:
            return f", as {file.path.name}:{use.line}, which applies it, is not seen to run"
    return ""


def _why(versions: Versions) -> str:
    release = f"{_upstream.DISTRIBUTION} {versions.sdk[0].version or versions.sdk[0].written}"
    return f"{release} has {'the fix' if versions.side == 'fixed' else 'no such model'}"


def removals_in(shared: Iterable[SharedFile]) -> Iterator[Action]:
    """Yield what takes this package out of files that agents share."""
    for file in shared:
        for edit in edits(out_of(use, PATCH) for use in file.ours):
            yield Action("remove", file.path, edit.line, edit.end, edit.text)


def later(action: Action) -> Action:
    """Return what is to be done when no agent needs this package any more, as such."""
    return replace(action, due=False, text=f"not while an agent needs it: {action.text}")


def requirement(
    written: Stated | None, made: Stated | None, why: str, again: str
) -> Iterator[Action]:
    """Yield what takes a requirement out, from where a person wrote it, or what a tool made of
    that, and how it is made ``again``.
    """
    if stated := written or made:
        where = "the requirements"
        if stated.locked:
            where = "what this lock is made from"
        elif not written and again:
            where = "what this file is compiled from"
        then = f", then {again}" if made and again else ""
        text = f"remove {PATCH} from {where}{then}{why}"
        yield Action("remove", stated.file, stated.line, stated.line, text)


def calls(commands: Iterable[Called], why: str) -> Iterator[Action]:
    """Yield what takes this package out of files that are no Python."""
    for called in commands:
        text = f"remove the step, probe or setting with {PATCH} here{why}"
        if called.checks:
            text = f"remove this health check, to line {called.end}, as it calls {PATCH}{why}"
        yield Action("remove", called.path, called.line, called.end, text)


def workarounds(found: Iterable[tuple[Path, Workaround]], *, fixed: bool) -> Iterator[Action]:
    """Yield what takes fields out of ``extra_args``, or a look where any may be in it."""
    when = "is a TypeError" if fixed else f"becomes a TypeError from {_upstream.FIXED_IN} on"
    for path, each in found:
        if each.field:
            text = (f"take {each.field!r} out of extra_args, where it {when}: "
                    f"give it as {_upstream.GIVEN_AS[each.field]}")  # fmt: skip
            yield Action("workaround", path, each.line, each.line, text)
        elif not fixed:  # whoever has the fix has seen it
            *some, last = map(repr, _upstream.GIVEN_AS)
            text = (f"before an upgrade, see what goes into extra_args here: {', '.join(some)} or "
                    f"{last} {when}")  # fmt: skip
            yield Action("workaround", path, each.line, each.line, text, due=False)
