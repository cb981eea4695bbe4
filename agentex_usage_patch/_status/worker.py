"""A worker as upstream's template makes it: it may not start where the model works."""

from __future__ import annotations

import importlib
import os
from datetime import timedelta
from typing import Any

from .. import _upstream


def problem() -> str:
    """Make a worker of the installed SDK, and return why it cannot be made; empty if it can.

    It connects to nothing, opens no port and is dropped at once. Source: the template
    ``temporal-openai-agents`` of upstream's command line. Imports the SDK. Never raises.
    """
    before = dict(os.environ)
    try:
        # What every deployment sets, and the SDK insists on.
        for name, value in _upstream.WORKER_ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        _make()
    except ImportError as error:  # whose text names what was not found, and where
        return f"{type(error).__name__}: {error}"
    except Exception as error:  # noqa: BLE001 - the environment may be broken in any way
        # Another error's text may quote the environment: pydantic's does, keys and all.
        return type(error).__name__
    finally:
        for name in _upstream.WORKER_ENVIRONMENT.keys() - before.keys():
            os.environ.pop(name, None)
    return ""


def _make() -> None:
    agents, plugin = _part("agents"), _part("temporalio.contrib.openai_agents")
    provider = _part(_upstream.MODULE).TemporalStreamingModelProvider()
    interceptor = _part(_upstream.INTERCEPTOR_MODULE).ContextInterceptor()
    model_params = plugin.ModelActivityParameters(start_to_close_timeout=timedelta(days=1))
    worker = _part(_upstream.WORKER_MODULE)
    getattr(worker, _upstream.WORKER)(
        task_queue="agentex-usage-patch",
        plugins=[plugin.OpenAIAgentsPlugin(model_params=model_params, model_provider=provider)],
        interceptors=[interceptor],
    )
    _part(_upstream.ACTIVITIES_MODULE).get_all_activities()
    agents.Usage()


def _part(module: str) -> Any:
    return importlib.import_module(module)
