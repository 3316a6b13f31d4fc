"""`windrow.compat`: programs for array_record run over Windrow, whether upstream is installed or not."""

from pathlib import Path

import pytest

from drop_in_programs import run, start, write

UPSTREAM = pytest.mark.parametrize("hide", ["", "array_record"], ids=["upstream installed", "upstream missing"])


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """A file of ten records, `r0` to `r9`."""
    path = tmp_path / "records.ar"
    program = """
        import sys
        from windrow.array_record_module import ArrayRecordWriter
        with ArrayRecordWriter(sys.argv[1]) as writer:
            for number in range(10):
                writer.write(b"r%d" % number)
    """
    run(program, tmp_path, path)
    return path


@UPSTREAM
def test_install_covers_every_way_to_import(hide: str, tmp_path: Path) -> None:
    program = """
        import sys
        import windrow.compat
        windrow.compat.install()
        windrow.compat.install()
        import array_record
        import array_record.python.array_record_data_source
        from array_record import python
        from array_record.python import array_record_data_source, array_record_module
        from array_record.python.array_record_module import ArrayRecordReader
        import windrow.array_record_data_source as data_source, windrow.array_record_module as module
        assert array_record_module is array_record.python.array_record_module is python.array_record_module is module
        assert array_record_data_source is array_record.python.array_record_data_source is data_source
        assert sys.modules["array_record.python.array_record_module"] is module
        assert ArrayRecordReader is module.ArrayRecordReader
        print("fine")
    """
    assert run(program, tmp_path, hide=hide) == "fine\n"


@UPSTREAM
def test_uninstall_takes_it_back(hide: str, tmp_path: Path) -> None:
    program = """
        import sys
        import windrow.compat
        path, modules = list(sys.path), {name for name in sys.modules if name.startswith("array_record")}
        windrow.compat.uninstall()
        windrow.compat.install()
        import array_record.python.array_record_module
        windrow.compat.uninstall()
        windrow.compat.uninstall()
        assert sys.path == path and {name for name in sys.modules if name.startswith("array_record")} == modules
        try:
            import array_record.python.array_record_module as module
            print(module.__name__)
        except ModuleNotFoundError as error:
            print(error)
    """
    expected = "No module named 'array_record'\n" if hide else "array_record.python.array_record_module\n"
    assert run(program, tmp_path, hide=hide) == expected


def test_upstream_that_was_imported_is_replaced_and_comes_back(tmp_path: Path) -> None:
    program = """
        import sys
        import array_record.python.array_record_data_source
        import array_record.python as package
        import windrow.compat
        upstream = [array_record.python, id(package.array_record_data_source), id(package.array_record_module)]
        windrow.compat.install()
        for name in ("array_record_data_source", "array_record_module"):
            assert getattr(package, name).__name__ == f"windrow.{name}"
            assert getattr(array_record.python, name).__name__ == f"windrow.{name}"
        windrow.compat.uninstall()
        assert sys.modules["array_record.python.array_record_module"] is package.array_record_module
        assert sys.modules["array_record.python"] is package and sys.modules["array_record"] is array_record
        assert upstream == [array_record.python, id(package.array_record_data_source), id(package.array_record_module)]
        from array_record.python import array_record_data_source
        print(array_record_data_source.__name__)
    """
    assert run(program, tmp_path) == "array_record.python.array_record_data_source\n"


def test_a_package_that_was_imported_leads_to_ours(tmp_path: Path) -> None:
    program = """
        import array_record as held
        import windrow.compat
        windrow.compat.install()
        print(held.python.array_record_module.__name__, held.python.array_record_data_source.__name__)
        windrow.compat.uninstall()
        print(hasattr(held, "python"))
    """
    assert run(program, tmp_path) == "windrow.array_record_module windrow.array_record_data_source\nFalse\n"


