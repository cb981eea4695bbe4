"""``status`` and ``verify`` build a worker as upstream's template does."""

from __future__ import annotations

import importlib
import json
import os
import re
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from agentex_usage_patch import _upstream, cli
from agentex_usage_patch._status import worker
from agentex_usage_patch._verify.report import Comparison, Row

from ..package import sweep

pytestmark = pytest.mark.body


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Record and refuse each connection and each bound port."""
    asked: list[Any] = []

    def refuse(self: socket.socket, address: Any) -> None:
        asked.append(address)
        raise ConnectionRefusedError

    for name in ("connect", "connect_ex", "bind"):
        monkeypatch.setattr(socket.socket, name, refuse)
    return asked


def test_a_worker_of_the_installed_release_can_be_built(no_network: list[Any]) -> None:
    names = _upstream.WORKER_ENVIRONMENT
    before = [os.environ.get(name) for name in names]
    assert worker.build() == worker.Worker(built=True)
    assert no_network == []
    assert [os.environ.get(name) for name in names] == before


@pytest.mark.processes  # it asks the index for a wheel
def test_the_worker_is_that_of_upstreams_template() -> None:
    path = "agentex/lib/cli/templates/temporal-openai-agents/project/run_worker.py.j2"
    source = sweep.read_from_wheel(_upstream.FIXED_IN, path)
    assert source is not None
    for module in (_upstream.MODULE, _upstream.WORKER_MODULE, _upstream.ACTIVITIES_MODULE,
                   _upstream.INTERCEPTOR_MODULE, "temporalio.contrib.openai_agents"):  # fmt: skip
        assert f"from {module} import" in source
    made = re.sub(r"\s", "", source)
    assert "ModelActivityParameters(start_to_close_timeout=timedelta(days=1))" in made


def test_status_reports_a_worker_that_cannot_be_imported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, _upstream.WORKER_MODULE, None)
    assert cli.main(["status"]) == 1
    printed = capsys.readouterr().out
    problem = f"ModuleNotFoundError: import of {_upstream.WORKER_MODULE}"
    assert f"worker: cannot be built: {problem}" in printed
    assert f"Next: Resolve the error that stops the worker: {problem}" in printed
    assert cli.main(["status", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["worker"]["built"] is False and answer["satisfied"] is False
    assert answer["worker"]["problem"].startswith("ModuleNotFoundError: ")


def test_only_the_type_of_another_error_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    agents: Any = importlib.import_module("agents")

    def refuse() -> None:
        raise ValueError("a key of the environment")

    monkeypatch.setattr(agents, "Usage", refuse)
    assert worker.build() == worker.Worker(built=False, problem="ValueError")


def test_status_names_the_companion_that_breaks_the_worker(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    version = _upstream.installed_version
    pretended = {"temporalio": "1.25.1", _upstream.DISTRIBUTION: "0.9.4"}
    monkeypatch.setattr(
        _upstream, "installed_version", lambda name: pretended.get(name, version(name))
    )
    monkeypatch.setitem(sys.modules, _upstream.WORKER_MODULE, None)
    assert cli.main(["status"]) == 1
    printed = capsys.readouterr().out
    assert 'Next: Run: pip install "temporalio==1.23.0"' in printed
    assert "worker: cannot be built: ModuleNotFoundError" in printed


def test_verify_reports_a_worker_that_cannot_be_built(capsys: pytest.CaptureFixture[str]) -> None:
    broken = worker.Worker(built=False, problem="ImportError: no part")
    report = Comparison("0.9.4", (Row(1, "prompt", None, "p", "p"),), (), broken).report()
    assert report.publish(as_json=False) == 1
    printed = capsys.readouterr().out.splitlines()
    assert "worker: cannot be built: ImportError: no part" in printed
    assert printed[-1] == "agentex-sdk 0.9.4: a worker cannot be built: ImportError: no part"
    assert report.json["worker"] == {"built": False, "problem": "ImportError: no part"}


def test_status_reports_the_options_that_the_runner_drops(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["status", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)["runner"]
    runner = importlib.import_module("temporalio.contrib.openai_agents._openai_runner")
    source = Path(runner.__file__ or "").read_text(encoding="utf-8")
    # Such a runner passes on only the keywords that it names.
    one_by_one = 'kwargs.get("previous_response_id")' in source
    assert any("conversation_id" in each for each in printed) is (
        one_by_one and 'kwargs.get("conversation_id")' not in source
    )
    assert cli.main(["status"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [each for each in lines if each.startswith("runner: ")] == [
        f"runner: {x}" for x in printed
    ]
