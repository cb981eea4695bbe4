"""Turn the findings about a backend into the report that ``verify --base-url`` prints."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from .._report import Cells, Report, marked

Verdict = Literal["honoured", "ignored", "refused", "cannot tell"]

_COLUMNS = ("asked", "found", "evidence")
_RIGHT: dict[Verdict, bool | None] = {
    "honoured": True, "ignored": False, "refused": False, "cannot tell": None,
}  # fmt: skip


@dataclass(frozen=True)
class Feature:
    """A field, what the backend does with it, and the evidence.

    ``answered`` is False if a request failed for a reason other than the field.
    """

    name: str
    verdict: Verdict
    evidence: str
    answered: bool = True


@dataclass(frozen=True)
class Returned:
    """A part of the responses, whether every turn has it, and its values turn by turn."""

    name: str
    comes: bool
    value: str


@dataclass(frozen=True)
class Findings:
    """What a backend does with each field and what it returns.

    ``requests`` is how many were sent. ``returned`` is empty if the first turn failed.
    """

    url: str
    model: str
    requests: int
    features: tuple[Feature, ...]
    returned: tuple[Returned, ...]

    @property
    def right(self) -> bool:
        """True if all was answered, nothing is ignored or refused, and all is returned."""
        wrong = any(_RIGHT[each.verdict] is False or not each.answered for each in self.features)
        return bool(self.returned) and not wrong and all(each.comes for each in self.returned)

    @property
    def summary(self) -> str:
        """The fields by verdict, and what to check if the first turn failed."""
        names: dict[str, list[str]] = {verdict: [] for verdict in _RIGHT}
        for feature in self.features:
            names[feature.verdict].append(feature.name)
        names["missing"] = [each.name for each in self.returned if not each.comes]
        summary = "; ".join(f"{group}: {', '.join(each)}" for group, each in names.items() if each)
        if self.returned:
            return f"{summary}."
        return (f"{summary}. The first turn failed: check the address (most end in /v1), the "
                "model, the key, and that the server runs.")  # fmt: skip

    def report(self) -> Report:
        """Return the report. Its JSON is schema 1, described in docs/verify.md."""
        rows: list[Cells] = [
            (each.name, marked(each.verdict, right=_RIGHT[each.verdict]), each.evidence)
            for each in self.features
        ]
        for each in self.returned:
            found = "returned" if each.comes else "missing"
            rows.append((each.name, marked(found, right=each.comes), each.value))
        return Report(
            columns=_COLUMNS,
            rows=rows,
            sentences=[self.summary],
            json={"schema": 1, **dataclasses.asdict(self), "right": self.right,
                  "summary": self.summary},
            exit_code=0 if self.right else 1,
        )  # fmt: skip
