"""What one Python file does with the model, with this package, and with ``extra_args``.

A name is looked up through the imports and assignments of its own file, and no further.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field

from .. import _upstream
from .files import NotReadError

#: A file that holds none of these is not parsed.
MARKS = re.compile(
    rb"TemporalStreamingModel|temporal_streaming_model|agentex_usage_patch|extra_args"
)
OURS = "agentex_usage_patch"
_PROVIDER = f"{_upstream.CLASS}Provider"
_METHOD = f"{_upstream.CLASS}.{_upstream.METHOD}"
#: What replaces an attribute that it is given: setattr, wrapt's functions, mock's, pytest's.
_REPLACES = re.compile(r"setattr|patch|wrap|^object$", re.IGNORECASE)
_LOOKED_AT = {
    ast.Import,
    ast.ImportFrom,
    ast.Assign,
    ast.AnnAssign,
    ast.Attribute,
    ast.Call,
    ast.Dict,
}
_SCOPES = {ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef}
_LEAVES = {ast.Name, ast.Constant, ast.Load, ast.Store}


@dataclass(frozen=True)
class Patch:
    """A place where the class is patched, or this package is applied.

    ``function`` is the name at the top of the file that has to be called for it, empty when
    importing the file is enough.
    """

    line: int
    how: str
    function: str


@dataclass
class Code:
    """What one file does. ``imports`` are dotted names with their lines, ``calls`` likewise."""

    uses: list[int] = field(default_factory=list)
    builds: list[int] = field(default_factory=list)
    applies: list[Patch] = field(default_factory=list)
    patches: list[Patch] = field(default_factory=list)
    workarounds: list[tuple[int, str]] = field(default_factory=list)
    imports: list[tuple[int, str]] = field(default_factory=list)
    calls: list[tuple[int, str]] = field(default_factory=list)


def read_code(source: bytes) -> Code:
    """Read a file; raise `NotReadError` where Python does not understand it."""
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        at = f"line {error.lineno}: " if isinstance(error, SyntaxError) and error.lineno else ""
        said = error.msg if isinstance(error, SyntaxError) else type(error).__name__
        raise NotReadError(f"no Python: {at}{said}") from None
    return _Reader(tree).code


class _Reader:
    def __init__(self, tree: ast.Module) -> None:
        self.code = Code()
        self._names: dict[str, str] = {}
        self._values: dict[str, ast.expr] = {}
        nodes = list(_nodes(tree))
        for node, _ in nodes:
            self._learn(node)
        self._settings = any(name.split(".")[0] in ("agents", "agentex")
                             for _, name in self.code.imports)  # fmt: skip
        for node, function in nodes:
            self._look(node, function)

    def _learn(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for each in node.names:
                self.code.imports.append((node.lineno, each.name))
                self._names[each.asname or each.name.split(".")[0]] = (
                    each.name if each.asname else each.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            self._learn_from(node)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    self._values.setdefault(target.id, node.value)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            self._values.setdefault(node.target.id, node.value)

    def _learn_from(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        for each in node.names:
            dotted = f"{module}.{each.name}" if module.strip(".") else f"{module}{each.name}"
            self.code.imports.append((node.lineno, dotted))
            for name in (_upstream.CLASS, _PROVIDER) if each.name == "*" else (each.name,):
                dotted = f"{module}.{name}" if module.strip(".") else f"{module}{name}"
                self._names.setdefault(each.asname or name, dotted)
                if _is_model(dotted) and (each.name != "*" or module == _upstream.MODULE):
                    self.code.uses.append(node.lineno)

    def _look(self, node: ast.AST, function: str) -> None:
        if isinstance(node, ast.Attribute):
            if node.attr in (_upstream.CLASS, _PROVIDER) and _is_model(self._dotted(node)):
                self.code.uses.append(node.lineno)
        elif isinstance(node, ast.Call):
            self._look_at_call(node, function)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                self._look_at_target(target, node.value, function)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if key and self._text(key) == _upstream.EXTRA_ARGS:
                    self._look_at_settings(value)
        else:
            self._look_at_import(node, function)

    def _look_at_import(self, node: ast.AST, function: str) -> None:
        at = (
            (node.lineno, f"{OURS}.auto") if isinstance(node, ast.Import | ast.ImportFrom) else None
        )
        if at and at in self.code.imports:
            self.code.applies.append(Patch(at[0], "imports it", function))

    def _look_at_call(self, node: ast.Call, function: str) -> None:
        called = self._dotted(node.func)
        self.code.calls.append((node.lineno, called))
        if _is_model(called):
            self.code.builds.append(node.lineno)
        elif called == f"{OURS}.apply_patch":
            self.code.applies.append(Patch(node.lineno, "calls apply_patch()", function))
        last = called.rpartition(".")[2]
        if last == "import_module" and node.args and self._text(node.args[0]) == f"{OURS}.auto":
            self.code.applies.append(Patch(node.lineno, "imports it", function))
        if _REPLACES.search(last):
            self._look_at_patch(node, last, function)
        self._look_at_keywords(node)

    def _look_at_patch(self, node: ast.Call, last: str, function: str) -> None:
        given = [*node.args, *(each.value for each in node.keywords)][:3]
        parts = [self._text(each) or self._dotted(each) for each in given]
        for target in (parts[0] if parts else "", ".".join(parts[:2]), ".".join(parts[1:3])):
            if _is_method(target):
                text = f"{last} of {_METHOD}"
                self.code.patches.append(Patch(node.lineno, text, function))
                break

    def _look_at_keywords(self, node: ast.Call) -> None:
        for keyword in node.keywords:
            if keyword.arg == _upstream.EXTRA_ARGS:
                self._look_at_settings(keyword.value)
        if isinstance(node.func, ast.Attribute) and self._is_settings(node.func.value):
            if node.func.attr == "update":
                self._look_at_settings(*node.args, node)
            elif node.func.attr == "setdefault" and node.args:
                self._workaround(node.args[0])

    def _look_at_target(self, target: ast.expr, value: ast.expr | None, function: str) -> None:
        if isinstance(target, ast.Attribute):
            dotted = self._dotted(target)
            if _is_method(dotted) or (_is_model(dotted) and target.attr == _upstream.CLASS):
                text = f"assigns {_METHOD if _is_method(dotted) else _upstream.CLASS}"
                self.code.patches.append(Patch(target.lineno, text, function))
        if isinstance(target, ast.Subscript) and self._is_settings(target.value):
            self._workaround(target.slice)
        is_key = isinstance(target, ast.Subscript) and (
            self._text(target.slice) == _upstream.EXTRA_ARGS
        )
        if value is not None and (is_key or self._is_settings(target)):
            self._look_at_settings(value)

    def _look_at_settings(self, *values: ast.expr) -> None:
        for given in values:
            value = self._values.get(given.id, given) if isinstance(given, ast.Name) else given
            if isinstance(value, ast.Dict):
                for key in value.keys:
                    self._workaround(key)
            elif isinstance(value, ast.Call):
                for keyword in value.keywords:
                    self._workaround(keyword, keyword.arg)
            elif isinstance(value, ast.BinOp):
                self._look_at_settings(value.left, value.right)
            elif isinstance(value, ast.IfExp):
                self._look_at_settings(value.body, value.orelse)

    def _workaround(self, at: ast.expr | ast.keyword | None, name: str | None = None) -> None:
        text = name or (self._text(at) if isinstance(at, ast.expr) else "")
        if at is not None and self._settings and text in _upstream.FORWARDED.values():
            self.code.workarounds.append((at.lineno, text))

    def _is_settings(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Subscript):
            return self._text(node.slice) == _upstream.EXTRA_ARGS
        return isinstance(node, ast.Attribute) and node.attr == _upstream.EXTRA_ARGS

    def _dotted(self, node: ast.AST | None, depth: int = 0) -> str:
        """Return the dotted name of an expression as far as the file tells, else an empty one."""
        if depth > 50:
            return ""
        if isinstance(node, ast.Name):
            if node.id in self._names:
                return self._names[node.id]
            value = self._values.get(node.id)
            known = isinstance(value, ast.Name | ast.Attribute | ast.Call | ast.Subscript)
            return (self._dotted(value, depth + 1) if known else "") or node.id
        if isinstance(node, ast.Attribute):
            before = self._dotted(node.value, depth + 1)
            return f"{before}.{node.attr}" if before else ""
        if isinstance(node, ast.Subscript):
            is_modules = self._dotted(node.value, depth + 1) == "sys.modules"
            return self._text(node.slice) if is_modules else ""
        if isinstance(node, ast.Call) and node.args:
            called = self._dotted(node.func, depth + 1)
            if called == "getattr" and len(node.args) > 1:
                before, name = self._dotted(node.args[0], depth + 1), self._text(node.args[1])
                return f"{before}.{name}" if before and name else ""
            if called.rpartition(".")[2] == "import_module":
                return self._text(node.args[0])
        return ""

    def _text(self, node: ast.AST, depth: int = 0) -> str:
        """Return the text that an expression is, empty where the file does not tell."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        if depth > 50:
            return ""
        if isinstance(node, ast.Name) and node.id in self._values:
            return self._text(self._values[node.id], depth + 1)
        if isinstance(node, ast.FormattedValue):
            return self._text(node.value, depth + 1)
        parts = node.values if isinstance(node, ast.JoinedStr) else []
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            parts = [node.left, node.right]
        texts = [self._text(each, depth + 1) for each in parts]
        return "".join(texts) if all(texts) else ""


