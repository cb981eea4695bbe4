"""Who calls whom, without calling anybody: what stands behind a `get_response`, and past it."""

from __future__ import annotations

import gc
import inspect
import sys
import types
from collections.abc import Iterable, Iterator
from typing import Any

from .. import _upstream

#: More than any chain of wrappers has; what it holds beyond is not looked at.
_MANY = 200


def behind(found: Any) -> Iterator[Any]:
    """Yield what a callable can be seen to call: itself, and what it wraps or closes over.

    What a function finds by a name of its module is not seen.
    """
    queue, seen = [found], set[int]()
    while queue and len(seen) < _MANY:
        each = queue.pop(0)
        if id(each) in seen or issubclass(type(each), type) or not callable(each):
            continue
        seen.add(id(each))
        yield each
        queue += _held_by(each)


def _held_by(each: Any) -> Iterator[Any]:
    # wrapt's wrappers and their bound forms, functools.wraps, methods, functools.partial.
    for name in ("_self_parent", "_self_wrapper", "__wrapped__", "__func__", "func"):
        yield _attribute(each, name)
    for cell in _attribute(each, "__closure__") or ():
        try:
            yield cell.cell_contents
        except ValueError:  # a variable that is not set yet
            continue


def _attribute(each: Any, name: str) -> Any:
    """Return what an object holds under a name, without running code of its class.

    A closure may hold anything, one that imports or connects when it is asked, too.
    """
    found = inspect.getattr_static(each, name, None)
    try:
        if found is None:
            # Its own nevertheless: wrapt without its C extension shows what it wraps' names.
            return object.__getattribute__(each, name)
        if isinstance(found, (types.MemberDescriptorType, types.GetSetDescriptorType)):
            return found.__get__(each, type(each))
    except AttributeError:  # it has none, or a slot that is not set
        return None
    return found


def somebodys(found: Any) -> list[str]:
    """Name the functions behind a `get_response` that are neither upstream's nor ours."""
    known = {_upstream.MODULE.partition(".")[0], (__package__ or ""), "wrapt"}
    return [
        _place(each)
        for each in behind(found)
        # type(), since a wrapper is a function to isinstance too.
        if type(each) is types.FunctionType and str(each.__module__).partition(".")[0] not in known
    ]


def past(
    model_class: Any, wrapper: Any, patched: Iterable[type], *, thorough: bool
) -> tuple[str, ...]:
    """Name what calls an original `get_response` past the wrapper in its class.

    Subclasses that override it without calling on, and classes that a reload left
    unpatched; ``thorough``, also instances with one of their own, and whoever took the
    original before it was wrapped. That takes a pass over all objects of the process,
    some 60 ms in a worker.
    """
    subclasses = list(_subclasses(model_class))
    found = set(_classes(model_class, subclasses, wrapper, patched))
    if thorough:
        holders = set(_holders([model_class, *subclasses], wrapper))
        if holders and gc.collect():  # what only garbage held is held by nobody
            holders = set(_holders([model_class, *subclasses], wrapper))
        found |= holders
    return tuple(sorted(found))


def _holders(classes: list[Any], wrapper: Any) -> Iterator[str]:
    original = wrapper.__wrapped__
    asked = (original, *classes)
    known = {id(names) for each in classes for names in gc.get_referents(each)}
    for holder in gc.get_referrers(*asked):
        if holder is asked:  # which Python 3.13 does not leave out
            continue
        if issubclass(type(holder), classes[0]):
            own = getattr(holder, "__dict__", {}).get(_upstream.METHOD)
            if own is not None and not _goes_through(own, wrapper):
                yield f"an instance of {_name(type(holder))} has a {_upstream.METHOD} of its own"
        elif type(holder) in (types.MethodType, type(wrapper)):
            yield from _methods(holder, wrapper)
        elif (
            # Before anything else: looking at an object may give it a dict, which holds it then.
            any(each is original for each in gc.get_referents(holder))
            and id(holder) not in known
            and type(holder) not in _RUNNING
        ):
            model = _bound_to(holder, original)
            yield from _holds(holder, original) if model is None else _taken(model)


