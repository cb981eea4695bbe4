"""Whether a file is Python, and where statements may begin in it."""

from __future__ import annotations

import ast
import codecs
import io
import re
import symtable
import tokenize
import warnings
from collections.abc import Callable

from ._scan_walk import NotReadError

_COMMENT = re.compile(rb"\s*(#|$)")
_CODING = re.compile(rb"\s*#.*coding[:=]")


def python(source: bytes) -> ast.Module:
    """Return the syntax tree of a file; raise `NotReadError` where it is no Python."""
    return _read(source, ast.parse)


def check_syntax(source: bytes) -> None:
    """Raise `NotReadError` where a file is no Python: in half the time of reading it."""
    # It takes bytes in their encoding, as compile() does.
    _read(source, lambda code: symtable.symtable(code, "", "exec"))  # type: ignore[arg-type]


def start(tree: ast.Module, source: bytes) -> int:
    """Return the first line at which a statement may be put in.

    It is after the docstring, what has to stand before all else, and the comments that are
    read for where they stand: which program runs the file, and its encoding.
    """
    last = _head(source)
    for number, node in enumerate(tree.body):
        is_docstring = (
            number == 0
            and isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        )
        is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        # What follows behind a semicolon may go on in the next line.
        if not (is_docstring or is_future or node.lineno <= last):
            break
        last = max(last, node.end_lineno or node.lineno)
    return last + 1


def _head(source: bytes) -> int:
    """Return how many lines are read for where they stand: of the first two, see PEP 263."""
    last = 0
    for number, line in enumerate(source.removeprefix(codecs.BOM_UTF8).split(b"\n", 2)[:2], 1):
        if _CODING.match(line) or (number == 1 and line.startswith(b"#!")):
            last = number
        if not _COMMENT.match(line):
            break
    return last


def _read[T](source: bytes, read: Callable[[bytes], T]) -> T:
    if b"\0" in source:
        raise NotReadError("no Python: it holds NUL bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of somebody else's escapes and comparisons
            _decode(source)
            return read(source)
    except SyntaxError as error:
        at = f"line {error.lineno}: " if error.lineno else ""
        raise NotReadError(f"no Python: {at}{error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise NotReadError(f"no Python: {type(error).__name__}") from None


def _decode(source: bytes) -> None:
    """Raise `NotReadError` where Python would not read a file: a parser looks past comments."""
    if source.isascii():
        return
    encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    try:
        source.decode(encoding)
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        raise NotReadError(f"no Python: line {line} is not in {encoding}") from None
