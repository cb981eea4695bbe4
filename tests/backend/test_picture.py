"""``--svg`` draws the report, or says why it cannot."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from .asking import command
from .backends import openai, serving


async def test_the_picture_loads_nothing_from_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")  # pictures have colours nevertheless
    file = tmp_path / "report.svg"
    async with serving(openai) as server:
        arguments = ("--base-url", server.url, "--model", "some", "--svg")
        assert await command(*arguments, str(file)) == 0
    picture = file.read_text(encoding="utf-8")
    root = ElementTree.fromstring(picture)
    words = " ".join("".join(root.itertext()).split())
    assert "previous_response_id" in words and "honoured" in words
    assert set(re.findall(r"https?://[^\s\"]+", picture)) == {
        "http://www.w3.org/2000/svg",
        "https://www.textualize.io",  # a comment of rich
    }


@pytest.mark.parametrize("name", ["no/report.svg", ""])
async def test_nothing_is_sent_for_a_picture_that_cannot_be_written(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    async with serving(openai) as server:
        arguments = ("--base-url", server.url, "--model", "some", "--svg", f"{tmp_path}/{name}")
        assert await command(*arguments) == 2
        assert server.bodies == []
    printed = capsys.readouterr()
    assert "cannot be written: name a file" in printed.err
    assert printed.out == ""


async def test_a_full_disk_is_reported(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    async with serving(openai) as server:
        arguments = ("--base-url", server.url, "--model", "some", "--svg", f"{tmp_path}/report.svg")
        assert await command(*arguments) == 2
    assert "cannot be written: No space left on device." in capsys.readouterr().err
