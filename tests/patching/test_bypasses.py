"""Who calls an original `get_response` past the patch: status names them, and nobody else."""

from __future__ import annotations

import asyncio
import collections
import functools
import gc
import importlib.util
import re
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import wrapt

from agentex_usage_patch import apply_patch, remove_patch, status
from agentex_usage_patch._patching import reach
from agentex_usage_patch._patching.call import Call, Model

from .. import calls
from ..calls import AFFECTED, make_model
from ..clients import Recording, ask, event

pytestmark = pytest.mark.companions

MODEL: Any = calls.sdk.TemporalStreamingModel
NAME = f"{MODEL.__module__}.TemporalStreamingModel"


@pytest.fixture(autouse=True)
def _nobody_left() -> Iterator[None]:
    yield
    gc.collect()


def told(sentence: str) -> None:
    """Assert that this is all that a status tells, where anything is patched at all."""
    assert status().bypasses == ((sentence,) if AFFECTED else ())
    if AFFECTED:
        assert f"Past the patch: {sentence}." in status().summary
        assert "before they come about" in status().advice
        assert status().complete


def test_nobody_goes_past_it_at_first() -> None:
    model = make_model(Recording())
    apply_patch()
    assert status().bypasses == ()
    del model


def test_a_subclass_that_overrides_without_calling() -> None:
    class Own(MODEL):  # type: ignore[misc]  # Any
        async def get_response(self, *args: Any, **kwargs: Any) -> None: ...

    class Beneath(Own):
        pass

    apply_patch()
    name = f"{__name__}.{Own.__qualname__}"
    told(f"subclass {name} overrides get_response without calling it")
    del Beneath


def test_a_class_is_told_when_the_patch_is_applied(caplog: pytest.LogCaptureFixture) -> None:
    class Own(MODEL):  # type: ignore[misc]  # Any
        async def get_response(self, *args: Any, **kwargs: Any) -> None: ...

    caplog.set_level("INFO", logger="agentex_usage_patch")
    applied = apply_patch()
    assert len(applied.bypasses) == AFFECTED
    assert [each.levelname for each in caplog.records if each.name == "agentex_usage_patch"] == [
        "WARNING" if AFFECTED else "INFO"
    ]
    del Own


def test_a_subclass_that_took_the_original() -> None:
    class Took(MODEL):  # type: ignore[misc]  # Any
        get_response = MODEL.get_response

    apply_patch()
    told(f"subclass {__name__}.{Took.__qualname__} overrides get_response without calling it")


def by_super() -> Any:
    class Calling(MODEL):  # type: ignore[misc]  # Any
        async def get_response(self, *args: Any, **kwargs: Any) -> Any:
            return await super().get_response(*args, **kwargs)

    return Calling


def by_name_in_a_function_of_its_own() -> Any:
    class Calling(MODEL):  # type: ignore[misc]  # Any
        async def get_response(self, *args: Any, **kwargs: Any) -> Any:
            async def call() -> Any:
                return await MODEL.get_response(self, *args, **kwargs)

            return await call()

    return Calling


def by_a_decorator() -> Any:
    def counted(function: Any) -> Any:
        @functools.wraps(function)
        async def get_response(*args: Any, **kwargs: Any) -> Any:
            return await function(*args, **kwargs)

        return get_response

    class Calling(MODEL):  # type: ignore[misc]  # Any
        @counted
        async def get_response(self, *args: Any, **kwargs: Any) -> Any:
            return await super().get_response(*args, **kwargs)

    return Calling


