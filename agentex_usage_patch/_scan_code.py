"""What a Python file does that matters here, by its syntax tree; nothing is imported."""

from __future__ import annotations

import ast
import symtable
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from . import _upstream
from ._scan_extra_args import Workaround, workarounds
from ._scan_names import Names
from ._scan_walk import NotReadError

#: The module of this package, and the name under which its forerunners are copied around.
OURS = "agentex_usage_patch"

#: A file without any of these does nothing that matters by itself.
MARKS = (
    _upstream.CLASS.encode(),
    _upstream.WORKER.encode(),
    _upstream.EXTRA_ARGS.encode(),
    OURS.encode(),
)

_WRAPPERS = frozenset({"wrap_function_wrapper", "patch_function_wrapper", "wrap_object"})
#: What a function may call beside a patch and still be there for the patch alone.
_SAYS = frozenset({"print", "debug", "info", "warning", "error", "exception", "getLogger"})


@dataclass(frozen=True)
class Function:
    """A function of the outermost level: its lines, and what it calls by dotted name."""

    name: str
    line: int
    end: int


@dataclass(frozen=True)
class Patch:
    """An in-house replacement of the method: its lines, how, and the function it is in."""

    line: int
    end: int
    how: str
    function: Function | None


@dataclass(frozen=True)
class Use:
    """A call, or an import (then of all that a name holds), by its dotted name."""

    line: int
    end: int
    name: str
    function: Function | None


@dataclass
class Code:
    """What a file does: everything with its lines, in the order of the file.

    ``start`` is the first line at which a statement may be put in.
    """

    path: Path
    start: int = 1
    worker: list[int] = field(default_factory=list)
    model: list[int] = field(default_factory=list)
    patches: list[Patch] = field(default_factory=list)
    calls: list[Use] = field(default_factory=list)
    imports: list[Use] = field(default_factory=list)
    workarounds: list[Workaround] = field(default_factory=list)

    def only_calls(self, function: Function, names: frozenset[str]) -> bool:
        """Say whether a function calls what is named, and beside it nothing but a log."""
        called = {use.name for use in self.calls if use.function == function}
        others = {name for name in called - names if name.rpartition(".")[2] not in _SAYS}
        return bool(called & names) and not others


def read_code(path: Path, source: bytes) -> Code:
    """Return what a file does; raise `NotReadError` where it is no Python."""
    tree = _python(source, ast.parse)
    code = Code(path, _start(tree))
    names = Names(tree)
    for function, node in _nodes(tree):
        _look(code, names, function, node)
    return code


def check_syntax(source: bytes) -> None:
    """Raise `NotReadError` where a file is no Python: in half the time of reading it."""
    # It takes bytes in their encoding, as compile() does.
    _python(source, lambda code: symtable.symtable(code, "", "exec"))  # type: ignore[arg-type]


def _python[T](source: bytes, read: Callable[[bytes], T]) -> T:
    if b"\0" in source:
        raise NotReadError("no Python: it holds NUL bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of somebody else's escapes and comparisons
            return read(source)
    except SyntaxError as error:
        at = f"line {error.lineno}: " if error.lineno else ""
        raise NotReadError(f"no Python: {at}{error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise NotReadError(f"no Python: {type(error).__name__}") from None


def _nodes(tree: ast.Module) -> Iterator[tuple[Function | None, ast.AST]]:
    """Yield all nodes in the order of the file, each with the outermost function it is in."""
    waiting: list[tuple[Function | None, ast.AST]] = [(None, tree)]
    while waiting:
        function, node = waiting.pop()
        yield function, node
        inside = function
        if function is None and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inside = Function(node.name, _first_line(node), node.end_lineno or node.lineno)
        decorators = getattr(node, "decorator_list", [])
        children = list(ast.iter_child_nodes(node))
        waiting += [(function if child in decorators else inside, child)
                    for child in reversed(children)]  # fmt: skip


def _start(tree: ast.Module) -> int:
    """Return the first line after the docstring and what has to stand before all else."""
    last = 0
    for number, node in enumerate(tree.body):
        is_docstring = (
            number == 0
            and isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        )
        is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not (is_docstring or is_future):
            break
        last = node.end_lineno or node.lineno
    return last + 1


def _first_line(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return min([node.lineno, *(each.lineno for each in node.decorator_list)])


def _look(code: Code, names: Names, function: Function | None, node: ast.AST) -> None:
    for found in workarounds(names, node):
        if found not in code.workarounds:
            code.workarounds.append(found)
    if isinstance(node, ast.Import | ast.ImportFrom):
        lines = (node.lineno, node.end_lineno or node.lineno)
        imported = list(names.imported(node))
        code.imports += [Use(*lines, dotted, function) for dotted in imported]
        if any(dotted.rpartition(".")[2].startswith(_upstream.CLASS) for dotted in imported):
            code.model.append(node.lineno)
    elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        if any(_is_method(names, target) for target in _targets(node)):
            _patch(code, function, node, "assigns to")
    elif isinstance(node, ast.Call):
        _called(code, names, function, node)


def _targets(node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> Iterator[ast.expr]:
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        yield from target.elts if isinstance(target, ast.Tuple | ast.List) else [target]


def _is_method(names: Names, target: ast.expr) -> bool:
    return (
        isinstance(target, ast.Attribute)
        and target.attr == _upstream.METHOD
        and names.is_model(target.value)
    )


def _called(code: Code, names: Names, function: Function | None, node: ast.Call) -> None:
    dotted = names.dotted(node.func)
    if dotted is None:
        return
    last = dotted.rpartition(".")[2]
    code.calls.append(Use(node.lineno, node.end_lineno or node.lineno, dotted, function))
    if last == _upstream.WORKER:
        code.worker.append(node.lineno)
    elif dotted == "setattr" and _names_the_method(names, node):
        _patch(code, function, node, "sets")
    elif last in _WRAPPERS and _names_the_method(names, node):
        _patch(code, function, node, "wraps")


def _names_the_method(names: Names, node: ast.Call) -> bool:
    """Say whether arguments are a module and "Class.method", or the class and "method"."""
    arguments = [*node.args, *(each.value for each in node.keywords)]
    if len(arguments) < 2:
        return False
    name = names.text(arguments[1]) or ""
    if name == _upstream.METHOD:
        return names.is_model(arguments[0])
    return name.endswith(f"{_upstream.CLASS}.{_upstream.METHOD}")


def _patch(code: Code, function: Function | None, node: ast.stmt | ast.expr, how: str) -> None:
    code.patches.append(Patch(node.lineno, node.end_lineno or node.lineno, how, function))
