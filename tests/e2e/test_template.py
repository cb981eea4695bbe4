"""Upstream's own agent with our two lines counts as 0.10.5 does; all else is as unpatched."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from agentex_usage_patch._patching.apply import DISABLED

from .conversations.conversation import about_the_fix, around_the_fix, in_short, numbers
from .platform.answers import Json
from .platform.stack import FIXED, Setting, Stack
from .template import PATCHED, RELEASES, SETTINGS, TWO_LINES, Templates

pytestmark = pytest.mark.asyncio(loop_scope="session")

EACH_RELEASE = pytest.mark.parametrize("release", RELEASES)
EACH_SETTING = pytest.mark.parametrize("setting", SETTINGS, ids=str)
COUNTED = (*(Setting(each, patched=True) for each in RELEASES), FIXED, FIXED._replace(patched=True))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def templates(stack: Stack) -> AsyncIterator[Templates]:
    """Start the workers and conversations of all settings."""
    templates = Templates(stack)
    yield templates
    await templates.end()


async def seen_on(templates: Templates, release: str, *, patched: bool) -> Json:
    seen: Json = (await templates.of(Setting(release, patched)))["seen"]
    return seen


def files(project: Path) -> dict[str, str]:
    """Return the files of a project, bytecode excluded."""
    return {
        str(path.relative_to(project)): path.read_text()
        for path in project.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


@EACH_SETTING
async def test_each_agent_answers_and_calls_its_tool(
    setting: Setting, templates: Templates, record_property: Callable[[str, object], None]
) -> None:
    seen = (await templates.of(setting))["seen"]
    outputs = [turn["output"] for turn in seen["turns"]]
    assert outputs == [{"final_output": "It is sunny."}, {"final_output": "You are welcome."}]
    assert [len(turn["response_ids"]) for turn in seen["turns"]] == [2, 1]
    assert "Sunny, 72" in str(seen["bodies"][1]["input"])
    assert seen["streamed"] and seen["stored"]
    record_property("the template's agent", f"{setting}: {in_short(seen)}")


@pytest.mark.parametrize("setting", COUNTED, ids=str)
async def test_usage_and_ids_are_those_of_the_server(
    setting: Setting, templates: Templates
) -> None:
    seen = (await templates.of(setting))["seen"]
    told = list(numbers(seen["given"]))
    assert [each["cached_input_tokens"] for each in told] == [0, 1024, 1280]
    assert [usage for turn in seen["turns"] for usage in turn["usages"]] == told
    assert [span["usage"] for span in seen["spans"]] == told
    assert seen["history"] == ["response 1", "response 2", "response 3"]


@EACH_RELEASE
async def test_a_patched_agent_is_as_0_10_5(release: str, templates: Templates) -> None:
    fixed = about_the_fix(await seen_on(templates, FIXED.release, patched=False))
    unpatched = about_the_fix(await seen_on(templates, release, patched=False))
    assert about_the_fix(await seen_on(templates, release, patched=True)) == fixed
    assert unpatched["history"] == ["invented resp"] * 3
    assert unpatched["spans"] == [None] * 3
    assert [turn["usage"]["total_tokens"] for turn in unpatched["turns"]] == [0, 0]


@EACH_RELEASE
async def test_everything_else_is_as_unpatched(release: str, templates: Templates) -> None:
    unpatched = await seen_on(templates, release, patched=False)
    patched = await seen_on(templates, release, patched=True)
    assert around_the_fix(patched) == around_the_fix(unpatched)
    assert patched["bodies"] == unpatched["bodies"]


@EACH_RELEASE
async def test_switched_off_it_is_as_unpatched(release: str, templates: Templates) -> None:
    disabled = await templates.of(Setting(release, patched=True, disabled=True))
    unpatched = await templates.of(Setting(release, patched=False))
    assert disabled["seen"] == unpatched["seen"]
    assert f"{DISABLED} is set: not applied" in disabled["log"]
    assert "agentex_usage_patch" not in unpatched["log"]


async def test_on_0_10_5_the_two_lines_have_no_effect(templates: Templates) -> None:
    fixed = await seen_on(templates, FIXED.release, patched=False)
    assert await seen_on(templates, FIXED.release, patched=True) == fixed


@EACH_SETTING
async def test_nothing_but_the_two_lines_is_changed(setting: Setting, templates: Templates) -> None:
    unpatched = Setting(setting.release, patched=False)
    await templates.of(unpatched)
    await templates.of(setting)
    as_rendered = files(templates.projects[unpatched])
    project = files(templates.projects[setting])
    if setting.patched:
        worker = project["project/run_worker.py"]
        assert worker.startswith(TWO_LINES)
        project["project/run_worker.py"] = worker.removeprefix(TWO_LINES)
    assert project == as_rendered


async def test_the_example_worker_equals_the_templates(templates: Templates) -> None:
    example = await templates.of_the_example()
    patched = await templates.of(PATCHED)
    assert example["seen"] == patched["seen"]
    assert example["asked"] == []


@EACH_SETTING
async def test_no_worker_uses_the_network(setting: Setting, templates: Templates) -> None:
    assert (await templates.of(setting))["asked"] == []
