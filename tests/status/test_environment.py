"""Installed versions, and when behaviour counts instead."""

from __future__ import annotations

import logging
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from agentex_usage_patch import _upstream, apply_patch, cli, status
from agentex_usage_patch._upstream import FIXES

from .. import calls
from ..calls import AFFECTED, make_model, tokens
from ..children import fresh
from ..clients import TOKENS, Recording, ask, event, package_log
from .test_status import SEEN, evidence


def pretend(monkeypatch: pytest.MonkeyPatch, **versions: str | None) -> None:
    """Make the metadata report these versions as installed."""
    installed = metadata.version
    given = {name.replace("_", "-"): version for name, version in versions.items()}

    def version(distribution: str) -> str:
        found = given[distribution] if distribution in given else installed(distribution)
        if found is None:
            raise metadata.PackageNotFoundError(distribution)
        return found

    monkeypatch.setattr(metadata, "version", version)


@pytest.mark.parametrize(
    "version", ["0.10.5", "0.28.4", "1.0", "0.10.4+local", "a fork", "0.10.4rc1"]
)
async def test_behaviour_wins_over_the_version(
    version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, agentex_sdk=version)
    said_affected = version.startswith("0.10.4")
    before = status()
    if AFFECTED:
        assert before.named("missing") == FIXES
        lacks = "lacks it" if said_affected else "is not one of those that lack it"
        assert f"not {SEEN}; release {version} {lacks}" in evidence(before)
    else:
        assert before.named("native") == FIXES
        though = f", although release {version} lacks it" if said_affected else ""
        assert evidence(before) == SEEN + though
    applied = apply_patch()
    assert applied.complete
    assert applied.summary.startswith(f"agentex-sdk {version}: ")
    assert tokens((await ask(make_model(Recording(event())))).usage) == TOKENS


@pytest.mark.parametrize("version", ["0.10.4", "0.10.5"])
def test_version_decides_if_get_response_cannot_be_run(
    version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise LookupError("not for anybody's eyes")

    pretend(monkeypatch, agentex_sdk=version)
    monkeypatch.setattr(calls.sdk.TemporalStreamingModel, "get_response", get_response)
    applied = apply_patch()
    affected = version == "0.10.4"
    assert (vars(calls.sdk.TemporalStreamingModel)["get_response"] is get_response) is not affected
    assert applied.named("unknown") == FIXES
    lacks = "lacks it" if affected else "is not one of those that lack it (<0.10.5,>=0.5.1)"
    assert evidence(applied) == f"running it raised LookupError; release {version} {lacks}"
    assert "could not be observed (running it raised LookupError)" in applied.summary
    assert "eyes" not in str(applied)


def test_sdk_that_no_finder_can_find_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise ValueError(f"{name}.__spec__ is None")

    monkeypatch.setattr(_upstream, "MODULE", "agentex_that_is_not_there")
    monkeypatch.setattr(_upstream, "find_spec", refuse)
    pretend(monkeypatch, agentex_sdk=None)
    assert not _upstream.is_installed()


@pytest.mark.parametrize("strict", [False, True])
async def test_frozen_application_is_patched_and_reported_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str], *, strict: bool,
) -> None:  # fmt: skip
    pretend(monkeypatch, agentex_sdk=None)
    caplog.set_level(logging.INFO, logger="agentex_usage_patch")
    lacking = f"not {SEEN}; the release of agentex-sdk is unknown"
    assert evidence(status()) == (lacking if AFFECTED else SEEN)
    applied = apply_patch(strict=strict)
    assert applied.named("patched" if AFFECTED else "native") == FIXES
    assert applied.summary.startswith("agentex-sdk of an unknown release: ")
    assert "not installed" not in f"{applied} {caplog.text}"
    assert [each.levelno for each in package_log(caplog)] == []
    result = await ask(make_model(Recording(event())))
    assert tokens(result.usage) == TOKENS
    assert cli.main(["status"]) == 0
    printed = capsys.readouterr().out
    assert "fixes: " in printed and "can be built" in printed


