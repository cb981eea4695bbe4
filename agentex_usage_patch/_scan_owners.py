"""Whose a file is, by the folder it lies in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable
from pathlib import Path

from ._scan_walk import Tree


class Owners:
    """The agents' folders, and which of them a folder of the tree belongs to."""

    def __init__(self, tree: Tree, folders: Iterable[Path]) -> None:
        self.folders = frozenset(folders)
        self._tree = tree
        self._known: dict[Path, Path | None] = {}
        self._in_project: dict[Path, list[Path]] = defaultdict(list)
        for folder in self.folders:
            if project := self._project(folder):
                self._in_project[project].append(folder)

    def of(self, folder: Path) -> Path | None:
        """Return the agent that a folder's files belong to.

        That is the nearest around them; else the only one in their project, which is the
        nearest folder upward that states requirements.
        """
        if folder not in self._known:
            self._known[folder] = self._of(folder)
        return self._known[folder]

    def _of(self, folder: Path) -> Path | None:
        around = self._nearest(folder, self.folders)
        project = self._project(folder)
        beside = self._in_project[project] if project else []
        return around or (beside[0] if len(beside) == 1 else None)

    def _project(self, folder: Path) -> Path | None:
        return self._nearest(folder, self._tree.requirements)

    def _nearest(self, folder: Path, among: Container[Path]) -> Path | None:
        return next((each for each in self._tree.upward(folder) if each in among), None)
