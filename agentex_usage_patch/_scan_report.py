"""What ``scan`` tells: a table and lines in a terminal, lines in a pipe, JSON for machines."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import _upstream
from ._scan_advice import Action
from ._scan_agents import Agent
from ._scan_stated import Stated
from ._scan_versions import Versions
from ._scan_walk import NotRead

_NEEDS = {"affected": "yes", "spans": "maybe", "fixed": "no", "before": "no", "unknown": "unknown"}
_SAYS = {
    "affected": "lacks the fix",
    "spans": "spans the fix: one environment has it, another may not",
    "fixed": "has the fix",
    "before": "has no such model",
    "unknown": "may have the fix or not",
}


@dataclass(frozen=True)
class AgentReport:
    """An agent, what is stated for it, and what to do with it."""

    agent: Agent
    versions: Versions
    actions: tuple[Action, ...]

    @property
    def due(self) -> int:
        """How many things are to be done."""
        return sum(action.due for action in self.actions)

    @property
    def verdict(self) -> str:
        """What is to be done, in a few words."""
        if self.due:
            return f"{self.due} to do"
        if any(action.kind == "upgrade" for action in self.actions):
            return "safe to upgrade"
        return "nothing now" if self.actions else "nothing left"

    @property
    def _required(self) -> Stated | None:
        return self.versions.patch or self.agent.brought

    @property
    def release(self) -> str:
        """What is stated of agentex-sdk, in a few words."""
        stated = dict.fromkeys(
            each.version or each.written or (each.origin and "not from an index") or "any release"
            for each in self.versions.sdk
        )
        return " or ".join(stated) or "not stated"

    @property
    def patch(self) -> str:
        """What corrects it, in a few words."""
        in_house = "in-house patch" if self.agent.patches or self.agent.uses else ""
        package = "" if not self.agent.applied else (
            "this package" if self._required else "this package, not required"
        )  # fmt: skip
        return ", ".join(filter(None, [in_house, package])) or "none"

    def as_dict(self) -> dict[str, Any]:
        """Return its part of what ``--json`` prints."""
        agent, versions = self.agent, self.versions
        return {
            "folder": _shown(agent.folder),
            "worker": agent.worker and _shown(agent.worker.path),
            "sdk": [{**_stated(each), "version": each.version, "locked": each.locked,
                     "origin": each.origin} for each in versions.sdk],
            "side": versions.side,
            "needs_patch": _NEEDS[versions.side],
            "required": self._required and _stated(self._required),
            "applied": [{"file": _shown(path), "line": use.line} for path, use in agent.applied],
            "in_house": [
                {"file": _shown(each.path), "line": each.line, "how": each.how,
                 "function": each.function and each.function.name}
                for each in agent.patches
            ],
            "in_house_uses": [
                {"file": _shown(path), "line": line, "end": end, "what": what}
                for path, line, end, what in dict.fromkeys(
                    (each.path, each.line, each.end, each.what) for each in agent.uses
                )
            ],
            "workarounds": [
                {"file": _shown(path), **dataclasses.asdict(each)}
                for path, each in agent.workarounds
            ],
            "companions": [
                {"distribution": each.fact.distribution, "reason": each.fact.reason,
                 "hold": each.fact.mend, "stated": each.stated and _stated(each.stated)}
                for each in versions.companions
            ],
            "actions": [_action(each) for each in self.actions],
            "verdict": self.verdict,
        }  # fmt: skip


@dataclass(frozen=True)
class ScanReport:
    """The agents of some trees, what to do in files of none, and what was not read."""

    roots: tuple[Path, ...]
    agents: tuple[AgentReport, ...]
    elsewhere: tuple[Action, ...]
    not_read: tuple[NotRead, ...]

    @property
    def due(self) -> int:
        """How many things are to be done in all, what several agents share once."""
        return self._due_inside + self._due_elsewhere

    @property
    def _due_inside(self) -> int:
        return len({action for each in self.agents for action in each.actions if action.due})

    @property
    def _due_elsewhere(self) -> int:
        return sum(action.due for action in self.elsewhere)

    @property
    def summary(self) -> str:
        """One sentence: where they stand."""
        if not self.agents:
            where = ", ".join(repr(_shown(root)) for root in self.roots)
            return (f"No agent found in {where}: no run_worker.py, no {_upstream.WORKER} and no "
                    f"{_upstream.CLASS}.")  # fmt: skip
        count = f"{len(self.agents)} agent{'s' * (len(self.agents) > 1)}"
        if self.due:
            busy = sum(bool(agent.due) for agent in self.agents)
            inside, outside = self._due_inside, self._due_elsewhere
            told = [f"{inside} to do in {busy} of them"] * bool(inside)
            told += [f"{outside} to do in files of no agent"] * bool(outside)
            return f"{count}: {', '.join(told)}."
        if self.elsewhere or any(agent.actions for agent in self.agents):
            ready = sum(agent.verdict == "safe to upgrade" for agent in self.agents)
            upgrade = f"; {ready} safe to upgrade" if ready else ""
            return f"{count}: nothing to do now{upgrade}."
        return f"{count}: nothing left."

    def as_dict(self) -> dict[str, Any]:
        """Return what ``--json`` prints: schema 1, described in docs/scan.md."""
        return {
            "schema": 1,
            "paths": [_shown(root) for root in self.roots],
            "agents": [agent.as_dict() for agent in self.agents],
            "elsewhere": [_action(each) for each in self.elsewhere],
            "not_read": [{"path": _shown(each.path), "reason": each.reason}
                         for each in self.not_read],
            "due": self.due,
            "summary": self.summary,
        }  # fmt: skip

    def print(self) -> None:
        """Print the table where it can be read, then a line for each thing, then the summary."""
        from rich.console import Console
        from rich.style import Style
        from rich.text import Text

        console = Console(highlight=False)
        if console.is_terminal and self.agents:
            console.print(self._table())
        for path, line, before, text, style in self._lines():
            at = f"{_shown(path)}:{line}" if line else _shown(path)
            link = Style(link=path.as_uri())
            told = Text.assemble(before, (_printable(at), link), ": ", (_printable(text), style))
            console.print(told, soft_wrap=True)
        console.print(Text(self.summary, style="bold"), soft_wrap=True)

    def _table(self) -> Any:
        from rich.table import Table
        from rich.text import Text

        table = Table()
        for heading in ("agent", "agentex-sdk", "needs the patch", "has", "what next"):
            table.add_column(heading, overflow="fold")
        for each in self.agents:
            needs = _NEEDS[each.versions.side]
            cells = (self._name(each.agent.folder), each.release, needs, each.patch)
            verdict = Text(each.verdict, style="red" if each.due else "green")
            table.add_row(*(Text(_printable(cell)) for cell in cells), verdict)
        return table

    def _name(self, folder: Path) -> str:
        """Return a folder as it is called within the one tree that was read."""
        inside = folder.relative_to(self.roots[0]) if len(self.roots) == 1 else Path()
        return str(inside) if inside.parts else _shown(folder)

    def _lines(self) -> Iterator[tuple[Path, int | None, str, str, str]]:
        """Yield path, line if any, what stands before it, the text and its style."""
        for each in self.agents:
            said = f"{_upstream.DISTRIBUTION} {each.release} {_SAYS[each.versions.side]}"
            at = "".join(f" ({_shown(sdk.file)}:{sdk.line})" for sdk in each.versions.sdk[:1])
            text = f"{said}{at}; has: {each.patch}; {each.verdict}"
            yield each.agent.folder, None, "", text, "bold"
            for action in each.actions:
                yield action.path, action.line, "  ", action.text, "" if action.due else "green"
        for action in self.elsewhere:
            style = "" if action.due else "green"
            yield action.path, action.line, "of no agent: ", action.text, style
        for missed in self.not_read:
            yield missed.path, None, "not read: ", missed.reason, "yellow"


def _printable(text: str) -> str:
    """Return a text for one line: names of files may hold what moves a cursor, or no text."""
    return "".join(each if each.isprintable() else "?" for each in text)


def _action(action: Action) -> dict[str, Any]:
    return {"kind": action.kind, "file": _shown(action.path), "line": action.line,
            "end": action.end, "text": action.text, "due": action.due}  # fmt: skip


def _stated(stated: Stated) -> dict[str, Any]:
    return {"written": stated.written, "file": _shown(stated.file), "line": stated.line}


def _shown(path: Path) -> str:
    """Return a path as a terminal in this folder makes it clickable."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
