"""Runs programs that were written for `array_record` over Windrow, unchanged.

    python -m windrow.compat train.py --steps 1000     # also: -m module, -c code

runs a script as `python train.py` would, with `array_record.python.array_record_module` and
`array_record.python.array_record_data_source` being Windrow's modules. From inside a program:

    import windrow.compat
    windrow.compat.install()      # before anything imports array_record, such as grain

Either way it does not matter whether upstream's package is installed. Processes that `multiprocessing` starts see the
same modules, whatever the start method: it hands `sys.path` on, and a folder of this package stands first in it, in
which `array_record` is Windrow. Programs that are started otherwise need to be run with `python -m windrow.compat`
themselves.

Only these two modules are replaced. The rest of upstream's package, such as `array_record.beam`, stays what it is and
uses them.
"""

from __future__ import annotations

import builtins
import importlib.machinery
import importlib.util
import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from types import CodeType, ModuleType, TracebackType
from typing import Any

__all__ = ["install", "main", "uninstall"]

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_compat_path")
_PACKAGE = "array_record.python"
_LEAVES = ("array_record_module", "array_record_data_source")
_NAMES = ("array_record", _PACKAGE, *(f"{_PACKAGE}.{leaf}" for leaf in _LEAVES))

# What `sys.modules` held under these names before `install()`. `None` while it is not in effect.
_replaced: dict[str, ModuleType] | None = None


def install() -> None:
    """Makes `array_record` mean Windrow, in this process and in those that `multiprocessing` starts from it.

    A second call does nothing.

    Raises:
        RuntimeError: a module that was imported before holds a class or module of upstream, as `grain` does, and would
            go on using it. The message names it. Nothing is changed then.
    """
    global _replaced
    if _replaced is not None:
        return
    ours = {leaf: importlib.import_module(f"windrow.{leaf}") for leaf in _LEAVES}
    before = {name: sys.modules[name] for name in _NAMES if name in sys.modules}
    upstream = [before[name] for name in _NAMES[2:] if name in before and before[name] not in ours.values()]
    if holders := sorted(_holders(upstream)):
        raise RuntimeError(
            f"{', '.join(holders)} imported array_record before windrow.compat.install() and would go on using it: "
            "call install() first, or run the program with python -m windrow.compat"
        )
    _replaced = before
    try:
        _put_in_place(ours, before)
    except BaseException:
        uninstall()
        raise


def _put_in_place(ours: dict[str, ModuleType], before: dict[str, ModuleType]) -> None:
    if _FOLDER in sys.path:
        sys.path.remove(_FOLDER)
    sys.path.insert(0, _FOLDER)
    package, inner = _import_package("array_record", _FOLDER), _import_package(_PACKAGE, f"{_FOLDER}/array_record")
    setattr(package, "python", inner)
    # Whoever holds a package of upstream looks the modules up there.
    if "array_record" in before:
        setattr(before["array_record"], "python", inner)
    for leaf, module in ours.items():
        sys.modules[f"{_PACKAGE}.{leaf}"] = module
        for parent in (inner, before.get(_PACKAGE, inner)):
            setattr(parent, leaf, module)


def uninstall() -> None:
    """Takes `install()` back: `array_record` is upstream's package again, or missing, for imports from now on.

    What was imported meanwhile keeps Windrow's classes. Does nothing without `install()`.
    """
    global _replaced
    if _replaced is None:
        return
    before, _replaced = _replaced, None
    if _FOLDER in sys.path:
        sys.path.remove(_FOLDER)
    for name in _NAMES:
        sys.modules.pop(name, None)
    sys.modules.update(before)
    for name in _NAMES[1:]:
        parent, _, child = name.rpartition(".")
        if parent not in before:
            continue
        if name in before:
            setattr(before[parent], child, before[name])
        elif hasattr(before[parent], child):
            delattr(before[parent], child)


def _import_package(name: str, folder: str) -> ModuleType:
    """Imports a package from a folder, whatever import hooks there are, such as those of editable installs."""
    spec = importlib.machinery.PathFinder.find_spec(name, [folder])
    if spec is None or spec.loader is None:
        raise ImportError(f"{name} is missing in {folder}: windrow is not completely installed", name=name)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _holders(upstream: Sequence[ModuleType]) -> Iterator[str]:
    """Names of the modules that hold one of upstream's modules, its classes, or classes that derive from them."""
    classes = {
        value
        for module in upstream
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__
    }
    for name, module in list(sys.modules.items()):
        if not upstream or name in _NAMES or not isinstance(module, ModuleType):
            continue
        for value in list(vars(module).values()):
            # By identity and by type alone: the values of other modules need not be comparable.
            derived = issubclass(type(value), type) and not classes.isdisjoint(value.__mro__)
            if derived or any(value is held for held in upstream):
                yield name
                break


