"""The forms of an in-house patch: what replaces the method of the SDK's class, and a function
that is there for that.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from . import _upstream
from ._scan_names import Names

_SETTERS = frozenset({
    "setattr", "builtins.setattr", "__builtins__.setattr", "type.__setattr__",
})  # fmt: skip
_WRAPPERS = frozenset({
    "wrap_function_wrapper", "patch_function_wrapper", "wrap_object", "apply_patch",
})  # fmt: skip
_MOCKS = ("mock.patch", "mock.patch.object")
#: What the class, or the module, and the name in it are called as keywords.
_TARGET = frozenset({"target", "module", "parent"})
_NAME = frozenset({"name", "attribute"})
#: What may stand around a call in a function that is there for the call.
_AROUND = (ast.Expr, ast.Import, ast.ImportFrom, ast.Try, ast.TryStar, ast.If, ast.With, ast.Pass,
           ast.Global)  # fmt: skip


def assigns(names: Names, node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> bool:
    """Say whether an assignment replaces the method."""
    return any(
        isinstance(target, ast.Attribute)
        and target.attr == _upstream.METHOD
        and names.is_model(target.value)
        for target, _ in targets(node)
    )


def is_alone(node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> bool:
    """Say whether an assignment binds one thing alone."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return len(targets) == 1 and not isinstance(targets[0], ast.Tuple | ast.List)


def replaces(names: Names, node: ast.Call, called: str) -> str | None:
    """Return how a call replaces the method, None where it does not."""
    last = called.rpartition(".")[2]
    if called in _SETTERS or called.endswith(_MOCKS):
        return "sets" if _names_the_method(names, node) else None
    return "wraps" if last in _WRAPPERS and _names_the_method(names, node) else None


def is_setter(called: str) -> bool:
    """Say whether that is ``setattr``."""
    return called in _SETTERS


def targets(
    node: ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Delete,
) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """Yield what an assignment or a ``del`` is of, each with its value, or with that of all."""
    value = getattr(node, "value", None)
    for target in node.targets if isinstance(node, ast.Assign | ast.Delete) else [node.target]:
        if isinstance(target, ast.Tuple | ast.List):
            parts = getattr(value, "elts", ())
            parts = parts if len(parts) == len(target.elts) else [value] * len(target.elts)
            yield from zip(target.elts, parts, strict=True)
        else:
            yield target, value


def given(node: ast.Call) -> list[list[ast.expr]]:
    """Return what a call is given as the class or the module, and as the name in it."""
    named = {keyword.arg: keyword.value for keyword in node.keywords}
    return [[*node.args[place:place + 1], *(named[each] for each in called & named.keys())]
            for place, called in ((0, _TARGET), (1, _NAME))]  # fmt: skip


def _names_the_method(names: Names, node: ast.Call) -> bool:
    """Say whether arguments are a module and "Class.method", or the class and "method"; or a
    text alone that names all of them.
    """
    target, name = given(node)
    if name and _upstream.METHOD in names.texts(name[0]):
        return bool(target) and names.is_model(target[0])
    whole = f"{_upstream.CLASS}.{_upstream.METHOD}"
    return any(text.endswith(whole) for each in (*target[:1], *name[:1])
               for text in names.texts(each))  # fmt: skip


def is_around(node: ast.stmt) -> bool:
    """Say whether a statement may stand beside a call in a function that is there for that."""
    match node:
        case ast.Assign(targets=targets):
            return all(isinstance(each, ast.Name) for each in targets)
        case ast.Return(value=value):
            return says_little(value)
    return isinstance(node, _AROUND)


def says_little(value: ast.expr | None) -> bool:
    """Say whether what is returned may be of a patch: nothing, a constant or a call."""
    return value is None or isinstance(value, ast.Constant | ast.Call)
