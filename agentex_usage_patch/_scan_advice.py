"""What to do with an agent, a line each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from . import _upstream
from ._scan_agents import WORKER_FILE, Agent
from ._scan_calls import BY_NAME
from ._scan_stated import PATCH, Stated
from ._scan_versions import Versions

Kind = Literal[
    "add", "require", "lock", "delete", "workaround", "companion", "version", "disagreement",
    "remove", "upgrade",
]  # fmt: skip

#: The two lines that apply this package.
TWO_LINES = ("from agentex_usage_patch import apply_patch", "apply_patch()")

_LOCK_AGAIN = {
    "uv.lock": "uv lock",
    "poetry.lock": "poetry lock",
    "pdm.lock": "pdm lock",
    "Pipfile.lock": "pipenv lock",
}


@dataclass(frozen=True)
class Action:
    """One thing to do, in one place; ``end`` is its last line.

    What is not ``due`` may be done: the upgrade that everything leads to.
    """

    kind: Kind
    path: Path
    line: int
    end: int
    text: str
    due: bool = True


def advise(agent: Agent, versions: Versions) -> list[Action]:
    """Return what to do with an agent, in the order in which to do it."""
    actions = list(_about_versions(versions, agent))
    actions += _in_house(agent)
    if versions.side in ("fixed", "before"):
        actions += _removal(agent, versions)
    elif agent.runs and (versions.side != "unknown" or agent.uses or agent.ours):
        actions += _application(agent, versions)
    actions += _workarounds(agent, versions)
    if not actions and versions.side in ("affected", "spans"):
        sdk = versions.sdk[0]
        text = f"safe to upgrade to {_upstream.DISTRIBUTION}>={_upstream.FIXED_IN}; then scan again"
        actions.append(Action("upgrade", sdk.file, sdk.line, sdk.line, text, due=False))
    return list(dict.fromkeys(actions))


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
    why, path, line = "is stated nowhere here", agent.folder, 1
    if versions.sdk:
        at = versions.sdk[0]
        path, line = at.file, at.line
        why = f"comes from {at.origin}" if at.origin else f"has no release {at.written!r}"
    text = f"{_upstream.DISTRIBUTION} {why}: ask its environment with `{PATCH} status`"
    # With this package it is right whatever the release: it looks at what the SDK does.
    return Action("version", path, line, line, text, due=not agent.applied)


def _in_house(agent: Agent) -> Iterator[Action]:
    for patch in agent.patches:
        what = f"it {patch.how} {_upstream.CLASS}.{_upstream.METHOD}"
        if patch.how == BY_NAME:
            what = f"it {BY_NAME}"
        if patch.path in agent.alone:
            yield Action("delete", patch.path, patch.line, patch.line,
                         f"delete this file, an in-house patch: {what}")  # fmt: skip
        else:
            first, last = patch.lines
            yield Action("delete", patch.path, first, last,
                         f"delete this in-house patch, to line {last}: {what}")  # fmt: skip
    for use in agent.uses:
        if use.what == "function":
            text = f"delete this function, to line {use.end}: it only calls an in-house patch"
        else:
            text = f"delete this {use.what} of an in-house patch"
        yield Action("delete", use.path, use.line, use.end, text)


def _application(agent: Agent, versions: Versions) -> Iterator[Action]:
    lines = "; ".join(TWO_LINES)
    if not agent.applied and agent.worker:
        path, line = agent.worker.path, agent.worker.start
        yield Action("add", path, line, line, f"add two lines here: {lines}")
    elif not agent.applied:
        text = f"add two lines to {WORKER_FILE}, which cannot be read: {lines}"
        yield Action("add", agent.folder / WORKER_FILE, 1, 1, text)
    lock = versions.sdk[0] if versions.sdk else None
    written = versions.written_patch
    if lock and lock.locked and written and not versions.patch:
        text = f"{PATCH} is in {written.file.name} and not in this lock: {_lock_again(lock)}"
        yield Action("lock", lock.file, lock.line, lock.line, text)
    elif lock and not versions.patch:
        path, line = versions.editable or (lock.file, lock.line)
        again = f", then {_lock_again(lock)}" if lock.locked else ""
        yield Action("require", path, line, line, f"add {PATCH} to the requirements{again}")


def _removal(agent: Agent, versions: Versions) -> Iterator[Action]:
    release = f"{_upstream.DISTRIBUTION} {versions.sdk[0].version or versions.sdk[0].written}"
    why = f"{release} has the fix" if versions.side == "fixed" else f"{release} has no such model"
    for place in agent.ours:
        text = f"delete this {place.what} of {PATCH}: {why}"
        yield Action("remove", place.path, place.line, place.end, text)
    if stated := versions.written_patch or versions.patch:
        locked = versions.patch if versions.patch and versions.patch.locked else None
        again = f", then {_lock_again(locked)}" if locked else ""
        where = "what this lock is made from" if stated.locked else "the requirements"
        text = f"remove {PATCH} from {where}{again}: {why}"
        yield Action("remove", stated.file, stated.line, stated.line, text)


def _workarounds(agent: Agent, versions: Versions) -> Iterator[Action]:
    when = "is" if versions.side == "fixed" else "becomes"
    after = "" if versions.side == "fixed" else f" from {_upstream.FIXED_IN} on"
    for code in agent.codes:
        for found in code.workarounds:
            text = (f"take {found.field!r} out of extra_args, where it {when} a TypeError{after}: "
                    f"give it as {_upstream.GIVEN_AS[found.field]}")  # fmt: skip
            yield Action("workaround", code.path, found.line, found.line, text)


def _lock_again(lock: Stated) -> str:
    return f"`{_LOCK_AGAIN[lock.file.name]}`"
