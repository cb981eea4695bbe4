"""What a Python file does that matters here, by its syntax tree; nothing is imported."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from . import _upstream
from ._scan_blocks import Definition, Statement, Within, nodes
from ._scan_changes import Changing, changed
from ._scan_extra_args import BEGINNING, Workaround, workarounds
from ._scan_forms import assigns, is_alone, is_around, is_setter, replaces, says_little
from ._scan_listed import aliases, listed
from ._scan_names import Names
from ._scan_syntax import python, start
from ._scan_walk import NotReadError

#: The module of this package, and the name under which its forerunners are copied around.
OURS = "agentex_usage_patch"

#: The file that starts an agent, by the convention of agentex-sdk.
WORKER_FILE = "run_worker.py"

#: A file without any of these does nothing that matters by itself.
MARKS = (
    _upstream.CLASS.encode(),
    _upstream.WORKER.encode(),
    _upstream.EXTRA_ARGS.encode(),
    OURS.encode(),
)

#: What a function may call beside a patch and still be there for the patch alone.
SAYS = frozenset({
    "print", "debug", "info", "warning", "error", "exception", "getLogger", "warn",
})  # fmt: skip
#: What a function that patches may do by the way.
_BESIDE = SAYS | {"setattr", "update_wrapper"}

_NAMES = (ast.Name, ast.Attribute)

What = Literal["import", "call", "decorator", "reference"]


@dataclass(frozen=True, eq=False, slots=True)
class Patch:
    """An in-house replacement of the method: its lines, how, and what it is in.

    ``whole`` is that its statement does nothing else, ``nested`` that it is in a function
    inside the definition.
    """

    line: int
    end: int
    how: str
    what: What
    whole: bool
    statement: Statement
    definition: Definition | None
    nested: bool


@dataclass(frozen=True, eq=False, slots=True)
class Use:
    """An import (then of all that a name holds), a call or another use, by its dotted name.

    ``written`` is how an import or ``__all__`` writes it; ``imported`` is that the name is from
    elsewhere, ``alias`` the name that an assignment gives it.
    """

    line: int
    end: int
    name: str
    what: What
    whole: bool
    statement: Statement
    definition: Definition | None
    written: str = ""
    imported: bool = True
    alias: str = ""

    @property
    def bound(self) -> str:
        """The name that an import or an assignment gives it, empty where it gets none."""
        return self.written.rpartition(" as ")[2] if self.what == "import" else self.alias


@dataclass
class Code:
    """What a file does: everything with its lines, in the order of the file.

    ``start`` is the first line at which a statement may be put in. ``effects`` are the calls
    that it makes when it is imported. ``listed`` are the names in its ``__all__``, None where
    not all are known, and ``own`` those that are from no star, where it imports with one.
    """

    path: Path
    start: int = 1
    worker: list[int] = field(default_factory=list)
    model: list[int] = field(default_factory=list)
    patches: list[Patch] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    workarounds: list[Workaround] = field(default_factory=list)
    effects: set[str] = field(default_factory=set)
    listed: set[str] | None = None
    own: frozenset[str] = frozenset()


def read_code(path: Path, source: bytes) -> Code:
    """Return what a file does; raise `NotReadError` where it is no Python."""
    tree = python(source)
    found = list(nodes(tree))
    reading = _Reading(Code(path, start(tree, source)), Names(node for _, node in found))
    try:
        for within, node in found:
            reading.look(within, node)
        reading.end()
    except RecursionError:
        raise NotReadError("names of thousands of parts") from None
    return reading.code


class _Reading:
    """What is known of a file while its nodes are looked at."""

    def __init__(self, code: Code, names: Names) -> None:
        self.code = code
        self._names = names
        #: The expressions that their statements are there for.
        self._whole: set[int] = set()
        self._effects: list[tuple[Within, str]] = []
        #: What may change something beside the patches.
        self._changing: list[tuple[Within, Changing]] = []
        self._workarounds: set[Workaround] = set()
        #: Whether all of what each statement lists in ``__all__`` is known.
        self._lists: list[bool] = []
        self._aliases: dict[int, str] = {}

    def look(self, within: Within, node: ast.AST) -> None:
        """Note what one node does."""
        if isinstance(node, _NAMES):
            if self._names.is_known(node):
                self._used(within, node, "reference", self._names.used(node))
        elif isinstance(node, ast.stmt):
            self._stated(within, node)
        elif isinstance(node, ast.Call):
            self._called(within, node)
        elif isinstance(node, ast.Await) and within.definition and not within.nested:
            within.definition.does_more = True
        if isinstance(node, BEGINNING):
            for found in workarounds(self._names, node):
                if found not in self._workarounds:
                    self._workarounds.add(found)
                    self.code.workarounds.append(found)

    def end(self) -> None:
        """Note what is done beside the patches, which are known now."""
        patching = {patch.statement for patch in self.code.patches}
        for within, name in self._effects:
            if within.statement in patching or name.rpartition(".")[2] in _BESIDE:
                continue
            self._more(within, name)
        changing = set[Definition | None]()
        for within, node in self._changing if patching else ():
            if within.definition not in changing:  # of each, the first is enough
                for name in changed(self._names, node):
                    self._more(within, name)
                    changing.add(within.definition)
        if not all(self._lists):
            self.code.listed = None
        if any(use.bound == "*" for use in self.code.uses):
            self.code.own = self._names.own()

    def _more(self, within: Within, name: str) -> None:
        """Note that something is done to a name that is not the patch."""
        definition = within.definition
        if definition:
            definition.does_more = True
        if definition is None or definition.methods is not None:
            self.code.effects.add(name)

    def _may_change(self, within: Within, node: Changing) -> None:
        if not within.nested:  # else it may run with the patch alone
            self._changing.append((within, node))

    def _imported(self, within: Within, node: ast.Import | ast.ImportFrom) -> None:
        statement = within.statement
        imported = list(self._names.imported(node))
        for alias, dotted in zip(node.names, imported, strict=True):
            written = f"{alias.name} as {alias.asname}" if alias.asname else alias.name
            self.code.uses.append(Use(
                statement.line, statement.end, dotted, "import", len(imported) == 1, statement,
                within.definition, written,
            ))  # fmt: skip
        if any(dotted.rpartition(".")[2].startswith(_upstream.CLASS) for dotted in imported):
            self.code.model.append(node.lineno)

    def _stated(self, within: Within, node: ast.stmt) -> None:
        definition = None if within.nested else within.definition
        self._aliases.update(aliases(node))
        if found := listed(node):
            self._listed(within, node, *found)
        match node:
            case ast.Import() | ast.ImportFrom():
                self._imported(within, node)
            case ast.Expr(value=value):
                value = value.value if isinstance(value, ast.Await) else value
                if isinstance(value, ast.Call) and not within.nested:
                    self._effects += [(within, name) for name in self._names.used(value.func)]
                while isinstance(value, ast.Call | ast.Attribute):
                    self._whole.add(id(value))
                    value = value.func if isinstance(value, ast.Call) else value.value
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign() if assigns(self._names, node):
                self._patch(within, node, "assigns to", "call", whole=is_alone(node))
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.Delete():
                self._may_change(within, node)
        if definition and not is_around(node):
            definition.is_plain = False
        if definition and isinstance(node, ast.Return) and not says_little(node.value):
            definition.does_more = True

    def _listed(
        self, within: Within, node: ast.stmt, names: list[ast.Constant], known: bool
    ) -> None:
        self._lists.append(known)
        self.code.listed = (self.code.listed or set()) | {str(each.value) for each in names}
        alone, statement = isinstance(node, ast.Expr) and len(names) == 1, within.statement
        for name in (str(each.value) for each in names):
            for dotted in self._names.used(ast.Name(name, ast.Load())):
                imported = self._names.is_imported(dotted)
                if imported or self._names.is_defined(dotted):
                    self.code.uses.append(Use(
                        statement.line, statement.end, dotted, "reference", alone, statement,
                        None, "" if alone else name, imported,
                    ))  # fmt: skip

    def _used(self, within: Within, node: ast.expr, what: What, dotted: list[str]) -> None:
        definition = within.definition
        holder = definition and (definition.holder or definition)
        for name in dotted:
            first, _, rest = name.partition(".")
            known = f"{holder.name}.{rest}" if holder and first in ("self", "cls") else name
            if definition and what == "call":
                definition.calls.add(known)
            imported = self._names.is_imported(name)
            if not (imported or known != name or self._names.is_defined(first)):
                continue
            self.code.uses.append(Use(
                node.lineno, node.end_lineno or node.lineno, known,
                "decorator" if within.decorates else what, id(node) in self._whole,
                within.statement, definition, imported=imported,
                alias=self._aliases.get(id(node), "") if what == "reference" else "",
            ))  # fmt: skip

    def _called(self, within: Within, node: ast.Call) -> None:
        used = self._names.used(node.func)
        self._used(within, node, "call", used)
        for dotted in used:
            if dotted.rpartition(".")[2] == _upstream.WORKER:
                self.code.worker.append(node.lineno)
                if within.definition:
                    within.definition.does_more = True
            elif how := replaces(self._names, node, dotted):
                what: What = "decorator" if within.decorates else "call"
                self._patch(within, node, how, what, whole=id(node) in self._whole)
            elif is_setter(dotted):
                self._may_change(within, node)

    def _patch(self, within: Within, node: Changing, how: str, what: What, *, whole: bool) -> None:
        others = changed(self._names, node)
        for name in others:
            self._more(within, name)
        self.code.patches.append(Patch(
            node.lineno, node.end_lineno or node.lineno, how, what, whole and not others,
            within.statement, within.definition, within.nested,
        ))  # fmt: skip