def test_without_agentex_sdk_there_is_nothing_to_patch(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_upstream, "MODULE", "agentex_that_is_not_there")
    monkeypatch.setattr(sys, "meta_path", sys.meta_path.copy())
    pretend(monkeypatch, agentex_sdk=None)
    applied = apply_patch()
    assert applied.sdk_version is None
    assert applied.model is None and applied.model_file is None
    assert evidence(applied) == "its model is not imported yet; agentex-sdk is not installed"
    assert applied.summary == "agentex-sdk is not installed: there is nothing to patch."
    assert [each.levelno for each in caplog.records] == [logging.WARNING]


@pytest.mark.parametrize(
    ("sdk", "distribution", "version", "command"),
    [
        ("0.10.4", "openai", "2.45.0", 'pip install "openai==2.44.0"'),
        ("0.10.4", "temporalio", "1.35.0", 'pip install "temporalio==1.34.0"'),
        ("0.10.0", "temporalio", "1.26.0", 'pip install "temporalio==1.25.1"'),
        ("0.9.5", "temporalio", "1.24.0", 'pip install "temporalio==1.23.0"'),
        ("0.6.0", "temporalio", "1.19.0", 'pip install "temporalio==1.23.0"'),
        ("0.5.3", "temporalio", "1.18.0", 'pip install "temporalio==1.17.0"'),
    ],
)
def test_breaking_companion_is_reported_with_the_command_that_repairs_it(
    sdk: str, distribution: str, version: str, command: str, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    works = {"0.5.3": "1.17.0", "0.6.0": "1.20.0", "0.9.5": "1.23.0"}
    good = {"openai": "2.44.0", "temporalio": works.get(sdk, "1.25.1")}
    pretend(monkeypatch, **{**good, "agentex_sdk": sdk})
    assert status().conflicts == ()
    pretend(monkeypatch, **{**good, "agentex_sdk": sdk, distribution: version})
    applied = apply_patch()
    (conflict,) = applied.conflicts
    assert (conflict.distribution, conflict.version) == (distribution, version)
    assert conflict.command == command
    assert conflict.reason in applied.summary and command in applied.summary
    assert applied.complete
    (line,) = caplog.records
    assert (line.levelno, line.getMessage()) == (logging.WARNING, applied.summary)


def test_missing_companion_is_no_conflict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pretend(monkeypatch, agentex_sdk="0.10.4", temporalio=None, openai="2.44.0")
    assert status().conflicts == ()


GONE = """
from agentex_usage_patch import AgentexUsagePatchError, apply_patch, status
from importlib import metadata
metadata.PathDistribution.locate_file = lambda self, path: there / path
"""


@pytest.mark.processes
def test_release_whose_model_has_moved_is_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "agentex").mkdir()
    (tmp_path / "agentex" / "__init__.py").touch()
    said = fresh(f"""
from pathlib import Path
there = Path({str(tmp_path)!r})
{GONE}
seen("applied", apply_patch())
seen("later", status())
try:
    apply_patch(strict=True)
except AgentexUsagePatchError as error:
    said["raised"] = str(error)
""")
    assert said["applied"]["states"] == ["unknown"]
    assert said["applied"] == said["later"]
    gone = f"(it holds no {_upstream.MODULE})"
    assert gone in said["applied"]["summary"]
    assert said["lines"] == [["WARNING", said["applied"]["summary"]]]
    assert said["raised"].startswith(
        f"agentex-usage-patch looked at {_upstream.MODULE}.TemporalStreamingModel.get_response. "
        f"{said['applied']['summary']} Run agentex-usage-patch verify"
    )


@pytest.mark.processes
def test_editable_install_is_not_reported_as_without_a_model(tmp_path: Path) -> None:
    said = fresh(f"""
from pathlib import Path
there = Path({str(tmp_path)!r})
{GONE}
seen("applied", apply_patch())
""")
    assert "will be applied when its model is imported" in said["applied"]["summary"]


def test_without_agentex_sdk_no_model_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_upstream, "DISTRIBUTION", "agentex-sdk-that-nobody-has")
    assert not _upstream.model_is_gone()
