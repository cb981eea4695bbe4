"""What a statement changes that is not the file's own, beside the method that a patch replaces."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from . import _upstream
from ._scan_forms import given, targets
from ._scan_names import Names

_METHOD = f"{_upstream.CLASS}.{_upstream.METHOD}"
#: What is from nowhere else though nothing in the file says what it is.
_OWN = frozenset({"self", "cls", "mcs", "globals", "locals"})
#: What may change something.
Changing = ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Delete | ast.Call


class _Place(NamedTuple):
    """The object that is changed, what may be set of it, empty where that is no name, and to
    what.
    """

    of: ast.expr
    attributes: Sequence[str]
    value: ast.expr | None


def changed(names: Names, node: Changing) -> list[str]:
    """Return what an assignment, a ``del``, or a call that replaces or sets something changes of
    what is not the file's own, beside the method.

    What is kept on its class, as the original and a flag are, is of the patch.
    """
    found = _set(names, node) if isinstance(node, ast.Call) else _assigned(node)
    return [name for place in found for each in names.leaves(place.of)
            if (name := _more(names, place._replace(of=each)))]  # fmt: skip


def _assigned(
    node: ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Delete,
) -> Iterator[_Place]:
    for target, value in targets(node):
        if isinstance(target, ast.Attribute):
            yield _Place(target.value, [target.attr], value)
        elif isinstance(target, ast.Subscript):
            yield _Place(target.value, [""], value)


def _set(names: Names, node: ast.Call) -> Iterator[_Place]:
    target, name = given(node)
    attributes = [names.text(each) or "" for one in name[:1] for each in names.leaves(one)]
    value = node.args[2] if len(node.args) > 2 else None
    for of in target[:1]:
        yield _Place(of, attributes, value)


def _more(names: Names, place: _Place) -> str:
    """Return what is changed, empty where that is the file's own or of a patch."""
    of, attributes, value = place
    whole = bool(attributes) and all(each.endswith(_METHOD) for each in attributes)
    if text := names.text(of):  # a module, or all that is replaced
        return "" if whole or text.endswith(_METHOD) else text
    if whole or not (name := _elsewhere(names, of)):
        return ""
    dotted = names.dotted(of) or ""
    if names.is_model(of) or dotted.endswith(_METHOD):
        kept = (each == _upstream.METHOD or (_is_private(each) and _is_kept(names, value))
                for each in attributes)  # fmt: skip
        return "" if all(kept) else name
    # An object that is made here, as a wrapped function is, may be marked.
    is_made = not names.is_imported(dotted)
    return "" if is_made and all(map(_is_private, attributes)) else name


def _is_private(name: str) -> bool:
    """Say whether a name is nobody else's; a class itself has some that begin like those."""
    return name.startswith("_") and not (name.endswith("__") and hasattr(type, name))


def _is_kept(names: Names, value: ast.expr | None) -> bool:
    """Say whether a value is a flag, or what was there; a function replaces a private method."""
    if value is None or isinstance(value, ast.Constant):
        return True
    dotted = names.dotted(value)
    if not dotted or names.is_defined(dotted):
        return False
    return not names.is_imported(dotted) or _upstream.CLASS in dotted


def _elsewhere(names: Names, node: ast.expr) -> str:
    """Return what an object is, or begins with, that is from another file; or is given."""
    for each in names.leaves(_bottom(names, node)):
        for bottom in (each, _bottom(names, names.value(each))):
            is_given = isinstance(bottom, ast.Name) and not names.is_own(bottom.id)
            for name in names.used(bottom):
                if names.is_imported(name) or (is_given and name not in _OWN):
                    return name
    return ""


def _bottom(names: Names, node: ast.expr) -> ast.expr:
    """Return what is imported of an expression, or else what it begins with."""
    while not any(map(names.is_imported, names.used(node))):
        if isinstance(node, ast.Attribute | ast.Subscript):
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            break
    return node
