"""Do what a new user does: install a release, follow the advice of status, build a worker.

``tox run -m releases`` runs this; the default run does not. It installs one release of each set
of requirements into a new environment, with today's releases of its dependencies.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentex_usage_patch import _upstream

ROOT = Path(__file__).parents[2]

#: One release of each set of requirements; test_sweep.py fails when there is a new set.
REPRESENTATIVES = (
    "0.5.3", "0.6.2", "0.6.7", "0.8.0", "0.9.1", "0.9.4", "0.9.5", "0.9.7", "0.9.9", "0.10.2",
    "0.10.4",
)  # fmt: skip

#: The worker of upstream's template, without this package.
WORKER = f"""
import agents
from datetime import timedelta
from temporalio.contrib.openai_agents import ModelActivityParameters, OpenAIAgentsPlugin
from {_upstream.ACTIVITIES_MODULE} import get_all_activities
from {_upstream.INTERCEPTOR_MODULE} import ContextInterceptor
from {_upstream.MODULE} import TemporalStreamingModelProvider
from {_upstream.WORKER_MODULE} import AgentexWorker

AgentexWorker(
    task_queue="releases",
    plugins=[OpenAIAgentsPlugin(
        model_params=ModelActivityParameters(start_to_close_timeout=timedelta(days=1)),
        model_provider=TemporalStreamingModelProvider(),
    )],
    interceptors=[ContextInterceptor()],
)
assert get_all_activities()
assert agents.Usage().total_tokens == 0
"""


class Environment:
    """A virtual environment that uv creates and changes."""

    def __init__(self, folder: Path) -> None:
        self.python = folder / "bin" / "python"
        self.run("uv", "venv", "--quiet", "--python", sys.executable, folder)

    def run(self, *command: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command, and return the finished process with its output."""
        environment = {**os.environ, **_upstream.WORKER_ENVIRONMENT, **_upstream.OFFLINE}
        done = subprocess.run(command, env=environment, cwd=self.python.parents[2],
                              capture_output=True, text=True, timeout=600, check=False)  # fmt: skip
        assert not check or done.returncode == 0, done.stderr
        return done

    def install(self, *what: str | Path) -> None:
        """Install requirements."""
        self.run("uv", "pip", "install", "--quiet", "--python", self.python, *what)

    def status(self) -> tuple[int, Any]:
        """Return the exit code of ``status --json``, and its report."""
        command = self.python.with_name("agentex-usage-patch")
        done = self.run(command, "status", "--json", check=False)
        return done.returncode, json.loads(done.stdout)

    def worker(self) -> subprocess.CompletedProcess[str]:
        """Build a worker in a separate process."""
        return self.run(self.python, "-c", WORKER, check=False)


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """A new environment."""
    return Environment(tmp_path / "environment")


def advised(report: Any) -> list[str]:
    """Return the requirements that the advice says to install."""
    assert report["advice"].startswith("Run: ")
    commands = [shlex.split(each) for each in report["advice"][len("Run: ") :].split(" && ")]
    assert all(command[:2] == ["pip", "install"] for command in commands)
    return [what for command in commands for what in command[2:]]


@pytest.mark.parametrize("release", REPRESENTATIVES)
def test_following_the_advice_of_status_gives_a_worker_that_builds(
    release: str, environment: Environment, record_property: Callable[[str, object], None]
) -> None:
    environment.install(f"{_upstream.DISTRIBUTION}=={release}", ROOT)
    code, report = environment.status()
    requirements: list[str] = []
    if code:
        requirements = advised(report)
        environment.install(*requirements)
        code, report = environment.status()
    assert code == 0, report
    assert report["worker"] == {"built": True, "problem": ""}
    worker = environment.worker()
    assert worker.returncode == 0, worker.stderr
    record_property(release, f"{' '.join(requirements) or 'nothing'} | built")
    print(f"| {release} | {' '.join(requirements) or 'nothing'} | built |")


def test_status_reports_a_broken_environment_and_its_advice_repairs_it(
    environment: Environment,
) -> None:
    environment.install(
        f"{_upstream.DISTRIBUTION}==0.9.4", "openai==2.44.0", "temporalio==1.25.1", ROOT
    )
    code, report = environment.status()
    assert code == 1
    assert {fix["state"] for fix in report["fixes"]} == {"patched"}
    # Without opentelemetry.sdk the plugin fails before AgentexWorker does.
    assert report["worker"]["problem"].startswith(("ImportError: ", "ModuleNotFoundError: "))
    assert environment.worker().returncode != 0
    environment.install(*advised(report))
    assert environment.status()[0] == 0
    assert environment.worker().returncode == 0
