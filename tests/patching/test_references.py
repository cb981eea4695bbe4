"""Patched old = old: pickle and copy handle `get_response` by reference."""

from __future__ import annotations

import copy
import importlib
import pickle
import sys
from collections.abc import Callable
from typing import Any

import pytest

from agentex_usage_patch import apply_patch, remove_patch

from .. import calls
from ..calls import AFFECTED, class_attribute

pytestmark = pytest.mark.companions


def pickled(function: Any) -> Any:
    return pickle.loads(pickle.dumps(function))


def cloudpickled(function: Any) -> Any:
    cloudpickle: Any = importlib.import_module("cloudpickle")
    return cloudpickle.loads(cloudpickle.dumps(function))


@pytest.mark.parametrize("duplicate", [pickled, cloudpickled, copy.copy, copy.deepcopy])
@pytest.mark.parametrize("patched", [False, True])
def test_copy_is_the_same_object(duplicate: Callable[[Any], Any], *, patched: bool) -> None:
    if patched:
        apply_patch()
    assert duplicate(calls.sdk.TemporalStreamingModel.get_response) is class_attribute()


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_removed_wrapper_is_copied_as_itself(duplicate: Callable[[Any], Any]) -> None:
    apply_patch()
    removed = class_attribute()
    remove_patch()
    assert duplicate(removed) is removed


def test_removed_wrapper_is_pickled_as_the_current_get_response() -> None:
    apply_patch()
    removed = class_attribute()
    remove_patch()
    assert pickled(removed) is class_attribute()


def test_wrapper_from_before_a_reload_is_pickled_as_the_current_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    apply_patch()
    before = class_attribute()

    class TemporalStreamingModel:
        async def get_response(self) -> None:
            """Stand for the method of the reloaded class."""

    monkeypatch.setattr(calls.sdk, "TemporalStreamingModel", TemporalStreamingModel)
    if not AFFECTED:  # pickle refuses a function that is no longer in its module
        with pytest.raises(pickle.PicklingError, match="not the same object"):
            pickled(before)
        return
    assert pickled(before) is TemporalStreamingModel.get_response


def test_pickle_is_loaded_without_this_package(monkeypatch: pytest.MonkeyPatch) -> None:
    apply_patch()
    dumped = pickle.dumps(class_attribute())
    for name in [each for each in sys.modules if each.partition(".")[0] == "agentex_usage_patch"]:
        monkeypatch.setitem(sys.modules, name, None)  # its import raises, as if not installed
    assert pickle.loads(dumped) is class_attribute()
