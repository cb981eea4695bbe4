"""A hook after every import of one module: the first one, and a reload.

wrapt's post-import hooks run once, so that a reload would lose the patch; and they run
at once for a module that another thread has only half imported.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable
from typing import Any

import wrapt

# wrapt 1.x is untyped and 2.x generic: to the type checker it is Any.
_ObjectProxy: Any = wrapt.ObjectProxy


class PostImportHook:
    """A finder for ``sys.meta_path`` that calls a hook after a module's code has run.

    It finds nothing by itself: the module comes from whoever would have found it.
    """

    def __init__(self, name: str, hook: Callable[[Any], object]) -> None:
        self._name = name
        self._hook = hook
        # Not a thread's ident: a thread in a forked process may have that one again.
        self._finding = threading.local()

    def place(self) -> None:
        """Stand before all other finders, once."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def withdraw(self) -> None:
        """Be gone from the finders."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return the spec that the other finders find, with a loader that calls the hook."""
        # Another finder may search sys.meta_path once more: let it pass us by.
        if name != self._name or getattr(self._finding, "here", False):
            return None
        self._finding.here = True
        try:
            spec = self._find(name, path, target)
        finally:
            self._finding.here = False
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
    """The module's own loader, until its code runs; then the hook."""

    def __init__(self, loader: Any, hook: Callable[[Any], object]) -> None:
        super().__init__(loader)
        self._self_hook = hook

    def exec_module(self, module: Any) -> None:
        loader = self.__wrapped__
        module.__spec__.loader = loader
        module.__loader__ = loader
        loader.exec_module(module)
        self._self_hook(module)


def imported(name: str, attribute: str) -> Any:
    """Return a module if it is imported, once it has an attribute that makes it complete.

    An import that is under way in another thread is waited for; none is begun. Returns
    None where there is no such module or its import failed there.
    """
    module = sys.modules.get(name)
    if module is not None and hasattr(module, attribute):
        return module
    # Between its finder and its place in sys.modules a module only has a lock.
    locks = getattr(getattr(importlib, "_bootstrap", None), "_module_locks", {})
    under_way = name in locks if module is None else _initializing(module)
    if not under_way:
        return module
    try:
        return importlib.import_module(name)
    except Exception:  # noqa: BLE001 - the other import fails as well, and tells
        return sys.modules.get(name)


def _initializing(module: Any) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))
