"""What lies above a tree and may count for it: named, and never read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ._scan_walk import LOCKS, NotRead

_WRITTEN = ("requirements.txt", "Pipfile", "pyproject.toml", "setup.cfg")


def above(root: Path, stated: bool) -> Iterator[NotRead]:
    """Yield the locks in the folders around a tree, up to the top of its checkout.

    Where the tree has not ``stated`` what an agent needs, these are also the files that
    people write requirements into.
    """
    for inner, folder in zip((root, *root.parents), root.parents, strict=False):
        # The methods of Path raise where nobody may look.
        if os.path.exists(inner / ".git"):  # noqa: PTH110
            return
        for name in LOCKS if stated else (*LOCKS, *_WRITTEN):
            if os.path.isfile(folder / name):  # noqa: PTH113
                why = f"above the folder that was given, for which it may count: scan {folder}"
                yield NotRead(folder / name, why)
