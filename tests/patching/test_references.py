"""Patched old = old: what pickles and copies `get_response` gets it by reference, as before."""

from __future__ import annotations

import copy
import importlib
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from agentex_usage_patch import _upstream, apply_patch, remove_patch

from .. import calls
from ..calls import AFFECTED

pytestmark = pytest.mark.companions


def pickled(what: Any) -> Any:
    return pickle.loads(pickle.dumps(what))


def cloudpickled(what: Any) -> Any:
    cloudpickle: Any = importlib.import_module("cloudpickle")
    return cloudpickle.loads(cloudpickle.dumps(what))


def in_the_class() -> Any:
    return vars(calls.sdk.TemporalStreamingModel)["get_response"]


@pytest.mark.parametrize("duplicate", [pickled, cloudpickled, copy.copy, copy.deepcopy])
@pytest.mark.parametrize("patched", [False, True])
def test_it_is_the_same_object(duplicate: Callable[[Any], Any], *, patched: bool) -> None:
    if patched:
        apply_patch()
    assert duplicate(calls.sdk.TemporalStreamingModel.get_response) is in_the_class()


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_a_removed_one_is_copied_as_itself(duplicate: Callable[[Any], Any]) -> None:
    apply_patch()
    removed = in_the_class()
    remove_patch()
    assert duplicate(removed) is removed


def test_a_removed_one_is_pickled_as_what_stands_there_now() -> None:
    apply_patch()
    removed = in_the_class()
    remove_patch()
    assert pickled(removed) is in_the_class()


def test_one_from_before_a_reload_is_pickled_as_what_stands_there_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    apply_patch()
    before = in_the_class()

    class TemporalStreamingModel:
        async def get_response(self) -> None:
            """Stand where a reload puts another class."""

    monkeypatch.setattr(calls.sdk, "TemporalStreamingModel", TemporalStreamingModel)
    if not AFFECTED:  # a plain function that its module no longer holds
        with pytest.raises(pickle.PicklingError, match="not the same object"):
            pickled(before)
        return
    assert pickled(before) is TemporalStreamingModel.get_response


LOAD = f"""
import pickle, sys
sys.modules["agentex_usage_patch"] = None
loaded = pickle.loads(sys.stdin.buffer.read())
from {_upstream.MODULE} import TemporalStreamingModel
assert loaded is TemporalStreamingModel.get_response
"""


@pytest.mark.processes
def test_it_is_loaded_where_this_package_is_not() -> None:
    # In a process of its own, since this one has imported it.
    apply_patch()
    done = subprocess.run([sys.executable, "-c", LOAD], input=pickle.dumps(in_the_class()),
                          capture_output=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