def _nodes(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Yield the nodes that are looked at, each with the function at the top that holds it.

    That is empty for a decorator and a class's own statements: they run when the file is
    imported. Only what `_LOOKED_AT` names is yielded, since most nodes of a file are names.
    """
    stack: list[tuple[ast.AST, str, str]] = [(tree, "", "")]
    while stack:
        node, function, top = stack.pop()
        kind = type(node)
        if kind in _LOOKED_AT:
            yield node, function
        inner = function
        if kind in _SCOPES:
            top = top or node.name  # type: ignore[attr-defined]  # as all of _SCOPES have
            inner = function if kind is ast.ClassDef else top
        for name in node._fields:
            value = getattr(node, name, None)
            within = inner if name == "body" else function
            stack += [(each, within, top) for each in (value if type(value) is list else (value,))
                      if isinstance(each, ast.AST) and type(each) not in _LEAVES]  # fmt: skip


def _is_model(dotted: str) -> bool:
    before, _, name = dotted.rpartition(".")
    return name in (_upstream.CLASS, _PROVIDER) and before.split(".")[0] == "agentex"


def _is_method(dotted: str) -> bool:
    before, _, name = dotted.rpartition(".")
    is_class = _is_model(before) and before.endswith(f".{_upstream.CLASS}")
    return name == _upstream.METHOD and is_class