@pytest.mark.parametrize(
    "held",
    [
        "from array_record.python import array_record_module",
        "from array_record.python.array_record_data_source import ArrayRecordDataSource",
        "from array_record.python.array_record_data_source import ArrayRecordDataSource as Base\n"
        "class Derived(Base): pass\ndel Base",
    ],
    ids=["a module", "a class", "a class derived from it"],
)
def test_modules_that_hold_upstream_are_named(held: str, tmp_path: Path) -> None:
    write(tmp_path, "early_bird.py", held)
    program = """
        import sys
        import early_bird, windrow.compat
        before = dict(sys.modules), list(sys.path)
        try:
            windrow.compat.install()
        except RuntimeError as error:
            print(error)
        assert all(sys.modules[name] is module for name, module in before[0].items()) and sys.path == before[1]
        assert not [name for name in sys.modules if name.startswith("array_record") and name not in before[0]]
    """
    assert run(program, tmp_path).startswith("early_bird imported array_record before windrow.compat.install()")


def test_other_modules_of_upstream_stay(tmp_path: Path) -> None:
    program = """
        import windrow.compat
        windrow.compat.install()
        import importlib.util
        import array_record
        spec = importlib.util.find_spec("array_record.beam")
        print(spec.origin.endswith("beam/__init__.py"), "_compat_path" in spec.origin)
    """
    assert run(program, tmp_path) == "True False\n"


CHILDREN = """
    import multiprocessing, sys

    def work(path):
        from array_record.python import array_record_data_source, array_record_module
        source = array_record_data_source.ArrayRecordDataSource(path)
        return array_record_module.__name__, source[3], multiprocessing.current_process().name != "MainProcess"

    if __name__ == "__main__":
        {install}
        with multiprocessing.get_context(sys.argv[2]).Pool(2) as pool:
            print(pool.map(work, [sys.argv[1]] * 2))
"""


@UPSTREAM
@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
@pytest.mark.parametrize("by", ["install", "command"])
def test_children_see_it(by: str, method: str, hide: str, tmp_path: Path, records: Path) -> None:
    # `install()` only in the guard: a child never calls it.
    install = "import windrow.compat; windrow.compat.install()" if by == "install" else "pass"
    script = write(tmp_path, "children.py", CHILDREN.format(install=install))
    command = [] if by == "install" else ["-m", "windrow.compat"]
    ran = start([*command, script, records, method], tmp_path, hide)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == f"{[('windrow.array_record_module', b'r3', True)] * 2}\n"


# Python's own behaviour is what the command is compared with.
PROGRAMS = {
    "names": """
        import os, sys
        here = globals()
        print(__name__, here.get("__file__"), here.get("__package__"), here.get("__cached__"), __doc__, sys.argv)
        print(__spec__ and (__spec__.name, __spec__.origin), __builtins__.__name__)
        print(sys.modules["__main__"].__dict__ is globals(), type(__loader__).__name__)
        print([place for place in sys.path if not place.endswith("_compat_path")])
    """,
    "docstring": '"""A text."""\nprint(__doc__, __annotations__)',
    "pickle": """
        import pickle
        class Here: pass
        print(type(pickle.loads(pickle.dumps(Here()))) is Here, Here.__module__)
    """,
    "spawn": """
        import multiprocessing
        class Here:
            def __init__(self, value): self.value = value
        def double(here): return Here(2 * here.value)
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print([here.value for here in pool.map(double, [Here(1), Here(2)])])
        else:
            print(__name__, flush=True)
    """,
    "sibling": "import sibling; print(sibling.__name__)",
    "exit code": "import sys; print('out'); sys.exit(7)",
    "exit text": "raise SystemExit('the reason')",
    "exception": """
        def inner():
            try:
                raise KeyError("first")
            except KeyError:
                raise ValueError("second")
        inner()
    """,
    "exception in an import": "import broken_sibling",
    "own hook": """
        import sys
        sys.excepthook = lambda kind, error, trace: print("hook", kind.__name__, error)
        raise ValueError("seen")
    """,
    "syntax error": "print(1)\nprint(2",
    "encoding": "# coding: latin-1\nprint(ascii('\\u00e9'))",
    "future": "print(1 if 'annotations' in globals() else 2)\ndef f(x: undefined): pass\n",
    "at exit": """
        import atexit
        value = "kept"
        atexit.register(lambda: print(value))
        class Late:
            def __del__(self): print("deleted")
        late = Late()
    """,
    "interrupted": "raise KeyboardInterrupt",
    "unraisable": "import threading; t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()",
}


