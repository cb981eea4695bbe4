"""The post-import hook runs after every import of its module, and does not change the import."""

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
    """The name of a module that can be imported; the finders are restored after the test."""
    name = f"hooked_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text("answer = 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", sys.meta_path.copy())
    yield name
    sys.modules.pop(name, None)


def install_hook(name: str) -> tuple[PostImportHook, list[Any]]:
    called: list[Any] = []
    hook = PostImportHook(name, lambda module: called.append((module, module.answer)))
    hook.install()
    hook.install()
    assert sys.meta_path.count(hook) == 1
    return hook, called


def test_hook_runs_after_import_and_reload_until_it_is_removed(name: str) -> None:
    hook, called = install_hook(name)
    module = importlib.import_module(name)
    assert called == [(module, 42)]
    vars(module)["answer"] = 7
    importlib.reload(module)
    assert called == [(module, 42)] * 2
    hook.remove()
    hook.remove()
    importlib.reload(module)
    assert len(called) == 2


def test_imported_module_keeps_its_own_loader(name: str) -> None:
    install_hook(name)
    module = importlib.import_module(name)
    assert module.__spec__ is not None
    for loader in (module.__loader__, module.__spec__.loader):
        assert loader is not None
        assert type(loader) is not hook._Loader


def test_finder_that_searches_again_runs_the_hook_once(name: str) -> None:
    class Searching:
        """A finder that calls the other finders, like those of wrapt and ddtrace."""

        searching = False

        def find_spec(self, wanted: str, path: Any = None, target: Any = None) -> Any:
            if wanted != name or self.searching:
                return None
            self.searching = True
            return importlib.util.find_spec(wanted)

    sys.meta_path.insert(0, Searching())
    _, called = install_hook(name)
    importlib.import_module(name)
    assert len(called) == 1


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # the test needs this fork
def test_hook_runs_in_a_child_forked_while_a_thread_searches(name: str) -> None:
    class Waiting:
        """A finder that blocks one thread until the end of the test."""

        def find_spec(self, *_: Any) -> None:
            if threading.current_thread() is finding:
                found.set()
                go_on.wait(60)

    found, go_on = threading.Event(), threading.Event()
    hook, _ = install_hook(name)
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
        # One of them may reuse the identifier of the thread that searched before the fork.
        os._exit(0 if hooked == [True] * 8 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    go_on.set()
    finding.join()


def test_missing_module_is_not_found_and_old_finder_is_skipped(name: str) -> None:
    sys.meta_path.insert(0, SimpleNamespace())
    install_hook(f"{name}_missing")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(f"{name}_missing")


def test_loader_without_exec_module_is_not_replaced(name: str) -> None:
    hook, _ = install_hook(name)
    spec = SimpleNamespace(loader=SimpleNamespace())
    sys.meta_path.insert(0, SimpleNamespace(find_spec=lambda *_: spec))
    assert hook.find_spec(name) is spec
    assert type(spec.loader) is SimpleNamespace


class Slow:
    """A finder and loader that blocks before its module is in ``sys.modules``."""

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


def importlib_with(do: Callable[[], Any]) -> Any:
    return SimpleNamespace(import_module=lambda _: do(), _bootstrap=importlib._bootstrap)


def test_import_that_has_only_found_its_module_is_awaited(
    name: str, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def import_module() -> Any:
        slow.go_on.set()
        return importlib.import_module(name)

    assert name not in sys.modules
    monkeypatch.setattr(hook, "importlib", importlib_with(import_module))
    assert imported(name, "answer").answer == 42


def test_awaited_import_that_fails_is_ignored(
    name: str, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> Any:
        raise ImportError(name)

    monkeypatch.setattr(hook, "importlib", importlib_with(fail))
    assert imported(name, "answer") is None


def test_looking_for_the_module_imports_nothing(name: str) -> None:
    assert imported(name, "answer") is None
    assert name not in sys.modules


def test_lock_that_is_held_during_a_fork_is_replaced_in_the_child() -> None:
    held, released = threading.Event(), threading.Event()

    def hold() -> None:
        with apply._lock:
            held.set()
            released.wait(60)

    holding = threading.Thread(target=hold)
    holding.start()
    assert held.wait(60)
    apply._after_fork()
    asked = threading.Thread(target=status)
    asked.start()
    asked.join(60)
    assert not asked.is_alive()
    released.set()
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
    other = hook.PostImportHook(_upstream.MODULE, wrapped)
    other.install()
    # The other hook is closer to the module: it wraps first, and the patch goes on top.
    sys.meta_path.remove(other)
    sys.meta_path.insert(1, other)
    before = asyncio.all_tasks()
    importlib.import_module(_upstream.MODULE)
    said["tasks"] = len(asyncio.all_tasks() - before)
    seen("within", agentex_usage_patch.status())
asyncio.run(main())
"""


@pytest.mark.processes
def test_hook_probes_a_wrapper_that_needs_a_loop_within_a_running_loop() -> None:
    said = child(IN_THE_HOOK)
    assert said["within"]["states"] == ["patched" if AFFECTED else "native"]
    assert said["tasks"] == 0
