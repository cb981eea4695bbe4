"""What a file passes on by other means than an import: what it lists, and what it assigns."""

from __future__ import annotations

import ast


def listed(node: ast.stmt) -> tuple[list[ast.Constant], bool] | None:
    """Return the names that a statement puts into ``__all__``, and whether they are all that
    it does; None where it is about something else.
    """
    match node:
        case (
            ast.Assign(targets=[ast.Name(id="__all__")], value=value)
            | ast.AnnAssign(target=ast.Name(id="__all__"), value=ast.expr() as value)
            | ast.AugAssign(target=ast.Name(id="__all__"), value=value)
            | ast.Expr(
                value=ast.Call(
                    func=ast.Attribute(value=ast.Name(id="__all__"), attr="append" | "extend"),
                    args=[value],
                )
            )
        ):
            parts = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
            names = [each for each in parts
                     if isinstance(each, ast.Constant) and isinstance(each.value, str)]  # fmt: skip
            return names, len(names) == len(parts)
    return None


def aliases(node: ast.stmt) -> dict[int, str]:
    """Return the name that an assignment gives an expression, by the id of that."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return {id(value): name}
    return {}
