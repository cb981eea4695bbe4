"""No prompt, message, argument or key in anything that we say; nothing new is imported."""

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
from agentex_usage_patch._patching import call

from .. import calls
from ..calls import AFFECTED, make_model
from ..children import CALL, child
from ..clients import Declaring, Recording, ask, event, ours

SECRET = "sk-nobody-may-read-this"


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


@pytest.mark.parametrize(
    "broken", ["", "forwarded_fields", "with_fields", "read_tokens", "fill", "getattr"]
)
async def test_no_line_at_any_level_and_no_status_holds_what_a_call_is_about(
    broken: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    caplog.set_level(logging.DEBUG, logger="agentex_usage_patch")
    said = [apply_patch()]
    if broken:
        monkeypatch.setattr(call, broken, refuse, raising=False)
    for client in (Recording(answered_with_secrets()), Declaring(answered_with_secrets())) * 2:
        try:
            await ask(make_model(client), **asked_with_secrets())
        except Exception:
            # 0.10.5 refuses a keyword that is given twice, and usage that is no number.
            assert not AFFECTED or isinstance(client, Declaring)
    lines = ours(caplog)
    assert bool(lines) is AFFECTED
    for record in lines:
        assert SECRET not in logging.Formatter().format(record) + repr(vars(record))
    said += [status(), apply_patch(), remove_patch()]
    assert SECRET not in json.dumps([asdict(each) for each in said])
    for arguments in (["status"], ["status", "--json"]):
        cli.main(arguments)
    assert SECRET not in capsys.readouterr().out


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_no_status_quotes_the_environment_in_which_an_import_failed(
    form: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # As agentex's own EnvironmentVariables fail, which pydantic validates.
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
def test_nothing_is_imported_that_is_not_ours_or_needed_for_any_call() -> None:
    ours = "from agentex_usage_patch import apply_patch, remove_patch, status\n"
    ours += "apply_patch(), status(), remove_patch()"
    with_ours = child(IMPORTED.format(code=ours))["imported"]
    by_a_call = child(IMPORTED.format(code=CALL))["imported"]
    new = {name.partition(".")[0] for name in set(with_ours) - set(by_a_call)}
    assert ("agentex_usage_patch" in new) is AFFECTED
    assert new <= {"agentex_usage_patch", "wrapt", "packaging", *sys.stdlib_module_names}
