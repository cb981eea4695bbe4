"""What ``verify --base-url`` tells of a backend."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["honoured", "ignored", "refused", "cannot tell"]

_MARKS = {
    "honoured": ("✓", "green"),
    "ignored": ("✗", "red"),
    "refused": ("✗", "red"),
    "cannot tell": ("?", "yellow"),
}


@dataclass(frozen=True)
class Feature:
    """A field, what the backend does with it, and how that is known.

    What is not ``answered`` failed for another reason than the field.
    """

    name: str
    verdict: Verdict
    evidence: str
    answered: bool = True


@dataclass(frozen=True)
class Returned:
    """A part of the responses: whether it comes back, and what came; tokens by turn."""

    name: str
    comes: bool
    value: str


@dataclass(frozen=True)
class BackendReport:
    """What a backend does with each field and gives back, after so many requests."""

    url: str
    model: str
    requests: int
    features: tuple[Feature, ...]
    returned: tuple[Returned, ...]

    @property
    def right(self) -> bool:
        """All is answered, nothing is ignored or refused, and all comes back."""
        wrong = any(each.verdict in ("ignored", "refused") or not each.answered
                    for each in self.features)  # fmt: skip
        return bool(self.returned) and not wrong and all(each.comes for each in self.returned)

    @property
    def summary(self) -> str:
        """What may be used, in one sentence, and what to check where no turn succeeded."""
        names = {verdict: [each.name for each in self.features if each.verdict == verdict]
                 for verdict in _MARKS}  # fmt: skip
        told = [f"{verdict}: {', '.join(found)}" for verdict, found in names.items() if found]
        missing = [each.name for each in self.returned if not each.comes]
        told += [f"missing: {', '.join(missing)}"] if missing else []
        summary = f"{'; '.join(told)}."
        if not self.returned:
            summary += (" No first turn: check the address (most end in /v1), the model, the key, "
                        "and that the server runs.")  # fmt: skip
        return summary

    def as_dict(self) -> dict[str, Any]:
        """Return what ``--json`` prints: schema 1, described in docs/verify.md."""
        return {"schema": 1, **dataclasses.asdict(self), "right": self.right,
                "summary": self.summary}  # fmt: skip

    def print(self, *, as_json: bool) -> None:
        """Print it to the standard output: a table, lines in a pipe, or JSON."""
        from rich.console import Console

        console = Console(highlight=False)
        if as_json:
            print(json.dumps(self.as_dict(), indent=2))
        elif console.is_terminal:
            self.show(console)
        else:
            for name, mark, _, verdict, why in self._rows():
                print(f"{name}: {mark} {verdict} ({why})")
            print(self.summary)

    def show(self, console: Any) -> None:
        """Print the table and the summary to a console of rich."""
        from rich.table import Table
        from rich.text import Text

        table = Table()
        for title in ("asked", "found", "how that is known"):
            table.add_column(title, overflow="fold")  # a name cut off would be no name
        for name, mark, style, verdict, why in self._rows():
            table.add_row(Text(name), Text(f"{mark} {verdict}", style=style), Text(why))
        console.print(table)
        console.print(Text(self.summary), soft_wrap=True)

    def _rows(self) -> Iterator[tuple[str, str, str, str, str]]:
        for field in self.features:
            yield field.name, *_MARKS[field.verdict], field.verdict, field.evidence
        for each in self.returned:
            seen = ("✓", "green", "comes back") if each.comes else ("✗", "red", "missing")
            yield each.name, *seen, each.value