# A function of `-c` cannot be imported in another process, so Python itself hangs there.
RUNS = [(way, name) for way in ("script", "module", "text") for name in PROGRAMS if (way, name) != ("text", "spawn")]


@pytest.mark.parametrize(("way", "name"), RUNS)
def test_the_command_runs_programs_as_python_does(way: str, name: str, tmp_path: Path) -> None:
    write(tmp_path, "sibling.py", "")
    write(tmp_path, "broken_sibling.py", "def fail():\n    1 / 0\nfail()\n")
    script = write(tmp_path, "the_program.py", PROGRAMS[name])
    what = {"script": [script.name], "module": ["-m", "the_program"], "text": ["-c", script.read_text()]}[way]
    plain = start([*what, "--flag", "-m"], tmp_path)
    ours = start(["-m", "windrow.compat", *what, "--flag", "-m"], tmp_path)
    # Tracebacks begin with the program; Python's own frames, which import a module in order to run it, are left out.
    expected = [line for line in plain.stderr.splitlines() if '"<frozen ' not in line]
    if name == "syntax error":
        expected = [line for line in expected if not line.startswith("Traceback")]
    assert ours.stderr.splitlines() == expected
    assert (ours.returncode, ours.stdout) == (plain.returncode, plain.stdout)


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ([], 2, "usage: "),
        (["--help"], 0, "usage: "),
        (["-m"], 2, "usage: "),
        (["missing.py"], 2, "can't open file 'missing.py'"),
        (["-m", "no_such_module"], 2, "no module no_such_module"),
        (["-m", "no_such.module"], 2, "no module no_such.module"),
        (["-m", "json"], 2, "no module json"),
    ],
)
def test_nothing_to_run(arguments: list[str], code: int, text: str, tmp_path: Path) -> None:
    ran = start(["-m", "windrow.compat", *arguments], tmp_path)
    assert (ran.returncode, text in ran.stderr, "Traceback" in ran.stderr) == (code, True, False), ran.stderr


def test_a_package_runs_by_its_main_module(tmp_path: Path) -> None:
    (tmp_path / "application").mkdir()
    write(tmp_path, "application/__init__.py", "from array_record.python import array_record_module as held")
    write(tmp_path, "application/__main__.py", "from . import held\nprint(held.__name__, __package__)")
    ran = start(["-m", "windrow.compat", "-m", "application"], tmp_path)
    assert ran.stdout == "windrow.array_record_module application\n", ran.stderr


def test_safe_path_is_kept(tmp_path: Path) -> None:
    write(tmp_path, "sibling.py", "")
    script = write(tmp_path, "the_program.py", "import sibling")
    ran = start(["-P", "-m", "windrow.compat", script], tmp_path)
    assert "No module named 'sibling'" in ran.stderr


LIBRARY = """
    from array_record.python.array_record_data_source import ArrayRecordDataSource as Base

    class Source(Base):
        def __init__(self, paths, reader_options=None):
            super().__init__(paths, reader_options)
            self.extra = "kept"

        def __getitem__(self, key):
            return super().__getitem__(key)

        @property
        def paths(self):
            return self._paths
"""

LOAD = """
    import pickle, sys
    with open(sys.argv[1], "rb") as file:
        source = pickle.load(file)
    print(type(source).__mro__[1].__module__, list(source), source.__getitems__([0, 2]), source.extra, len(source))
"""


