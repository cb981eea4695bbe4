"""Small trees, and what a scan reports on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agentex_usage_patch import _upstream, cli

from .fleet import write

Told = dict[str, Any]
P = f"from {_upstream.MODULE} import TemporalStreamingModelProvider\n"
M = f"from {_upstream.MODULE} import TemporalStreamingModel\n"
PROVIDER = f"{P}provider = TemporalStreamingModelProvider()\n"
TWO_LINES = "from agentex_usage_patch import apply_patch\napply_patch()\n"
OLD, NEW = "agentex-sdk==0.10.4\n", "agentex-sdk==0.28.4\n"
__all__ = ["NEW", "OLD", "PROVIDER", "TWO_LINES", "M", "P", "Told", "Tree", "write"]


class Tree:
    """The current folder, to write files to and to scan."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys

    def write(self, files: dict[str, str]) -> Tree:
        """Write files, given by name."""
        write(self.folder, files)
        return self

    def told(self, *arguments: str, code: int = 0) -> Told:
        """Return what ``scan --json`` prints."""
        self._capsys.readouterr()
        assert cli.main(["scan", "--json", *arguments]) == code
        told: Told = json.loads(self._capsys.readouterr().out)
        return told

    def printed(self, *arguments: str, code: int = 0) -> str:
        """Return what ``scan`` prints."""
        self._capsys.readouterr()
        assert cli.main(["scan", *arguments]) == code
        return self._capsys.readouterr().out

    def verdicts(self, *arguments: str) -> dict[str, str]:
        """Return the verdict on each agent, by folder."""
        return {each["folder"]: each["verdict"] for each in self.told(*arguments)["agents"]}

    def places(self, what: str) -> list[str]:
        """Return the places of one kind, for all agents."""
        return [f"{each['file']}:{each['line']}" for agent in self.told()["agents"]
                for each in agent["places"] if each["what"] == what]  # fmt: skip

    def not_read(self, *arguments: str) -> dict[str, str]:
        """Return what a scan did not read, with the reasons."""
        return {each["path"]: each["reason"] for each in self.told(*arguments)["not_read"]}