#: What holds local variables of running code, and arguments of one that is to run.
_RUNNING = (
    types.FrameType,
    types.CoroutineType,
    types.GeneratorType,
    types.AsyncGeneratorType,
)


def _methods(holder: Any, wrapper: Any) -> Iterator[str]:
    """Say whose methods a method is, or the methods of a wrapper that was removed."""
    if type(holder) is types.MethodType:
        if holder.__func__ is wrapper.__wrapped__:  # and not a method of one of the classes
            yield from _taken(holder.__self__)
    elif holder is not wrapper:
        for method in gc.get_referrers(holder._self_function):
            if type(method) is types.MethodType:
                yield from _taken(method.__self__)


def _bound_to(holder: Any, original: Any) -> Any:
    """Return the model of a bound form of somebody's wrapt wrapper, if that is the original."""
    if callable(holder) and _attribute(holder, "_self_parent") is original:
        return _attribute(holder, "_self_instance")
    return None


def _taken(model: Any) -> Iterator[str]:
    """Say whose bound one it is, if not one for a call that is under way: a stand-in's.

    By a name of theirs, since that may be one of another copy of this package.
    """
    if not hasattr(type(model), "_patch_target"):
        yield f"a bound {_upstream.METHOD} of {_name(type(model))}, taken before"


def _classes(
    model_class: Any, subclasses: list[Any], wrapper: Any, patched: Iterable[type]
) -> Iterator[str]:
    for subclass in subclasses:
        own = vars(subclass).get(_upstream.METHOD)
        if own is not None and not _goes_through(own, wrapper):
            yield f"subclass {_name(subclass)} overrides {_upstream.METHOD} without calling it"
    for base in model_class.__bases__:
        for older in base.__subclasses__():
            if _name(older) == _name(model_class) and older not in (model_class, *patched):
                yield f"an older {_name(older)}, from before a reload, is not patched"


def _subclasses(model_class: Any) -> Iterator[Any]:
    for each in model_class.__subclasses__():
        yield each
        yield from _subclasses(each)


def _goes_through(own: Any, wrapper: Any) -> bool:
    """Say whether a callable can be seen to call our wrapper, or its class's by name."""
    for each in behind(own):
        if each is wrapper:
            return True
        if each is not wrapper.__wrapped__ and _names_it(_attribute(each, "__code__")):
            return True
    return False


def _names_it(code: Any) -> bool:
    inner = (each for each in getattr(code, "co_consts", ()) if isinstance(each, types.CodeType))
    return _upstream.METHOD in getattr(code, "co_names", ()) or any(map(_names_it, inner))


def _holds(holder: Any, original: Any) -> Iterator[str]:
    """Say who holds the original: in a closure, as an attribute, in a collection."""
    kind = type(holder)
    if kind is types.CellType:
        yield from (f"{_place(each)} holds the original" for each in _closing_over(holder))
    elif kind is dict and (names := list(_attributes(holder, original))):
        yield from (f"{name} is the original" for name in names)
    else:
        yield f"a {_name(kind).removeprefix('builtins.')} holds the original"


def _closing_over(cell: types.CellType) -> Iterator[types.FunctionType]:
    for closure in gc.get_referrers(cell):
        for function in gc.get_referrers(closure) if type(closure) is tuple else ():
            if type(function) is types.FunctionType:
                yield function


def _attributes(names: dict[str, Any], original: Any) -> Iterator[str]:
    for module in list(sys.modules.values()):
        if _names_of(module) is names:
            for name, value in names.items():
                if value is original:
                    yield f"{module.__name__}.{name}"


def _names_of(module: Any) -> Any:
    # Not getattr: a module of importlib's LazyLoader would be loaded by it.
    try:
        return object.__getattribute__(module, "__dict__")
    except AttributeError:
        return None


def _name(named: type) -> str:
    return f"{named.__module__}.{named.__qualname__}"


def _place(function: types.FunctionType) -> str:
    code = function.__code__
    return (
        f"{function.__module__}.{function.__qualname__} ({code.co_filename}:{code.co_firstlineno})"
    )