@pytest.mark.parametrize("how", ["pickle", "cloudpickle"])
@pytest.mark.parametrize(
    ("paths", "options", "expected"),
    [
        ("path", "None", [f"r{number}".encode() for number in range(10)]),
        ("[FileInstruction(path, 2, 3), path + '[7:9]']", "None", [b"r2", b"r3", b"r4", b"r7", b"r8"]),
        (
            "path + '[0:3]'",
            "{'readahead_buffer_size': '16MB', 'max_parallelism': 4, 'index_storage_option': 'offloaded'}",
            [b"r0", b"r1", b"r2"],
        ),
        ("path + '[0:3]'", "'readahead_buffer_size:16MB,max_parallelism:4'", [b"r0", b"r1", b"r2"]),
    ],
)
def test_a_source_of_another_library_is_unpickled_without_install(
    paths: str, options: str, expected: list[bytes], how: str, tmp_path: Path, records: Path
) -> None:
    write(tmp_path, "library.py", LIBRARY)
    save = f"""
        import sys
        import windrow.compat
        windrow.compat.install()
        import {how}
        import library
        from windrow import FileInstruction
        path = sys.argv[1]
        with open(sys.argv[2], "wb") as file:
            {how}.dump(library.Source({paths}, {options}), file)
    """
    pickled = tmp_path / "source.pickle"
    run(save, tmp_path, records, pickled)
    rest = f"{expected} {[expected[0], expected[2]]} kept {len(expected)}\n"
    assert run(LOAD, tmp_path, pickled) == f"array_record.python.array_record_data_source {rest}"
    installed = "    import windrow.compat\n    windrow.compat.install()\n" + LOAD
    for hide in ("", "array_record"):
        assert run(installed, tmp_path, pickled, hide=hide) == f"windrow.array_record_data_source {rest}"


@UPSTREAM
@pytest.mark.parametrize("how", ["pickle", "cloudpickle"])
def test_our_class_is_unpickled_without_install(how: str, hide: str, tmp_path: Path, records: Path) -> None:
    save = f"""
        import sys
        import windrow.compat
        windrow.compat.install()
        import {how}
        from array_record.python.array_record_data_source import ArrayRecordDataSource
        source = ArrayRecordDataSource(sys.argv[1])
        source.extra = "kept"
        with open(sys.argv[2], "wb") as file:
            {how}.dump(source, file)
    """
    pickled = tmp_path / "source.pickle"
    run(save, tmp_path, records, pickled, hide=hide)
    loaded = run(LOAD.replace("__mro__[1]", "__mro__[0]"), tmp_path, pickled, hide=hide)
    assert loaded.startswith("windrow.array_record_data_source [b'r0', b'r1'")


def test_a_class_of_the_program_travels_by_cloudpickle(tmp_path: Path, records: Path) -> None:
    save = """
        import sys
        import cloudpickle
        from array_record.python.array_record_data_source import ArrayRecordDataSource
        class Upper(ArrayRecordDataSource):
            extra = "kept"
            def __getitem__(self, key):
                return super().__getitem__(key).upper()
        with open(sys.argv[2], "wb") as file:
            cloudpickle.dump(Upper(sys.argv[1] + "[0:3]"), file)
    """
    script, pickled = write(tmp_path, "save.py", save), tmp_path / "source.pickle"
    ran = start(["-m", "windrow.compat", script, records, pickled], tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert run(LOAD, tmp_path, pickled, hide="array_record") == (
        "windrow.array_record_data_source [b'R0', b'R1', b'R2'] [b'r0', b'r2'] kept 3\n"
    )


def test_a_pickle_that_upstream_wrote_is_read(tmp_path: Path, records: Path) -> None:
    save = """
        import pickle, sys
        from array_record.python.array_record_data_source import ArrayRecordDataSource
        source = ArrayRecordDataSource([sys.argv[1], sys.argv[1] + "[3:5]"], {"max_parallelism": "2"})
        source.extra = repr(source)
        with open(sys.argv[2], "wb") as file:
            pickle.dump(source, file)
    """
    load = """
        import pickle, sys
        import windrow.compat
        windrow.compat.install()
        with open(sys.argv[1], "rb") as file:
            source = pickle.load(file)
        print(type(source).__module__, repr(source) == source.extra, source[11], len(source))
    """
    pickled = tmp_path / "source.pickle"
    run(save, tmp_path, records, pickled)
    assert run(load, tmp_path, pickled) == "windrow.array_record_data_source True b'r4' 12\n"
