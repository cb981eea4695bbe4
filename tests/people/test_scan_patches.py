"""In-house patches: what is one, and what only looks like one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .fleet import MODEL, MODULE, WORKER, M, only, places, write

PATCHES = {
    "assigns to": [
        ("from importlib import import_module\n"
        "import_module(where()).TemporalStreamingModel.get_response = None"),
        f"{MODEL}TemporalStreamingModel.get_response = None",
        f"{M}M.get_response = None",
        f"import {MODULE}\n{MODULE}.TemporalStreamingModel.get_response = None",
        f"import {MODULE} as m\nm.TemporalStreamingModel.get_response = None",
        (f"import importlib\nm = importlib.import_module('{MODULE}')\n"
        "m.TemporalStreamingModel.get_response = None"),
        (f"import sys\ncls = sys.modules['{MODULE}'].TemporalStreamingModel\n"
        "cls.get_response: object = None"),
        ("from .models import TemporalStreamingModel\n"
        "keep, TemporalStreamingModel.get_response = 1, None"),
        f"from {MODULE} import *\nTemporalStreamingModel.get_response = None",
        (f"{MODEL}M, n = TemporalStreamingModel, 1\n"
        "M.get_response = None"),
        (f"{MODEL}for M in [TemporalStreamingModel]:\n"
        "    M.get_response = None"),
        (f"{MODEL}for M, name in ((TemporalStreamingModel, 1),):"
        "\n    M.get_response = None"),
        (f"{MODEL}def fix(model):\n"
        "    model.get_response = None\nfix(TemporalStreamingModel)"),
        (f"{MODEL}def fix(other, *, model):\n"
        "    model.get_response = None\nfix(1, model=TemporalStreamingModel)"),
        (f"{MODEL}def fix(other, model=TemporalStreamingModel):"
        "\n    model.get_response = None\nfix(1)"),
        (f"{MODEL}def fix(model):\n    def set(cls):\n"
        "        cls.get_response = None\n    set(model)\nfix(TemporalStreamingModel)"),
        (f"from importlib import import_module\nNAME = 'TemporalStreamingModel'\n"
        f"getattr(import_module('{MODULE}'), NAME).get_response = None"),
    ],
    "sets": [
        (f"{MODEL}"
        "setattr(TemporalStreamingModel, 'get_response', None)"),
        (f"{MODEL}VERB = 'get'\n"
        "setattr(TemporalStreamingModel, f'{VERB}_response', None)"),
        (f"{MODEL}"
        "setattr(TemporalStreamingModel, 'get_' + 'response', None)"),
        (f"import builtins\nfrom {MODULE} import TemporalStreamingModel as M\n"
        "builtins.setattr(M, 'get_response', None)"),
        (f"{M}"
        "type.__setattr__(M, 'get_response', None)"),
        (f"{M}for name in ('other', 'get_response'):\n"
        "    setattr(M, name, None)"),
        (f"{M}"
        "[setattr(M, name, None) for name in ['get_response']]"),
        (f"from unittest import mock\nfrom {MODULE} import TemporalStreamingModel\n"
        "mock.patch.object(TemporalStreamingModel, 'get_response', None).start()"),
        ("from unittest.mock import patch\n"
        f"patch('{MODULE}.TemporalStreamingModel.get_response').start()"),
    ],
    "wraps": [
        (f"import wrapt\nwrapt.wrap_function_wrapper('{MODULE}',\n"
        "    'TemporalStreamingModel.get_response', None)"),
        (f"import wrapt\nM = '{MODULE}'\n@wrapt.patch_function_wrapper(M,\n"
        "    'TemporalStreamingModel.get_response')\ndef counted(*args): ..."),
        (f"from wrapt import wrap_function_wrapper as wrap\n"
        f"{MODEL}"
        "wrap(TemporalStreamingModel, 'get_response', None)"),
        (f"import wrapt\nimport {MODULE} as module\nwrapt.wrap_function_wrapper(\n"
        "    target=module, name='TemporalStreamingModel.get_response', wrapper=None)"),
        (f"import wrapt\nimport {MODULE} as module\nwrapt.wrap_function_wrapper(\n"
        "    wrapper=None, name='TemporalStreamingModel.get_response', module=module)"),
        (f"import wrapt\n{MODEL}wrapt.wrap_function_wrapper(\n"
        "    wrapper=None, name='get_response', target=TemporalStreamingModel)"),
        (f"import wrapt\nfrom {MODULE} import TemporalStreamingModel\n"
        "wrapt.apply_patch(TemporalStreamingModel, 'get_response', None)"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("how", "code"), [(how, code) for how in PATCHES for code in PATCHES[how]])
def test_an_in_house_patch_is_found_by_what_it_does(
    how: str, code: str, pinned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(pinned, {"corrections.py": code})
    found = only(capsys)
    (patch,) = found["in_house"]
    assert (patch["file"], patch["how"]) == ("corrections.py", how)
    assert re.match(
        r"(cls|getattr|import_module|keep|m\.|M\.|model\.|\[?setattr|builtins\.s|type\.|mock\.|patch\(|@?wrap|"
        r"Temporal|agentex)",
        code.splitlines()[patch["line"] - 1].lstrip(),
    )


@pytest.mark.parametrize(
    "code",
    [
        (f"{MODEL}class Ours(TemporalStreamingModel):\n    def get_response(self): ..."),
        f"{MODEL}TemporalStreamingModel.other = None",
        "class Model: ...\nModel.get_response = None  # TemporalStreamingModel",
        (f"{MODEL}setattr(TemporalStreamingModel, 'other', None)"),
        (
            f"{MODEL}"
            "setattr(*TemporalStreamingModel)\nsetattr(TemporalStreamingModel, f'{1}', None)"
        ),
        "import wrapt\nwrapt.wrap_function_wrapper('json', 'load', 1)  # AgentexWorker",
        "name = name + 'TemporalStreamingModel'\nsetattr(name, name, None)\n(lambda: 1)().x = name",
        (
            "from importlib import import_module as load\nload(where()).get_response = None"
            "  # TemporalStreamingModel"
        ),
        "get = getattr\ngetattr(None or 1, 'TemporalStreamingModel').get_response = 1",
        f"{MODEL}TemporalStreamingModel().get_response = None",
        f"{MODEL}M, n = both()\nM.get_response = None",
        (f"{MODEL}M, *n = TemporalStreamingModel, 1\nn.get_response = None"),
        (f"{M}for name in ('one', 'other'):\n    setattr(M, name, None)"),
        (
            "from wrapt import wrap_function_wrapper as wrap  # TemporalStreamingModel\n"
            "wrap(name='get_response', wrapper=None)\nwrap(wrapper=None)"
        ),
    ],
)
def test_what_only_looks_like_one_is_none(
    code: str, pinned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(pinned, {"corrections.py": code})
    assert only(capsys)["in_house"] == []


def test_a_copy_with_our_name_is_told_whatever_it_does_and_hides_this_package(
    pinned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    use = "import agentex_usage_patch\nagentex_usage_patch.apply_patch()\n"
    write(pinned, {"agentex_usage_patch.py": "def apply_patch(): ...\n",
                   "run_worker.py": use + WORKER})  # fmt: skip
    found = only(capsys)
    assert found["applied"] == []
    assert places(found["in_house_uses"]) == ["run_worker.py:1", "run_worker.py:2"]
    told = [action["text"] for action in found["actions"]]
    assert told[0] == "delete this file, an in-house patch: it has the name of this package"
    (pinned / "agentex_usage_patch.py").unlink()
    found = only(capsys)
    assert places(found["applied"]) == ["run_worker.py:2"]
    assert found["verdict"] == "safe to upgrade"


def test_a_copy_with_our_name_hides_this_package_from_what_lies_below_it(
    pinned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pinned / "run_worker.py").unlink()
    use = "from agentex_usage_patch import apply_patch\napply_patch()\n"
    write(pinned, {"agentex_usage_patch.py": "", "one/run_worker.py": use + WORKER,
                   "one/setup.cfg": ""})  # fmt: skip
    found = only(capsys)
    assert (found["folder"], found["applied"]) == ("one", [])
    assert places(found["in_house_uses"]) == ["one/run_worker.py:1", "one/run_worker.py:2"]
