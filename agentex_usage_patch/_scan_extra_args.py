"""Fields that a file sends through ``extra_args``, past a method that drops them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from . import _upstream
from ._scan_names import DEPTH, Names, held


@dataclass(frozen=True)
class Workaround:
    """A field that is passed through ``extra_args``, None where any may be."""

    line: int
    field: str | None


#: The nodes at which some may begin.
BEGINNING = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Dict, ast.Call)

#: What takes the setting, and not something else of its name.
_SETTINGS = frozenset({"ModelSettings", "replace"})


def workarounds(names: Names, node: ast.AST) -> Iterator[Workaround]:
    """Yield those that begin at one node: where the setting is given, assigned or filled."""
    for name, line in _given(names, node):
        if name is None or name in _upstream.FORWARDED.values():
            yield Workaround(line, name)


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
                    yield from _known(_keys(names, value))
        case ast.Call():
            yield from _passed(names, node)


def _assigned(names: Names, target: ast.expr, value: ast.expr) -> Iterator[tuple[str | None, int]]:
    if names.is_extra_args(target):
        found = _keys(names, value)
        # A name is told of where it is given.
        yield from found if isinstance(target, ast.Attribute) else _known(found)
    elif isinstance(target, ast.Subscript) and names.is_extra_args(target.value):
        yield names.text(target.slice), target.lineno
    elif isinstance(target, ast.Subscript) and names.text(target.slice) == _upstream.EXTRA_ARGS:
        yield from _known(_keys(names, value))


def _passed(names: Names, node: ast.Call) -> Iterator[tuple[str | None, int]]:
    called = (names.dotted(node.func) or "").rpartition(".")[2]
    for keyword in node.keywords:
        if keyword.arg == _upstream.EXTRA_ARGS:
            found = _keys(names, keyword.value)
            yield from found if called in _SETTINGS else _known(found)
    if not (isinstance(node.func, ast.Attribute) and names.is_extra_args(node.func.value)):
        return
    if node.func.attr == "update":
        yield from ((keyword.arg, node.lineno) for keyword in node.keywords)
        for argument in node.args:
            yield from _keys(names, argument)
    elif node.func.attr == "setdefault" and node.args:
        yield names.text(node.args[0]), node.lineno


def _known(found: Iterator[tuple[str | None, int]]) -> Iterator[tuple[str | None, int]]:
    return (each for each in found if each[0])


def _keys(names: Names, value: ast.expr, depth: int = 0) -> Iterator[tuple[str | None, int]]:
    """Yield the keys of a dict, written one way or another, with their lines; None for what
    may hold any.
    """
    for each in map(names.value, names.leaves(value)):
        match each:
            case ast.Dict():
                yield from ((names.text(key), key.lineno) for key in each.keys if key)
            case ast.Call(func=ast.Name(id="dict")):
                yield from ((keyword.arg, keyword.value.lineno) for keyword in each.keywords)
            case ast.BinOp() | ast.IfExp() | ast.BoolOp() | ast.Constant():
                pass
            case _:
                yield None, value.lineno
        for inner in held(each) if depth < DEPTH else ():
            yield from _keys(names, inner, depth + 1)
