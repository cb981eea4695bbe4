"""Summarize JUnit reports: ``python tests/summary.py FOLDER`` prints a line per environment.

The last line counts the tests of all environments.
"""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

HEADINGS = ("environment", "tests passed", "upstream's 40 without", "with the patch")


def main(folder: str) -> int:
    """Print the table and the totals; return 1 if a test failed, was skipped, or none ran."""
    passed = failed = skipped = 0
    rows = [HEADINGS]
    for file in sorted(Path(folder).glob("*.xml"), key=_by_version):
        suites = list(ElementTree.parse(file).iter("testsuite"))
        tests = sum(int(suite.get("tests", 0)) for suite in suites)
        broken = sum(int(suite.get(kind, 0)) for suite in suites for kind in ("failures", "errors"))
        left_out = sum(int(suite.get("skipped", 0)) for suite in suites)
        kept = {each.get("name"): each.get("value", "") for suite in suites
                for each in suite.iter("property")}  # fmt: skip
        rows.append((
            file.stem,
            f"{tests - broken - left_out} of {tests}",
            kept.get("upstream_without", ""),
            kept.get("upstream_with", ""),
        ))  # fmt: skip
        passed += tests - broken - left_out
        failed += broken
        skipped += left_out
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, widths, strict=True)
        print("  ".join(cell.ljust(width) for cell, width in cells).rstrip())
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if passed and not (failed or skipped) else 1


def _by_version(file: Path) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in file.stem.split(".")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
