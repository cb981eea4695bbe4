"""No log line or status contains a prompt, message, argument or key; no module is added."""

from __future__ import annotations

import importlib
import json
import logging
import sys
from dataclasses import asdict
from typing import Any

import pydantic
import pytest

from agentex_usage_patch import apply_patch, cli, remove_patch, status
from agentex_usage_patch._patching.call import state

from .. import calls
from ..calls import AFFECTED, make_model
from ..children import CALL, child
from ..clients import Declaring, Recording, ask, event, package_log

SECRET = "sk-must-not-be-logged"


def refuse(*_: Any, **__: Any) -> Any:
    raise LookupError(SECRET)


def asked_with_secrets() -> dict[str, Any]:
    return {
        "system_instructions": SECRET,
        "input": [{"role": "user", "content": SECRET}],
        "model_settings": calls.sdk.ModelSettings(
            extra_args={"previous_response_id": f"resp_{SECRET}", "prompt_cache_key": SECRET},
            extra_headers={"Authorization": SECRET},
            metadata={"name": SECRET},
        ),
        "previous_response_id": "resp_" + "0a1b2c3d",
        "conversation_id": SECRET,
        "prompt": {"id": SECRET, "variables": {"name": SECRET}},
    }


def answered_with_secrets() -> Any:
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed"}
    call = {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": SECRET}
    text = {"type": "output_text", "text": SECRET, "annotations": []}
    return event(
        id=f"resp_{SECRET}",
        output=[{**item, "content": [text]}, {**call, "arguments": SECRET, "status": "completed"}],
        usage={"input_tokens": SECRET, "output_tokens": None, "total_tokens": {"is": SECRET}},
    )


@pytest.mark.parametrize("broken", ["", "add_fields", "read_tokens", "fill", "getattr"])
async def test_no_log_line_and_no_status_contains_a_secret_of_a_call(
    broken: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    caplog.set_level(logging.DEBUG, logger="agentex_usage_patch")
    statuses = [apply_patch()]
    if broken:
        monkeypatch.setattr(state, broken, refuse, raising=False)
    for client in (Recording(answered_with_secrets()), Declaring(answered_with_secrets())) * 2:
        try:
            await ask(make_model(client), **asked_with_secrets())
        except Exception:
            # 0.10.5 raises for a keyword that is passed twice, and for usage that is not a number.
            assert not AFFECTED or isinstance(client, Declaring)
    lines = package_log(caplog)
    assert bool(lines) is AFFECTED
    for record in lines:
        assert SECRET not in logging.Formatter().format(record) + repr(vars(record))
    statuses += [status(), apply_patch(), remove_patch()]
    assert SECRET not in json.dumps([asdict(each) for each in statuses])
    for arguments in (["status"], ["status", "--json"]):
        cli.main(arguments)
    assert SECRET not in capsys.readouterr().out


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_status_does_not_quote_the_error_of_a_failed_import(
    form: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # agentex's EnvironmentVariables fail this way: pydantic quotes the value.
    def fail(name: str) -> None:
        pydantic.TypeAdapter(int).validate_python(SECRET)

    monkeypatch.setattr(importlib, "import_module", fail)
    cli.main(["status", *form])
    printed = capsys.readouterr()
    assert "Its model cannot be imported: ValidationError" in printed.out
    assert SECRET not in printed.out + printed.err


IMPORTED = """
from tests import calls
before = set(sys.modules)
{code}
said["imported"] = sorted(set(sys.modules) - before)
"""


@pytest.mark.processes
def test_patching_imports_only_this_package_and_what_any_call_imports() -> None:
    patching = "from agentex_usage_patch import apply_patch, remove_patch, status\n"
    patching += "apply_patch(), status(), remove_patch()"
    by_the_patch = child(IMPORTED.format(code=patching))["imported"]
    by_a_call = child(IMPORTED.format(code=CALL))["imported"]
    new = {name.partition(".")[0] for name in set(by_the_patch) - set(by_a_call)}
    assert ("agentex_usage_patch" in new) is AFFECTED
    assert new <= {"agentex_usage_patch", "wrapt", "packaging", *sys.stdlib_module_names}
