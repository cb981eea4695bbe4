"""What the names of one Python file stand for, as far as its text tells."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from . import _upstream

#: How deep names may lead to names; ``x = x + "a"`` would lead on for ever.
DEPTH = 10

_IMPORT = frozenset({"importlib.import_module", "import_module", "__import__"})


class Names:
    """Resolves names through the imports and the plain assignments of a file.

    One table for the whole file: where two functions give one name to two things, the
    last one counts. Relative imports begin with as many dots as they are written with.
    """

    def __init__(self, tree: ast.Module) -> None:
        self._dotted: dict[str, str] = {}
        self._values: dict[str, ast.expr] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    first = alias.name.partition(".")[0]
                    self._dotted[alias.asname or first] = alias.name if alias.asname else first
            elif isinstance(node, ast.ImportFrom):
                for alias, dotted in zip(node.names, self.imported(node), strict=True):
                    self._dotted[alias.asname or alias.name] = dotted
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    if isinstance(target, ast.Name):
                        self._values[target.id] = node.value

    @staticmethod
    def imported(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
        """Yield the dotted names that an import statement brings in."""
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
            return
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            yield f"{module}{alias.name}" if module.endswith(".") else f"{module}.{alias.name}"

    def dotted(self, node: ast.expr, seen: frozenset[str] = frozenset()) -> str | None:
        """Return what an expression names, None where it is no name."""
        if isinstance(node, ast.Name):
            if node.id in self._dotted:
                return self._dotted[node.id]
            if node.id in self._values and node.id not in seen:
                return self.dotted(self._values[node.id], seen | {node.id}) or node.id
            return node.id
        if isinstance(node, ast.Attribute):
            of = self.dotted(node.value, seen)
            return of and f"{of}.{node.attr}"
        if isinstance(node, ast.Call) and node.args:
            called = self.dotted(node.func, seen)
            if called in _IMPORT:
                return self.text(node.args[0])
            if called == "getattr" and len(node.args) > 1:
                of, name = self.dotted(node.args[0], seen), self.text(node.args[1])
                return f"{of}.{name}" if of and name else None
        if isinstance(node, ast.Subscript) and self.dotted(node.value, seen) == "sys.modules":
            return self.text(node.slice)
        return None

    def is_model(self, node: ast.expr) -> bool:
        """Say whether an expression is the SDK's class, however it was come by."""
        dotted = self.dotted(node)
        return dotted is not None and dotted.rpartition(".")[2] == _upstream.CLASS

    def text(self, node: ast.expr, depth: int = 0) -> str | None:
        """Return the string that an expression is, None where it is none or is not known."""
        node = self.value(node)
        if depth == DEPTH:
            return None
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        parts: list[ast.expr] = []
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            parts = [node.left, node.right]
        elif isinstance(node, ast.JoinedStr):
            parts = [each.value if isinstance(each, ast.FormattedValue) else each
                     for each in node.values]  # fmt: skip
        texts = [self.text(each, depth + 1) for each in parts]
        return "".join(filter(None, texts)) if texts and None not in texts else None

    def value(self, node: ast.expr) -> ast.expr:
        """Return what was assigned to a name, any other expression as it is."""
        for _ in range(DEPTH):
            if not isinstance(node, ast.Name) or node.id not in self._values:
                break
            node = self._values[node.id]
        return node
