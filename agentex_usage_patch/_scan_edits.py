"""How to take statements out of a file so that it runs as before without them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ._scan_blocks import Block, Statement
from ._scan_code import Use


@dataclass(frozen=True)
class Out:
    """Something to take out of a file: ``what`` it is, and ``of`` what; ``why`` follows.

    ``whole`` is that its statement is there for nothing else, ``names`` are those of an
    import or ``__all__``.
    """

    line: int
    end: int
    what: str
    of: str
    why: str
    statement: Statement
    whole: bool
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Edit:
    """What to do with some lines, in words, and what that takes out first."""

    line: int
    end: int
    text: str
    out: Out


def out_of(use: Use, of: str, why: str = "") -> Out:
    """Return a use as something to take out."""
    names = (use.written,) if use.written else ()
    what: str = use.what
    if what == "reference":
        what = "`__all__`" if names else "use"
    return Out(use.line, use.end, f"{what} of {of}", of, why, use.statement, use.whole, names)


def edits(outs: Iterable[Out]) -> list[Edit]:
    """Return the edits of one file that take something out of it, in the order of its lines.

    What is in a statement that goes needs none of its own. A block of which nothing would be
    left goes with what it is of, or keeps ``pass``.
    """
    going: dict[Statement, Out] = {}
    staying: list[Out] = []
    for out in sorted(_statements(outs), key=lambda each: (each.line, each.end, each.what)):
        if out.whole:
            going.setdefault(out.statement, out)
        else:
            staying.append(out)
    empty = _empty(going)
    found = []
    for out in going.values():
        if not any(each in going for each in out.statement.around()):
            found.append(_edit(out, leave_pass=out.statement.block in empty))
            empty.discard(out.statement.block)
    found += [
        _edit(out, leave_pass=False)
        for out in staying
        if not any(each in going for each in (out.statement, *out.statement.around()))
    ]
    return sorted(dict.fromkeys(found), key=lambda each: (each.line, each.end))


def _statements(outs: Iterable[Out]) -> Iterator[Out]:
    """Yield what is to be taken out, with all that goes of one import at once."""
    imports: dict[Statement, list[Out]] = {}
    for out in outs:
        if out.names:
            imports.setdefault(out.statement, []).append(out)
        else:
            yield out
    for statement, parts in imports.items():
        names = tuple(dict.fromkeys(name for each in parts for name in each.names))
        yield replace(parts[0], names=names, whole=len(names) == statement.names)


def _empty(going: dict[Statement, Out]) -> set[Block]:
    """Let go what is there for a block alone of which all goes; return the other ones."""
    left = Counter[Block]()
    empty: set[Block] = set()
    waiting = list(going.items())
    while waiting:
        statement, out = waiting.pop()
        block, owner = statement.block, statement.block.owner
        left[block] += 1
        if owner is None or left[block] < block.size or owner in going:
            continue
        if block.goes:
            what = f"`{owner.word}`, to line {owner.end}"
            why = f": nothing in it but {out.of}{out.why if out.of not in out.why else ''}"
            going[owner] = Out(owner.line, owner.end, what, out.of, why, owner, whole=True)
            waiting.append((owner, going[owner]))
        else:
            empty.add(block)
    return empty


def _edit(out: Out, *, leave_pass: bool) -> Edit:
    line, end = out.line, out.end
    if out.whole:
        line, end = out.statement.line, out.statement.end
        text = f"delete this {out.what}"
    elif out.names:
        names = " and ".join(f"`{name}`" for name in out.names)
        text = f"take {names} out of this {out.what.partition(' ')[0]}: of {out.of}"
    elif out.what.startswith("decorator"):
        text = f"delete this {out.what}"
    else:
        text = f"take this {out.what} out of its statement, which does more"
    if leave_pass:
        text += " and leave `pass`"
    return Edit(line, end, f"{text}{out.why}", out)
