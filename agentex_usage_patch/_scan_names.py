"""What the names of one Python file stand for, as far as its text tells."""

from __future__ import annotations

import ast
import builtins
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice

from . import _upstream

#: How deep names may lead to names; ``x = x + "a"`` would lead on for ever.
DEPTH = 10
#: Of so many things that a name may be, the others are like them.
MANY = 30
#: In characters: no name is longer, and texts of texts of texts grow without end.
_LONGEST = 1000

_IMPORT = frozenset({"importlib.import_module", "import_module", "__import__"})
#: The nodes that tell what a name is.
_BINDING = frozenset({
    ast.Call, ast.Assign, ast.AnnAssign, ast.NamedExpr, ast.For,
    ast.comprehension, ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef,
    ast.AsyncFunctionDef,
})  # fmt: skip
_BUILTIN = frozenset(dir(builtins))


class Names:
    """Resolves names through the imports and the plain assignments of a file.

    One table for the whole file: where two functions give one name to two things, the
    last one counts. Relative imports begin with as many dots as they are written with.
    """

    def __init__(self, nodes: Iterable[ast.AST]) -> None:
        self._dotted: dict[str, str] = {}
        self._stars: list[str] = []
        self._values: dict[str, ast.expr] = {}
        #: What a name may be, one after the other: of a loop, or of a function's calls.
        self._either: dict[str, list[ast.expr]] = defaultdict(list)
        self._texts: dict[tuple[int, int], str | None] = {}
        self._bound: set[str] = set()
        self._defined: set[str] = set()
        self._functions: list[ast.FunctionDef | ast.AsyncFunctionDef] = []
        self._calls: dict[str, list[ast.Call]] = defaultdict(list)
        #: The names and attributes given as ``extra_args``, and may be filled before or after.
        self._extra_args = {_upstream.EXTRA_ARGS}
        for node in nodes:
            if isinstance(node, ast.Name):
                if isinstance(node.ctx, ast.Store):
                    self._bound.add(node.id)
            elif isinstance(node, ast.arg):
                self._bound.add(node.arg)
            elif type(node) in _BINDING:
                self._bind(node)
        for function in self._functions:
            self._call(function)
        self._roots = {_root(dotted) for dotted in (*self._dotted.values(), *self._stars)}

    def _bind(self, node: ast.AST) -> None:
        match node:
            case ast.Call():
                self._note(node)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._values.update(_pairs(target, value))
            case (
                ast.AnnAssign(target=target, value=ast.expr() as value)
                | ast.NamedExpr(target=target, value=value)
            ):
                self._values.update(_pairs(target, value))
            case (
                ast.For(target=target, iter=ast.Tuple(elts=values) | ast.List(elts=values))
                | ast.comprehension(
                    target=target, iter=ast.Tuple(elts=values) | ast.List(elts=values)
                )
            ):
                for name, one in (each for value in values for each in _pairs(target, value)):
                    self._either[name].append(one)
            case ast.Import() | ast.ImportFrom():
                self._import(node)
            case ast.ClassDef(name=name):
                self._defined.add(name)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._defined.add(node.name)
                self._functions.append(node)

    def _note(self, call: ast.Call) -> None:
        if isinstance(call.func, ast.Name):
            self._calls[call.func.id].append(call)
        for keyword in call.keywords:
            waiting = [keyword.value] if keyword.arg == _upstream.EXTRA_ARGS else []
            while waiting:
                value = waiting.pop()
                waiting += held(value)
                self._extra_args |= {getattr(value, "id", ""), getattr(value, "attr", "")}

    def _call(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Note what the parameters of a function may be."""
        arguments = function.args
        names = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
        given = [*zip(reversed(names), reversed(arguments.defaults), strict=False)]
        for call in self._calls.get(function.name, ()):
            given += zip(names, call.args, strict=False)
            given += ((each.arg, each.value) for each in call.keywords if each.arg)
        for name, value in given:
            self._either[name].append(value)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias, dotted in zip(node.names, self.imported(node), strict=True):
            if isinstance(node, ast.ImportFrom) and alias.name == "*":
                self._stars.append(dotted.removesuffix("*"))
            elif isinstance(node, ast.Import) and not alias.asname:
                first = _root(alias.name)
                self._dotted[first] = first
            else:
                self._dotted[alias.asname or alias.name] = dotted

    @staticmethod
    def imported(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
        """Yield the dotted names that an import statement brings in."""
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
            return
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            yield f"{module}{alias.name}" if module.endswith(".") else f"{module}.{alias.name}"

    def is_imported(self, dotted: str) -> bool:
        """Say whether a dotted name begins with a module, and not with a name of the file."""
        return dotted.startswith(".") or _root(dotted) in self._roots

    def is_defined(self, name: str) -> bool:
        """Say whether a name is that of a function or a class of the file."""
        return name in self._defined

    def is_known(self, node: ast.expr) -> bool:
        """Say whether a name is imported or defined here, or of something that is."""
        while isinstance(node, ast.Attribute):
            node = node.value
        if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
            return False
        return node.id in self._dotted or node.id in self._defined or self._is_starred(node.id)

    def is_own(self, name: str) -> bool:
        """Say whether the file says what a name is, and it is no parameter of unknown value."""
        return name in self._defined or name in self._values or name in self._either

    def own(self) -> frozenset[str]:
        """Return the names that the file gives to something itself."""
        return frozenset((*self._dotted, *self._bound, *self._defined))

    def _is_starred(self, name: str) -> bool:
        """Say whether a name can be from nowhere but a module imported with a star."""
        others = (self._bound, self._defined, self._roots, _BUILTIN)
        return bool(self._stars) and not any(name in each for each in others)

    def used(self, node: ast.expr) -> list[str]:
        """Return what an expression uses by dotted name, a method by its class; all that it
        may be where modules are imported with a star, nothing where it is no name.
        """
        dotted = self.dotted(node, made=True)
        if dotted is None:
            return []
        root = _root(dotted)
        if root and self._is_starred(root):
            return [f"{star}{dotted}" for star in self._stars]
        return [dotted]

    def dotted(
        self, node: ast.expr, seen: frozenset[str] = frozenset(), *, made: bool = False
    ) -> str | None:
        """Return what an expression names, None where it is no name.

        With ``made``, an object is named by the call that makes it: ``Class().method``.
        """
        if isinstance(node, ast.Name):
            if node.id in self._dotted:
                return self._dotted[node.id]
            if node.id in self._values and node.id not in seen:
                return self.dotted(self._values[node.id], seen | {node.id}, made=made) or node.id
            return node.id
        if isinstance(node, ast.Attribute):
            of = self.dotted(node.value, seen, made=made)
            return of and f"{of}.{node.attr}"
        if isinstance(node, ast.Call):
            called = self.dotted(node.func, seen, made=made)
            if called in _IMPORT and node.args:
                return self._module(node.args[0])
            if called == "getattr" and len(node.args) > 1:
                of, name = self.dotted(node.args[0], seen, made=made), self.text(node.args[1])
                return f"{of}.{name}" if of and name else None
            return called if made else None
        if isinstance(node, ast.Subscript) and self.dotted(node.value, seen) == "sys.modules":
            return self._module(node.slice)
        return None

    def _module(self, node: ast.expr) -> str | None:
        text = self.text(node)
        if text:
            self._roots.add(_root(text))
        return text

    def is_model(self, node: ast.expr) -> bool:
        """Say whether an expression is the SDK's class, however it was come by."""
        return any(
            (isinstance(each, ast.Attribute) and each.attr == _upstream.CLASS)
            or (self.dotted(each) or "").rpartition(".")[2] == _upstream.CLASS
            for each in self.some(node)
        )

    def is_extra_args(self, node: ast.expr) -> bool:
        """Say whether an expression is the setting, or a name that is given for it."""
        return any(
            getattr(each, name, None) in self._extra_args
            for each in (node, self.value(node))
            for name in ("id", "attr")
        )

    def texts(self, node: ast.expr) -> set[str]:
        """Return the strings that an expression may be, as far as they are known."""
        return {text for each in self.some(node) if (text := self.text(each))}

    def some(self, node: ast.expr) -> Iterator[ast.expr]:
        """Yield what an expression is, or all that it may be when it is a name for several."""
        waiting, seen = [node], set[str]()
        while waiting:
            each = waiting.pop()
            name = getattr(self.value(each), "id", None)
            if name not in self._either:
                yield each
            elif name not in seen:
                seen.add(name)
                waiting += self._either[name]

    def leaves(self, node: ast.expr) -> list[ast.expr]:
        """Return the same, of no more things than matter."""
        return list(islice(self.some(node), MANY))

    def text(self, node: ast.expr, depth: int = 0) -> str | None:
        """Return the string that an expression is, None where it is none or is not known."""
        node = self.value(node)
        if depth == DEPTH:
            return None
        if (id(node), depth) not in self._texts:  # one may be named many times in another
            self._texts[id(node), depth] = self._joined(node, depth)
        return self._texts[id(node), depth]

    def _joined(self, node: ast.expr, depth: int) -> str | None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        parts: list[ast.expr] = []
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            parts = [node.left, node.right]
        elif isinstance(node, ast.JoinedStr):
            parts = [each.value if isinstance(each, ast.FormattedValue) else each
                     for each in node.values]  # fmt: skip
        texts = [self.text(each, depth + 1) for each in parts]
        if not texts or None in texts:
            return None
        joined = "".join(filter(None, texts))
        return joined if len(joined) < _LONGEST else None

    def value(self, node: ast.expr) -> ast.expr:
        """Return what was assigned to a name, any other expression as it is."""
        for _ in range(DEPTH):
            if not isinstance(node, ast.Name) or node.id not in self._values:
                break
            node = self._values[node.id]
        return node


def held(node: ast.expr) -> list[ast.expr]:
    """Return what a dict is made of, and what a choice is between."""
    match node:
        case ast.BinOp():
            return [node.left, node.right]
        case ast.IfExp():
            return [node.body, node.orelse]
        case ast.BoolOp():
            return node.values
        case ast.Dict():
            return [each for key, each in zip(node.keys, node.values, strict=True) if key is None]
        case ast.Call(func=ast.Name(id="dict")):
            return node.args
    return []


def _root(dotted: str) -> str:
    return dotted.partition(".")[0]


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names that an assignment binds, each with its part of the value."""
    if isinstance(target, ast.Name):
        yield target.id, value
    ones, parts = getattr(target, "elts", ()), getattr(value, "elts", ())
    if len(ones) == len(parts):  # otherwise one is starred, or it cannot run
        for one, part in zip(ones, parts, strict=True):
            yield from _pairs(one, part)
