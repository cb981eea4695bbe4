"""Fields that a file sends through ``extra_args``, past a method that drops them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from . import _upstream
from ._scan_names import DEPTH, Names


@dataclass(frozen=True)
class Workaround:
    """A field that is passed through ``extra_args``."""

    line: int
    field: str


#: The nodes at which some may begin.
BEGINNING = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Dict, ast.Call)


def workarounds(names: Names, node: ast.AST) -> Iterator[Workaround]:
    """Yield those that begin at one node: where the setting is given, assigned or filled."""
    for name, line in _given(names, node):
        if name in _upstream.FORWARDED.values():
            yield Workaround(line, str(name))


def _given(names: Names, node: ast.AST) -> Iterator[tuple[str | None, int]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _assigned(names, target, value)
        case (
            ast.AnnAssign(target=target, value=ast.expr() as value)
            | ast.AugAssign(target=target, value=value)
        ):
            yield from _assigned(names, target, value)
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                if key and names.text(key) == _upstream.EXTRA_ARGS:
                    yield from _keys(names, value)
        case ast.Call():
            yield from _passed(names, node)


def _assigned(names: Names, target: ast.expr, value: ast.expr) -> Iterator[tuple[str | None, int]]:
    if names.is_extra_args(target):
        yield from _keys(names, value)
    elif isinstance(target, ast.Subscript) and names.is_extra_args(target.value):
        yield names.text(target.slice), target.lineno


def _passed(names: Names, node: ast.Call) -> Iterator[tuple[str | None, int]]:
    for keyword in node.keywords:
        if keyword.arg == _upstream.EXTRA_ARGS:
            yield from _keys(names, keyword.value)
    if not (isinstance(node.func, ast.Attribute) and names.is_extra_args(node.func.value)):
        return
    if node.func.attr == "update":
        yield from ((keyword.arg, node.lineno) for keyword in node.keywords)
        for argument in node.args:
            yield from _keys(names, argument)
    elif node.func.attr == "setdefault" and node.args:
        yield names.text(node.args[0]), node.lineno


def _keys(names: Names, value: ast.expr, depth: int = 0) -> Iterator[tuple[str | None, int]]:
    """Yield the keys of a dict, written one way or another, with their lines."""
    value = names.value(value)
    inner: list[ast.expr] = []
    match value:
        case ast.Dict():
            for key, each in zip(value.keys, value.values, strict=True):
                if key is None:
                    inner.append(each)
                else:
                    yield names.text(key), key.lineno
        case ast.Call(func=ast.Name(id="dict")):
            yield from ((each.arg, each.value.lineno) for each in value.keywords)
            inner = value.args
        case ast.BinOp():
            inner = [value.left, value.right]
        case ast.IfExp():
            inner = [value.body, value.orelse]
        case ast.BoolOp():
            inner = value.values
    for each in inner if depth < DEPTH else ():
        yield from _keys(names, each, depth + 1)
