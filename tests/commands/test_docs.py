"""What the pages in docs/ quote is what the package says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import agentex_usage_patch

PACKAGE = Path(agentex_usage_patch.__file__).parent
DOCS = Path(__file__).parents[2] / "docs"


def texts() -> Iterator[str]:
    """Yield the texts of the package; the values in them are …."""
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            yield "".join(
                each.value if isinstance(each, ast.Constant) else "…"
                for each in parts
                if isinstance(each, ast.FormattedValue)
                or (isinstance(each, ast.Constant) and isinstance(each.value, str))
            )


def test_quoted_log_lines_are_those_of_the_package() -> None:
    page = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    table = page.partition("## What the log says")[2].partition("\n## ")[0]
    lines = re.findall(r"^\| `(.+?)` \|", table, re.MULTILINE)
    assert len(lines) == 7
    known = [re.sub(r"%[sd]", "…", text) for text in texts()]
    for line in lines:
        parts = [part for part in re.split(r"\s*…\s*", line) if part]
        assert any(all(part in text for part in parts) for text in known), line
