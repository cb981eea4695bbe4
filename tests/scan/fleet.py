"""The made-up monorepo: a copy to work on, and files to write."""

from __future__ import annotations

import shutil
from pathlib import Path

MONOREPO = Path(__file__).parent / "monorepo"


def copied(to: Path) -> Path:
    """Return a copy of the monorepo, in which a scan finds what it finds in the original."""
    return Path(shutil.copytree(MONOREPO, to / "fleet"))


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write files below a folder, by their names, and return it."""
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder
