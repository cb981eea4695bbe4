"""Build a worker as upstream's template does: it can fail where the model works."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from .. import _upstream


@dataclass(frozen=True)
class Worker:
    """Whether a worker was built, and why not. The problem is empty if nothing was tried."""

    built: bool
    problem: str = ""

    def __str__(self) -> str:
        return "can be built" if self.built else f"cannot be built: {self.problem}"


NOT_TRIED = Worker(built=False)


def build() -> Worker:
    """Build a worker of the installed SDK, and drop it.

    Imports the SDK, connects to nothing and opens no port. Never raises. Source: the template
    ``temporal-openai-agents`` of upstream's command line.
    """
    added = _upstream.WORKER_ENVIRONMENT.keys() - os.environ.keys()
    os.environ.update({name: _upstream.WORKER_ENVIRONMENT[name] for name in added})
    try:
        _build()
    except Exception as error:  # noqa: BLE001 - a broken environment can raise anything
        return Worker(built=False, problem=safe_text(error))
    finally:
        for name in added:
            del os.environ[name]
    return Worker(built=True)


def _build() -> None:
    agents, plugin = _import("agents"), _import("temporalio.contrib.openai_agents")
    provider = _import(_upstream.MODULE).TemporalStreamingModelProvider()
    interceptor = _import(_upstream.INTERCEPTOR_MODULE).ContextInterceptor()
    model_params = plugin.ModelActivityParameters(start_to_close_timeout=timedelta(days=1))
    worker = _import(_upstream.WORKER_MODULE)
    getattr(worker, _upstream.WORKER)(
        task_queue="agentex-usage-patch",
        plugins=[plugin.OpenAIAgentsPlugin(model_params=model_params, model_provider=provider)],
        interceptors=[interceptor],
    )
    _import(_upstream.ACTIVITIES_MODULE).get_all_activities()
    agents.Usage()


def _import(module: str) -> Any:
    return importlib.import_module(module)


def safe_text(error: Exception) -> str:
    """Return the part of an error that may be printed.

    The text of an ImportError names a module. The text of other errors, pydantic's for one,
    can quote the environment, keys included.
    """
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, ImportError) else name