def main(arguments: Sequence[str]) -> None:
    """Runs `script.py [arguments]`, `-m module [arguments]` or `-c code [arguments]` under `install()`.

    What it runs becomes the module `__main__`, as if Python had been started with it.

    Args:
        arguments: as on the command line, without the program's name.

    Raises:
        SystemExit: 2 if there is nothing to run, or what the program exits with. Any other exception of the program.
    """
    if not arguments or arguments[0] in ("-h", "--help") or (arguments[0] in ("-m", "-c") and len(arguments) < 2):
        print("usage: python -m windrow.compat (script.py | -m module | -c code) [argument ...]", file=sys.stderr)
        raise SystemExit(0 if arguments[:1] in (["-h"], ["--help"]) else 2)
    kind, operand = (arguments[0], arguments[1]) if arguments[0] in ("-m", "-c") else ("", arguments[0])
    # The first place is that of `-m windrow.compat`, unless Python was told to leave it out.
    if not sys.flags.safe_path:
        sys.path[0] = _FIRST_PLACES[kind](operand)
    sys.argv[:] = [kind or operand, *arguments[2 if kind else 1 :]]
    install()
    try:
        program, code = _LOADERS[kind](operand)
    except SyntaxError as error:
        sys.excepthook(type(error), error.with_traceback(None), None)
        raise SystemExit(1) from None
    if kind == "-m":
        sys.argv[0] = str(program.__file__)
    sys.excepthook = _without_own_frames(code, sys.excepthook)
    sys.modules["__main__"] = program
    exec(code, vars(program))


def _program(**attributes: object) -> ModuleType:
    """An empty `__main__`. Its `__spec__` tells `multiprocessing` how to import it in another process: as a module by
    name, or without one by its file, if it has any.
    """
    program = ModuleType("__main__")
    vars(program).update({"__builtins__": builtins, "__annotations__": {}, **attributes})
    return program


def _load_text(source: str) -> tuple[ModuleType, CodeType]:
    return _program(__loader__=importlib.machinery.BuiltinImporter), compile(
        source, "<string>", "exec", dont_inherit=True
    )


def _load_script(path: str) -> tuple[ModuleType, CodeType]:
    full_path = os.path.abspath(path)
    try:
        with io.open_code(full_path) as file:
            source = file.read()
    except OSError as error:
        print(f"windrow.compat: can't open file {path!r}: {error.strerror}", file=sys.stderr)
        raise SystemExit(2) from None
    loader = importlib.machinery.SourceFileLoader("__main__", full_path)
    program = _program(__file__=full_path, __cached__=None, __loader__=loader)
    return program, compile(source, full_path, "exec", dont_inherit=True)


def _load_module(name: str) -> tuple[ModuleType, CodeType]:
    spec = _find_module(name)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = _find_module(f"{name}.__main__")
    loader: Any = None if spec is None else spec.loader
    code = loader.get_code(spec.name) if spec is not None and hasattr(loader, "get_code") else None
    if spec is None or code is None:
        print(f"windrow.compat: no module {name} that can be run", file=sys.stderr)
        raise SystemExit(2)
    program = _program(
        __spec__=spec, __file__=spec.origin, __cached__=spec.cached, __loader__=loader, __package__=spec.parent
    )
    return program, code


def _find_module(name: str) -> importlib.machinery.ModuleSpec | None:
    try:
        return importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        # A parent package that is missing; what goes wrong within one is for its author to see.
        if error.name and f"{name}.".startswith(f"{error.name}."):
            return None
        raise


# What Python puts first into `sys.path`.
_FIRST_PLACES: dict[str, Callable[[str], str]] = {
    "": lambda script: os.path.dirname(os.path.realpath(script)),
    "-m": lambda module: os.getcwd(),
    "-c": lambda text: "",
}
_LOADERS = {"": _load_script, "-m": _load_module, "-c": _load_text}

_Hook = Callable[[type[BaseException], BaseException, TracebackType | None], Any]


def _without_own_frames(code: CodeType, hook: _Hook) -> _Hook:
    """Tracebacks of a program begin with the program."""

    def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        first = trace
        while first is not None and first.tb_frame.f_code is not code:
            first = first.tb_next
        hook(kind, error.with_traceback(first or trace), first or trace)

    return excepthook


if __name__ == "__main__":
    # Not the functions of this file: as `__main__` it is not the module that others import.
    from windrow import compat

    compat.main(sys.argv[1:])
