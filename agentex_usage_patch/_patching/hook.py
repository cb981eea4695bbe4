"""A hook that runs after every import of one module: the first one, and each reload.

wrapt's post-import hooks run once, so that a reload would lose the patch, and they run at
once for a module that another thread has only half imported.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable
from typing import Any

import wrapt

# wrapt 1.x is untyped and 2.x generic; the type checker sees Any.
_ObjectProxy: Any = wrapt.ObjectProxy


class PostImportHook:
    """A finder for ``sys.meta_path`` that calls a hook after a module's code has run.

    It finds no module itself: it asks the other finders, and wraps the loader they return.
    """

    def __init__(self, name: str, hook: Callable[[Any], object]) -> None:
        self._name = name
        self._hook = hook
        # Per-thread flag. Thread identifiers will not do: a forked child can reuse them.
        self._finding = threading.local()

    def install(self) -> None:
        """Insert the hook before all other finders, once."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def remove(self) -> None:
        """Remove the hook from the finders."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return the other finders' spec, with a loader that calls the hook."""
        # Another finder may search sys.meta_path again; it must not find this hook.
        if name != self._name or getattr(self._finding, "active", False):
            return None
        self._finding.active = True
        try:
            spec = self._find(name, path, target)
        finally:
            self._finding.active = False
        if hasattr(getattr(spec, "loader", None), "exec_module"):
            spec.loader = _Loader(spec.loader, self._hook)
        return spec

    def _find(self, *wanted: Any) -> Any:
        for finder in list(sys.meta_path):
            if finder is not self and hasattr(finder, "find_spec"):
                spec = finder.find_spec(*wanted)
                if spec is not None:
                    return spec
        return None


class _Loader(_ObjectProxy):  # type: ignore[misc]  # see above
    """The module's own loader, until the module's code has run; then the hook is called."""

    def __init__(self, loader: Any, hook: Callable[[Any], object]) -> None:
        super().__init__(loader)
        self._self_hook = hook

    def exec_module(self, module: Any) -> None:
        """Run the module's own loader, then call the hook."""
        loader = self.__wrapped__
        module.__spec__.loader = loader
        module.__loader__ = loader
        loader.exec_module(module)
        self._self_hook(module)


def imported(name: str, attribute: str) -> Any:
    """Return a module, after waiting for another thread that imports it; None without one.

    A module without the attribute may still be running its code. If its import fails, the
    result is what is left in ``sys.modules``, usually None.
    """
    module = sys.modules.get(name)
    if module is not None and hasattr(module, attribute):
        return module
    # While a module is being found it is not in sys.modules yet; only its import lock exists.
    locks = getattr(getattr(importlib, "_bootstrap", None), "_module_locks", {})
    under_way = name in locks if module is None else _initializing(module)
    if not under_way:
        return module
    try:
        return importlib.import_module(name)
    except Exception:  # noqa: BLE001 - the thread that started the import gets the error
        return sys.modules.get(name)


def _initializing(module: Any) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))
