"""The picture that ``verify`` draws of what it tells, or cannot draw."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from .asking import command
from .backends import openai, serving


async def test_a_picture_is_drawn_that_asks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")  # a picture has its colours all the same
    file = tmp_path / "told.svg"
    async with serving(openai) as server:
        arguments = ("--base-url", server.url, "--model", "some", "--svg")
        assert await command(*arguments, str(file)) == 0
    picture = file.read_text(encoding="utf-8")
    root = ElementTree.fromstring(picture)
    words = " ".join("".join(root.itertext()).split())
    assert "previous_response_id" in words and "honoured" in words
    assert set(re.findall(r"https?://[^\s\"]+", picture)) == {
        "http://www.w3.org/2000/svg",
        "https://www.textualize.io",  # a comment that says what drew it
    }


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("no/told.svg", "No such file or directory"),
        ("", "Is a directory"),
        ("a\0b", "embedded null"),
    ],
)
async def test_a_picture_that_cannot_be_written_is_told_before_anything_is_asked(
    name: str, why: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    async with serving(openai) as server:
        arguments = ("--base-url", server.url, "--model", "some", "--svg", f"{tmp_path}/{name}")
        assert await command(*arguments) == 2
        assert server.bodies == []
    printed = capsys.readouterr()
    assert why in printed.err and "Give --svg a file that can be written" in printed.err
    assert printed.out == ""


@pytest.mark.parametrize("before", [None, "what was there"])
async def test_a_picture_of_nothing_is_not_left(
    before: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise KeyboardInterrupt

    file = tmp_path / "told.svg"
    if before:
        file.write_text(before)
    monkeypatch.setattr("agentex_usage_patch._backend.asyncio.run", gone)
    assert (
        await command("--base-url", "http://127.0.0.1:1", "--model", "x", "--svg", str(file)) == 130
    )
    assert (file.read_text() if file.exists() else None) == before


async def test_a_disk_that_fills_up_meanwhile_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    async with serving(openai) as server:
        arguments = ("--base-url", server.url, "--model", "some", "--svg", f"{tmp_path}/told.svg")
        assert await command(*arguments) == 2
    assert "No space left on device. Give --svg" in capsys.readouterr().err
