"""The hook after an import: it changes nothing of the import, and misses none."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agentex_usage_patch import status
from agentex_usage_patch._patching import apply, hook
from agentex_usage_patch._patching.hook import PostImportHook, _Loader, imported

from ..children import AFFECTED, child

pytestmark = pytest.mark.companions


@pytest.fixture
def name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A module that can be imported, and whose finders are put back."""
    name = f"hooked_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text("answer = 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", sys.meta_path.copy())
    yield name
    sys.modules.pop(name, None)


def placed(name: str) -> tuple[PostImportHook, list[Any]]:
    called: list[Any] = []
    hook = PostImportHook(name, lambda module: called.append((module, module.answer)))
    hook.install()
    hook.install()
    assert sys.meta_path.count(hook) == 1
    return hook, called


def test_it_is_called_after_an_import_and_after_a_reload_until_it_is_withdrawn(name: str) -> None:
    hook, called = placed(name)
    module = importlib.import_module(name)
    assert called == [(module, 42)]
    vars(module)["answer"] = 7
    importlib.reload(module)
    assert called == [(module, 42)] * 2
    hook.remove()
    hook.remove()
    importlib.reload(module)
    assert len(called) == 2


def test_the_module_looks_as_it_would_without_it(name: str) -> None:
    placed(name)
    module = importlib.import_module(name)
    assert module.__spec__ is not None
    for loader in (module.__loader__, module.__spec__.loader):
        assert loader is not None
        assert type(loader) is not hook._Loader


def test_a_finder_that_searches_again_has_it_called_once(name: str) -> None:
    class Searching:
        """As wrapt's and ddtrace's are."""

        searching = False

        def find_spec(self, wanted: str, path: Any = None, target: Any = None) -> Any:
            if wanted != name or self.searching:
                return None
            self.searching = True
            return importlib.util.find_spec(wanted)

    sys.meta_path.insert(0, Searching())
    _, called = placed(name)
    importlib.import_module(name)
    assert len(called) == 1


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # what is tested
def test_a_fork_while_another_thread_finds_has_it_called_in_the_child(name: str) -> None:
    class Waiting:
        """A finder that one thread is in the middle of, for as long as it lives."""

        def find_spec(self, *_: Any) -> None:
            if threading.current_thread() is finding:
                found.set()
                go_on.wait(60)

    found, go_on = threading.Event(), threading.Event()
    hook, _ = placed(name)
    sys.meta_path.insert(0, Waiting())
    finding = threading.Thread(target=hook.find_spec, args=(name,))
    finding.start()
    assert found.wait(60)
    hooked: list[bool] = []

    def find() -> None:
        spec = hook.find_spec(name)
        hooked.append(spec is not None and type(spec.loader) is _Loader)

    child = os.fork()
    if not child:
        threads = [threading.Thread(target=find) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # One of them may have the ident of the thread that the fork has left behind.
        os._exit(0 if hooked == [True] * 8 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    go_on.set()
    finding.join()


def test_what_nobody_finds_is_not_found_and_an_old_finder_is_passed_by(name: str) -> None:
    sys.meta_path.insert(0, SimpleNamespace())
    placed(f"{name}_missing")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(f"{name}_missing")


def test_a_loader_of_the_old_kind_is_left_alone(name: str) -> None:
    hook, _ = placed(name)
    spec = SimpleNamespace(loader=SimpleNamespace())
    sys.meta_path.insert(0, SimpleNamespace(find_spec=lambda *_: spec))
    assert hook.find_spec(name) is spec
    assert type(spec.loader) is SimpleNamespace


class Slow:
    """A finder and loader whose module is found, but not yet in ``sys.modules``."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.found, self.go_on = threading.Event(), threading.Event()

    def find_spec(self, wanted: str, path: Any = None, target: Any = None) -> Any:
        return importlib.util.spec_from_loader(wanted, self) if wanted == self._name else None  # type: ignore[arg-type]

    def create_module(self, spec: Any) -> None:
        self.found.set()
        assert self.go_on.wait(60)

    def exec_module(self, module: Any) -> None:
        module.answer = 42


@pytest.fixture
def slow(name: str) -> Iterator[Slow]:
    slow = Slow(name)
    sys.meta_path.insert(0, slow)
    importing = threading.Thread(target=importlib.import_module, args=(name,))
    importing.start()
    assert slow.found.wait(60)
    yield slow
    slow.go_on.set()
    importing.join()


def importing(do: Callable[[], Any]) -> Any:
    return SimpleNamespace(import_module=lambda _: do(), _bootstrap=importlib._bootstrap)


def test_an_import_that_has_only_found_its_module_is_waited_for(
    name: str, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def import_module() -> Any:
        slow.go_on.set()
        return importlib.import_module(name)

    assert name not in sys.modules
    monkeypatch.setattr(hook, "importlib", importing(import_module))
    assert imported(name, "answer").answer == 42


def test_an_import_that_fails_where_it_is_waited_for_is_none_of_ours(
    name: str, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> Any:
        raise ImportError(name)

    monkeypatch.setattr(hook, "importlib", importing(fail))
    assert imported(name, "answer") is None


def test_no_import_is_begun(name: str) -> None:
    assert imported(name, "answer") is None
    assert name not in sys.modules


def test_a_lock_that_a_fork_has_left_locked_is_let_go() -> None:
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with apply._lock:
            held.set()
            let_go.wait(60)

    holding = threading.Thread(target=hold)
    holding.start()
    held.wait(60)
    apply._after_fork()
    asked = threading.Thread(target=status)
    asked.start()
    asked.join(60)
    assert not asked.is_alive()
    let_go.set()
    holding.join()


IN_THE_HOOK = """
import asyncio, importlib, sys, agentex_usage_patch
from agentex_usage_patch import _upstream
from agentex_usage_patch._patching import hook

def wrapped(module):
    original = module.TemporalStreamingModel.get_response
    async def get_response(self, *args, **kwargs):
        return await asyncio.wait_for(asyncio.shield(original(self, *args, **kwargs)), 5)
    module.TemporalStreamingModel.get_response = get_response

async def main():
    agentex_usage_patch.apply_patch(strict=True)
    theirs = hook.PostImportHook(_upstream.MODULE, wrapped)
    theirs.install()
    # Theirs stands nearer to the module: it wraps first, ours is applied on top.
    sys.meta_path.remove(theirs)
    sys.meta_path.insert(1, theirs)
    before = asyncio.all_tasks()
    importlib.import_module(_upstream.MODULE)
    said["tasks"] = len(asyncio.all_tasks() - before)
    seen("within", agentex_usage_patch.status())
asyncio.run(main())
"""


@pytest.mark.processes
def test_the_import_hook_observes_such_a_wrapper_within_a_running_loop() -> None:
    said = child(IN_THE_HOOK)
    assert said["within"]["states"] == ["patched" if AFFECTED else "native"]
    assert said["tasks"] == 0
