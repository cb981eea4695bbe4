"""The nodes of a syntax tree with the statement, the block and the definition they are in."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

_WORDS = {
    ast.Try: "try", ast.TryStar: "try", ast.If: "if", ast.With: "with", ast.AsyncWith: "with",
    ast.For: "for", ast.AsyncFor: "for", ast.While: "while",
}  # fmt: skip
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_LEAVES = frozenset({
    ast.Name, ast.alias, ast.Pass, ast.Break, ast.Continue, ast.Global,
})  # fmt: skip
#: Fields that hold nothing that is looked at.
_PLAIN = frozenset({"ctx", "op", "ops"})


@dataclass(eq=False, slots=True)
class Block:
    """The statements of one block, by their number, and the one that they are in, if any.

    ``goes`` says that this one is there for the block alone.
    """

    size: int
    owner: Statement | None
    goes: bool


@dataclass(eq=False, slots=True)
class Statement:
    """A statement with its decorators; ``word`` is what one with a block begins with, ``script``
    that this runs only where the file is started, and not where it is imported.
    """

    line: int
    end: int
    word: str
    block: Block
    names: int = 0
    script: bool = False

    def around(self) -> Iterator[Statement]:
        """Yield the statements that it stands in, from within."""
        owner = self.block.owner
        while owner is not None:
            yield owner
            owner = owner.block.owner


@dataclass(eq=False)
class Definition:
    """A function or a class of the outermost level, or a method of such a class.

    ``calls`` are all that are made in it, ``does_more`` that it does what is for no patch, and
    ``is_plain`` that it consists of calls, and of what may stand around them.
    """

    name: str
    statement: Statement
    holder: Definition | None = None
    methods: list[Definition] | None = None
    calls: set[str] = field(default_factory=set)
    does_more: bool = False
    is_plain: bool = True


class Within(NamedTuple):
    """What a node is in; ``nested`` is that it runs later than the definition, or never."""

    statement: Statement
    definition: Definition | None = None
    nested: bool = False
    decorates: bool = False


#: What is in no statement.
_MODULE = Statement(0, 0, "", Block(0, None, goes=False))


def nodes(tree: ast.Module) -> Iterator[tuple[Within, ast.AST]]:
    """Yield the nodes in the order of the file; of a dotted name, the whole alone."""
    waiting: list[tuple[Within, ast.AST]] = [(Within(_MODULE), tree)]
    while waiting:
        within, node = waiting.pop()
        yield within, node
        if type(node) not in _LEAVES:
            children = list(_children(within, node))
            children.reverse()
            waiting += children


def _first_line(node: ast.stmt) -> int:
    """Return the first line of a statement, that of a decorator if it has any."""
    decorators = getattr(node, "decorator_list", ())
    return min([node.lineno, *(each.lineno for each in decorators)]) if decorators else node.lineno


def _children(within: Within, node: ast.AST) -> Iterator[tuple[Within, ast.AST]]:
    inside = within._replace(decorates=False) if within.decorates else within
    fields = node._fields
    kind = type(node)
    if kind is ast.Call or kind is ast.Attribute:
        yield from _bottom(inside, node)
        fields = fields[1:] if kind is ast.Call else ()
    elif isinstance(node, _DEFINITIONS):
        inside = _inside(inside, node)
    for name in fields:
        value = getattr(node, name, None)
        if not value or name in _PLAIN:
            continue
        if name == "decorator_list":
            yield from ((within._replace(decorates=True), each) for each in value)
        elif type(value) is list and isinstance(value[0], ast.stmt):
            yield from _block(inside, node, name, value)
        else:
            for each in value if type(value) is list else (value,):
                if type(each) is not ast.Constant and isinstance(each, ast.AST):
                    yield inside, each


def _bottom(within: Within, node: ast.AST) -> Iterator[tuple[Within, ast.AST]]:
    """Yield what a dotted name or a call begins with, where that is no name."""
    node = node.func if isinstance(node, ast.Call) else node
    while isinstance(node, ast.Attribute):
        node = node.value
    if not isinstance(node, ast.Name):
        yield within, node


def _block(
    within: Within, node: ast.AST, name: str, body: list[Any]
) -> Iterator[tuple[Within, ast.AST]]:
    owner, kind = within.statement, type(node)
    is_elif = (
        name == "orelse" and kind is ast.If
        and type(body[0]) is ast.If and body[0].col_offset == getattr(node, "col_offset", -1)
    )  # fmt: skip
    goes = (
        bool(owner.word) and kind in _WORDS
        and not getattr(node, "orelse", None) and not getattr(node, "finalbody", None)
    )  # fmt: skip
    block = Block(len(body), owner if owner.line else None, goes)
    for each in body:
        word = "" if is_elif else _WORDS.get(type(each), "")
        names = len(each.names) if isinstance(each, ast.Import | ast.ImportFrom) else 0
        script = isinstance(each, ast.If) and _is_of_script(each.test)
        statement = Statement(_first_line(each), each.end_lineno, word, block, names, script)
        yield Within(statement, within.definition, within.nested), each


def _is_of_script(test: ast.expr) -> bool:
    """Say whether it is asked whether a file is the one that is started."""
    return isinstance(test, ast.Compare) and getattr(test.left, "id", "") == "__name__"


def _inside(
    within: Within, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
) -> Within:
    """Return what the body of a definition is in."""
    outer, statement = within.definition, within.statement
    if isinstance(node, ast.Lambda) or within.nested:
        return within._replace(nested=True)
    is_class = isinstance(node, ast.ClassDef)
    if outer is None:
        methods = list[Definition]() if is_class else None
        return within._replace(definition=Definition(node.name, statement, methods=methods))
    if outer.methods is None or is_class:
        return within._replace(nested=True)
    method = Definition(f"{outer.name}.{node.name}", statement, holder=outer)
    outer.methods.append(method)
    return within._replace(definition=method)