def by_wrapt() -> Any:
    @wrapt.decorator
    async def through(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return await wrapped(*args, **kwargs)

    class Calling(MODEL):  # type: ignore[misc]  # Any
        @through
        async def get_response(self, *args: Any, **kwargs: Any) -> Any:
            return await super().get_response(*args, **kwargs)

    return Calling


@pytest.mark.parametrize(
    "make", [by_super, by_name_in_a_function_of_its_own, by_a_decorator, by_wrapt]
)
def test_a_subclass_that_calls_on_is_not_told(make: Any) -> None:
    subclass = make()
    apply_patch()
    assert status().bypasses == ()
    del subclass


def test_an_instance_that_had_its_own_before() -> None:
    model = make_model(Recording())
    before = MODEL.get_response

    async def own(*args: Any, **kwargs: Any) -> Any:
        return await before(model, *args, **kwargs)

    model.get_response = own
    apply_patch()
    told_of = status().bypasses
    assert (f"an instance of {NAME} has a get_response of its own" in told_of) is AFFECTED
    # The function that it goes through holds the original, too.
    assert any(f"{own.__qualname__} ({__file__}:" in each for each in told_of) is AFFECTED
    assert len(told_of) == 2 * AFFECTED


def test_an_instance_whose_own_goes_through_ours_is_not_told() -> None:
    apply_patch()
    model = make_model(Recording())
    patched = model.get_response
    model.get_response = functools.partial(patched)
    assert status().bypasses == ()


def test_a_bound_one_that_was_taken_before() -> None:
    taken = make_model(Recording()).get_response
    apply_patch()
    told(f"a bound get_response of {NAME}, taken before")
    del taken


def test_a_bound_form_of_somebodys_wrapper_that_was_taken_before() -> None:
    pass_on_by_wrapt()
    taken = make_model(Recording()).get_response
    apply_patch()
    sentence = f"a bound get_response of {NAME}, taken before"
    assert status().bypasses == ((sentence,) if AFFECTED else ())
    del taken


def test_a_bound_one_of_a_patch_that_was_removed_since() -> None:
    apply_patch()
    taken = make_model(Recording()).get_response
    remove_patch()
    apply_patch()
    told(f"a bound get_response of {NAME}, taken before")
    del taken


def test_who_holds_what_is_in_the_class_now_is_not_told() -> None:
    apply_patch()
    from_the_class, bound = MODEL.get_response, make_model(Recording()).get_response
    assert status().bypasses == ()
    del from_the_class, bound


def test_another_method_of_a_subclass_that_was_taken_is_not_told() -> None:
    class Made(MODEL):  # type: ignore[misc]  # Any
        @classmethod
        def from_environment(cls) -> Any:
            return make_model(Recording(), cls)

    taken = Made.from_environment
    apply_patch()
    assert status().bypasses == ()
    assert isinstance(taken(), Made)


def test_whatever_a_closure_holds_the_status_stands() -> None:
    class Hostile:
        def __call__(self) -> None: ...

        def __getattr__(self, name: str) -> Any:
            raise LookupError(name)

    class Slotted:
        __slots__ = ("__wrapped__", "func")  # neither of them is set

        def __call__(self) -> None: ...

    hostile: Any = Hostile()
    slotted: Any = Slotted()
    nameless: Any = eval("lambda: None", {})  # which is of no module
    beneath: Any = MODEL.get_response

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await (hostile and slotted and nameless and beneath)(self, *args, **kwargs)

    MODEL.get_response = get_response
    apply_patch()
    assert "failed" not in status().summary
    assert len(status().fixes) == 7


def test_no_callable_in_a_closure_is_asked_for_anything() -> None:
    asked: list[str] = []

    class Asked:
        def __call__(self) -> None: ...

        def __getattribute__(self, name: str) -> Any:
            asked.append(name)
            raise AttributeError(name)

    lazy: Any = Asked()
    beneath: Any = MODEL.get_response

    async def get_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await beneath(self, *args, **kwargs) if lazy else None

    MODEL.get_response = get_response
    apply_patch()
    status()
    assert asked == []


def test_a_module_that_is_loaded_when_it_is_asked_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = importlib.util.find_spec("this")
    assert spec is not None and spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    lazy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(lazy)
    saving: Any = ModuleType("saving")
    saving.saved = MODEL.get_response
    for name, module in {"lazy": lazy, "none": object(), "saving": saving}.items():
        monkeypatch.setitem(sys.modules, name, module)
    apply_patch()
    told("saving.saved is the original")
    assert type(lazy) is not ModuleType  # which it becomes when it is loaded


def test_what_only_garbage_holds_is_not_told() -> None:
    gc.disable()  # until the status asks
    try:
        cycle: list[Any] = [MODEL.get_response]
        cycle.append(cycle)
        del cycle
        apply_patch()
        assert status().bypasses == ()
    finally:
        gc.enable()


def test_an_attribute_of_a_module(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = ModuleType("run_worker")
    module.saved = MODEL.get_response
    monkeypatch.setitem(sys.modules, "run_worker", module)
    apply_patch()
    told("run_worker.saved is the original")


@pytest.mark.parametrize("kind", [list, tuple, set])
def test_a_collection(kind: Any) -> None:
    holder = kind([MODEL.get_response])
    apply_patch()
    told(f"a {kind.__name__} holds the original")
    del holder


class Saving:
    """One who keeps the original as people do, in one way or another."""

    def __init__(self, original: Any) -> None:
        self.original = original


class Calling(Saving):
    """The same, to be called in its place."""

    def __call__(self, *args: Any) -> Any:
        return self.original(*args)


class Slotted:
    """The same, in a slot."""

    __slots__ = ("original",)

    def __init__(self, original: Any) -> None:
        self.original = original


def as_a_default(original: Any) -> Any:
    return lambda original=original: original


@pytest.mark.parametrize(
    ("hold", "kind"),
    [
        (lambda original: {"get_response": original}, "dict"),
        (lambda original: collections.deque([original]), "collections.deque"),
        (lambda original: type("Class", (), {"original": original}), "dict"),
        (functools.partial, "functools.partial"),
        (as_a_default, "tuple"),
        (Slotted, f"{__name__}.Slotted"),
        # Its attributes may stand in a dict, or in the instance itself.
        (Saving, f"(dict|{__name__}.Saving)"),
        (Calling, f"(dict|{__name__}.Calling)"),
    ],
)
def test_whoever_else_keeps_the_original(hold: Any, kind: str) -> None:
    holder = hold(MODEL.get_response)
    apply_patch()
    bypasses = status().bypasses
    assert len(bypasses) == AFFECTED
    for sentence in bypasses:
        assert re.fullmatch(f"a {kind} holds the original", sentence)
    del holder


def test_a_class_that_a_reload_left_behind() -> None:
    (base,) = MODEL.__bases__
    older = type("TemporalStreamingModel", (base,), {"__module__": MODEL.__module__})
    apply_patch()
    told(f"an older {NAME}, from before a reload, is not patched")
    del older


def pass_on_by_wrapt() -> None:
    """Wrap get_response as tracers do."""

    async def get_response(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return await wrapped(*args, **kwargs)

    MODEL.get_response = wrapt.FunctionWrapper(vars(MODEL)["get_response"], get_response)


@pytest.mark.parametrize("wrap", [lambda: None, pass_on_by_wrapt], ids=["alone", "over a wrapper"])
async def test_a_call_under_way_is_not_told(wrap: Any) -> None:
    wrap()
    apply_patch()

    class Slow(Recording):
        async def create(self, **request: Any) -> Any:
            started.set()
            await go_on.wait()
            return await super().create(**request)

    started, go_on = asyncio.Event(), asyncio.Event()
    call = asyncio.create_task(ask(make_model(Slow(event()))))
    await started.wait()
    bypasses = status().bypasses
    go_on.set()
    await call
    assert bypasses == ()


def test_once_removed_there_is_nothing_to_go_past() -> None:
    model = make_model(Recording())
    taken = model.get_response
    apply_patch()
    assert remove_patch().bypasses == ()
    del taken


def test_what_is_bound_to_a_stand_in_is_a_call_under_way() -> None:
    # As an older copy of this package holds one while its call runs.
    model = make_model(Recording())
    assert list(reach._taken(Model(model, Call(frozenset(), {})))) == []
    assert len(list(reach._taken(model))) == 1
