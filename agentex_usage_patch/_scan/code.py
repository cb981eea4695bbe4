"""Read what one Python file does with the model, with this package and with ``extra_args``.

A name is looked up in the imports and assignments of its own file, and no further.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Literal, NamedTuple

from .. import _upstream

What = Literal[
    "sdk", "uses the model", "applies this package", "names this package", "in-house patch",
    "uses in-house patch", "workaround", "companion",
]  # fmt: skip
#: A file without any of these is not parsed.
MARKS = b"TemporalStreamingModel temporal_streaming_model agentex_usage_patch extra_args".split()
#: The module that this package installs.
OURS = "agentex_usage_patch"
_MODELS = (_upstream.CLASS, f"{_upstream.CLASS}Provider")
_METHOD = f"{_upstream.CLASS}.{_upstream.METHOD}"
#: Functions that replace an attribute: setattr, and those of wrapt, mock and pytest.
_REPLACES = re.compile(r"setattr|patch|wrap|^object$", re.IGNORECASE)
_IMPORTS = (ast.Import, ast.ImportFrom)
_MATTERS = {*_IMPORTS, ast.Assign, ast.Attribute, ast.Call}
#: Fields of a syntax tree that hold no such node.
_DEAD_ENDS = {"annotation", "attr", "ctx", "id", "kind", "name", "names", "op", "ops", "returns"}
#: The other fields of each type of node. Walking all fields costs much more.
_FIELDS = {
    kind: [each for each in kind._fields if each not in _DEAD_ENDS]
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST) and kind is not ast.Constant
}


class Place(NamedTuple):
    """A line that matters, and why."""

    file: Path
    line: int
    what: What
    text: str
    #: The function or class that holds the line, empty when importing the file runs the line.
    function: str = ""


class Code:
    """What one Python file does. ``imports`` and ``calls`` are dotted names with their lines."""

    def __init__(self, file: Path, source: bytes) -> None:
        self.places: list[Place] = []
        self.imports: list[tuple[int, str]] = []
        self.calls: list[tuple[int, str]] = []
        #: For each local name: its dotted name or its text, and the expression assigned to it.
        self._names: dict[str, str] = {}
        self._values: dict[str, ast.expr] = {}
        self._uses: list[int] = []
        #: The file, and the function or class in it that is being read.
        self._file, self._function = file, ""
        nodes = _nodes(ast.parse(source))
        for self._function, node in nodes:
            if isinstance(node, _IMPORTS):
                self._import(node)
            elif isinstance(node, ast.Assign):
                self._learn(node)
        for self._function, node in nodes:
            if isinstance(node, ast.Assign):
                self._assign(node)
            elif isinstance(node, ast.Call):
                self._call(node)
            elif isinstance(node, ast.Attribute) and _is_model(self._text(node)):
                self._uses.append(node.lineno)
        whats = {each.what for each in self.places}
        if self._uses and whats.isdisjoint(("uses the model", "in-house patch")):
            self._add(self._uses[0], "uses the model", "imports it")

    def _add(self, line: int, what: What, text: str) -> None:
        self.places.append(Place(self._file, line, what, text, self._function))

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        module = ""
        if isinstance(node, ast.ImportFrom):
            module = "." * node.level + (f"{node.module}." if node.module else "")
        for each in node.names:
            dotted = module + each.name
            self.imports.append((node.lineno, dotted))
            if module or each.asname:
                self._names.setdefault(each.asname or each.name, dotted)
            if _is_model(dotted):
                self._uses.append(node.lineno)
            elif dotted == f"{OURS}.auto":
                self._add(node.lineno, "applies this package", "imports it")

    def _learn(self, node: ast.Assign) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self._values.setdefault(target.id, node.value)
                if text := self._text(node.value):
                    self._names.setdefault(target.id, text)

    def _assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            dotted = self._text(target) if isinstance(target, ast.Attribute) else ""
            if _is_method(dotted) or _is_model(dotted):
                name = _METHOD if _is_method(dotted) else dotted.rpartition(".")[2]
                self._add(target.lineno, "in-house patch", f"assigns {name}")
            if isinstance(target, ast.Subscript) and _is_extra_args(target.value):
                self._field(target.lineno, self._text(target.slice))
            elif _is_extra_args(target):
                self._read_extra_args(node.value)

    def _call(self, node: ast.Call) -> None:
        called = self._text(node.func)
        self.calls.append((node.lineno, called))
        last = called.rpartition(".")[2]
        if _is_model(called):
            self._add(node.lineno, "uses the model", "builds it")
        elif called == f"{OURS}.apply_patch":
            self._add(node.lineno, "applies this package", "calls apply_patch()")
        elif _REPLACES.search(last):
            given = [self._text(each) for each in node.args[:2]]
            if any(map(_is_method, (*given[:1], ".".join(given)))):
                self._add(node.lineno, "in-house patch", f"{last} of {_METHOD}")
        for keyword in node.keywords:
            if keyword.arg == _upstream.EXTRA_ARGS:
                self._read_extra_args(keyword.value)

    def _read_extra_args(self, node: ast.expr) -> None:
        """Look for forwarded fields in a value of ``extra_args``."""
        value = self._values.get(node.id) if isinstance(node, ast.Name) else node
        for key in filter(None, value.keys) if isinstance(value, ast.Dict) else ():
            self._field(key.lineno, self._text(key))
        for keyword in value.keywords if isinstance(value, ast.Call) else ():
            self._field(keyword.value.lineno, keyword.arg or "")

    def _field(self, line: int, name: str) -> None:
        # Other libraries have extra_args, too.
        is_ours = any(dotted.startswith(("agents.", "agentex.")) for _, dotted in self.imports)
        if is_ours and name in _upstream.FORWARDED.values():
            text = f'"{name}" in extra_args is a TypeError from {_upstream.FIXED_IN} on'
            self._add(line, "workaround", text)

    def _text(self, node: ast.AST | None) -> str:
        """Return the text or the dotted name of an expression, empty when it is unknown."""
        if isinstance(node, ast.Name):
            return self._names.get(node.id, node.id)
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else ""
        if isinstance(node, ast.Attribute):
            before = self._text(node.value)
            return before and f"{before}.{node.attr}"
        if isinstance(node, ast.Call):
            called = self._text(node.func).rpartition(".")[2]
            given = map(self._text, node.args[:2])
            return ".".join(given) if called in ("getattr", "import_module") else ""
        return ""


def _nodes(tree: ast.Module) -> list[tuple[str, ast.AST]]:
    """Return the nodes that matter, each with the function or class at the top that holds it."""
    found = []
    for statement in tree.body:
        decorators = getattr(statement, "decorator_list", [])
        # Decorators run when the file is imported.
        for function, tops in (("", decorators), (getattr(statement, "name", ""), [statement])):
            nodes = [*tops]
            decorators.clear()
            for node in nodes:
                kind = type(node)
                if kind in _MATTERS:
                    found.append((function, node))
                for name in _FIELDS.get(kind, ()):
                    value = getattr(node, name)
                    if type(value) is list:
                        nodes += value
                    else:
                        nodes.append(value)
    return found


def _is_extra_args(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == _upstream.EXTRA_ARGS


def _is_model(dotted: str) -> bool:
    return dotted.startswith("agentex.") and dotted.rpartition(".")[2] in _MODELS


def _is_method(dotted: str) -> bool:
    return dotted.startswith("agentex.") and dotted.endswith(f".{_METHOD}")
