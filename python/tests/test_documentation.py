"""Runs every snippet of python/README.md and docs/*.md, and compares their tables with the code.

The snippets of a page are run from top to bottom, in one namespace, in a folder of their own and a process of their
own. What a fence says decides:

    ```python            run
    ```python loaders    run where torch and Grain are installed, by tests/loaders, together with the others
    ```... alone         the same two, in a process and with names of their own
    ```sh                run
    ```sh install        not run, since it builds or installs; what it names must exist
    ```text              not run: not code

In Python, `# -> text` behind an expression, or on the line below, is its `repr`; `# raises text` is the name of the
exception's class and, behind a colon, its message. In sh, lines `# -> text` are what the command above prints on standard output,
and `# exit 1` behind a command is its exit code. `...` stands for anything. An expectation that belongs to nothing is
an error.

    python test_documentation.py differences     writes differences.toml into docs/from-array-record.md again
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import io
import os
import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
import windrow

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "python" / "README.md", *sorted((ROOT / "docs").glob("*.md")))
ALWAYS = ("python", "python alone", "sh")
WITH_LOADERS = (*ALWAYS, "python loaders", "python loaders alone")
"""What tests/loaders runs: the snippets for loaders use names of those above them."""
KINDS = (*WITH_LOADERS, "sh install", "text")

_FENCE = re.compile(r"^```(?P<kind>[^`\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_DIFFERENCES = re.compile(r"(?<=<!-- differences -->\n).*(?=<!-- end -->)", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Snippet:
    """A fenced block; `line` is that of its first line of text in the page, from 1."""

    page: Path
    kind: str
    line: int
    text: str


def snippets(page: Path, kind: str | None = None) -> list[Snippet]:
    """The blocks of a page in order; those of one kind if it is given."""
    content = page.read_text(encoding="utf-8")
    found = [
        Snippet(page, match["kind"], content.count("\n", 0, match.start()) + 2, match["text"])
        for match in _FENCE.finditer(content)
    ]
    return [snippet for snippet in found if kind in (None, snippet.kind)]


def run(page: Path, folder: Path, kinds: Collection[str] = ALWAYS) -> subprocess.CompletedProcess[str]:
    """Runs the snippets of these kinds in a new process. It exits with 0 if all went as the page says."""
    # The command `windrow` is the one that was installed together with the package.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return subprocess.run(
        [sys.executable, __file__, str(page), *kinds],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


class WrongError(AssertionError):
    """A page says something else than what happens."""


def _agrees(said: str, found: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, said.split("..."))), found, re.DOTALL) is not None


def _expect(value: object, said: str) -> None:
    if not _agrees(said, repr(value)):
        raise WrongError(f"the page says {said}, found {value!r}")


def _expect_error(call: Callable[[], object], said: str) -> None:
    try:
        value = call()
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
        if not _agrees(said if ":" in said else f"{said}: ...", found):
            raise WrongError(f"the page says {said}, found {found}") from error
    else:
        raise WrongError(f"the page says {said}, found {value!r}")


class _Expectations(ast.NodeTransformer):
    """Puts checks around the expressions that have an expectation.

    `behind` and `below` have the expectations by the last line of their expression: in the same line, and in a line of
    their own under it.
    """

    def __init__(self, behind: dict[int, str], below: dict[int, str]) -> None:
        self.open = (behind, below)

    def visit_Expr(self, node: ast.Expr) -> ast.Expr:
        last = node.end_lineno or node.lineno
        said = self.open[0].pop(last, None) or self.open[1].pop(last, None)
        if said is None:
            return node
        sign, _, text = said.partition(" ")
        value: ast.expr = node.value
        if sign == "raises":
            nothing = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
            value = ast.Lambda(args=nothing, body=node.value)
        check = ast.Name("_expect_error" if sign == "raises" else "_expect", ast.Load())
        call = ast.Call(check, [value, ast.Constant(text)], [])
        return ast.fix_missing_locations(ast.copy_location(ast.Expr(call), node))


def compile_python(snippet: Snippet) -> Any:
    """The code of a snippet, with its expectations. Line numbers are those of the page."""
    source = "\n" * (snippet.line - 1) + snippet.text
    behind: dict[int, str] = {}
    below: dict[int, str] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        text = token.string[1:].strip()
        if token.type == tokenize.COMMENT and text.startswith(("-> ", "raises ")):
            alone = token.line.lstrip().startswith("#")
            (below if alone else behind)[token.start[0] - alone] = text
    tree = _Expectations(behind, below).visit(ast.parse(source, str(snippet.page)))
    if behind or below:
        raise WrongError(
            f"{snippet.page.name}: expectations behind no expression, in lines {sorted({**behind, **below})}"
        )
    return compile(tree, str(snippet.page), "exec", dont_inherit=True)


def run_sh(snippet: Snippet) -> None:
    """Runs a snippet line by line. A line that ends in a backslash goes on in the next; expectations stand below."""
    for match in re.finditer(r"(?P<command>(?:.*\\\n)*.+\n)(?P<said>(?:# -> .*\n)*)", snippet.text):
        command, _, exit_code = match["command"].rstrip().partition("  # exit ")
        ran = subprocess.run(["sh", "-ec", command], capture_output=True, text=True, timeout=120, check=False)
        if ran.returncode != int(exit_code or 0):
            raise WrongError(f"{command}\nexited with {ran.returncode}: {ran.stderr}")
        said = "".join(f"{line.removeprefix('# -> ')}\n" for line in match["said"].splitlines())
        if said and not _agrees(said, ran.stdout):
            raise WrongError(f"{command}\nthe page says\n{said}found\n{ran.stdout}{ran.stderr}")


def _new_names() -> dict[str, Any]:
    # Not `__main__`: classes of a page are not to be found there by other processes.
    return {"__name__": "page", "_expect": _expect, "_expect_error": _expect_error}


def execute(page: Path, kinds: Collection[str]) -> None:
    """Runs the snippets of these kinds here."""
    names = _new_names()
    for snippet in snippets(page):
        if snippet.kind not in kinds:
            continue
        if snippet.kind == "sh":
            run_sh(snippet)
        elif snippet.kind.endswith(" alone"):
            run_alone(snippet)
        else:
            exec(compile_python(snippet), names)  # noqa: S102


def run_alone(snippet: Snippet) -> None:
    """Runs a snippet in a new process."""
    command = [sys.executable, __file__, str(snippet.page), "line", str(snippet.line)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if ran.returncode != 0:
        raise WrongError(f"line {snippet.line} exited with {ran.returncode}: {ran.stderr}")


def execute_alone(page: Path, line: int) -> None:
    """Runs the snippet that begins in a line."""
    (snippet,) = (snippet for snippet in snippets(page) if snippet.line == line)
    exec(compile_python(snippet), _new_names())  # noqa: S102


def differences_section() -> str:
    """What the page on moving from array_record says of `differences.toml`: a table for each reason."""
    table = tomllib.loads((ROOT / "python/tests/differences.toml").read_text(encoding="utf-8"))["difference"]

    def code(text: str) -> str:
        return "`` " + text.replace("|", "\\|") + " ``" if "`" in text else "`" + text.replace("|", "\\|") + "`"

    lines = [""]
    for reason in dict.fromkeys(row["reason"] for row in table):
        lines += [f"**{reason}**", "", "| call | upstream | Windrow |", "| --- | --- | --- |"]
        for row in table:
            if row["reason"] == reason:
                lines.append(f"| {code(row['call'])} | {code(row['upstream'])} | {code(row['ours'])} |")
        lines.append("")
    return "\n".join([*lines, ""])


def rewrite_differences(page: Path) -> None:
    content = page.read_text(encoding="utf-8")
    section = differences_section()
    page.write_text(_DIFFERENCES.sub(lambda _: section, content), encoding="utf-8")


def _anchors(page: Path) -> set[str]:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _links(page: Path) -> Iterator[tuple[Path, str]]:
    """File and anchor of each relative link."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target):
            name, _, anchor = target.partition("#")
            yield (page.parent / name).resolve() if name else page, anchor


def _first_cells(page: Path, heading: str) -> list[str]:
    """The words in code that begin the rows of the tables under a heading."""
    text = page.read_text(encoding="utf-8").split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| `(\w+)`", text, re.MULTILINE)


def _keywords(name: str) -> list[str]:
    """The options that the stubs declare."""
    tree = ast.parse((ROOT / "python/windrow/_core.pyi").read_text(encoding="utf-8"))
    declared = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    fields = [node.target for node in declared.body if isinstance(node, ast.AnnAssign)]
    return [field.id for field in fields if isinstance(field, ast.Name)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_runs(page: Path, tmp_path: Path) -> None:
    ran = run(page, tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_is_of_a_known_kind(page: Path) -> None:
    content = page.read_text(encoding="utf-8")
    assert content.count("```") == 2 * len(snippets(page))
    assert {snippet.kind for snippet in snippets(page)} <= set(KINDS)


def test_snippets_for_loaders_are_python() -> None:
    found = [snippet for page in PAGES for snippet in snippets(page) if "loaders" in snippet.kind]
    assert found
    for snippet in found:
        compile_python(snippet)


def test_what_is_installed_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = [
        line for page in PAGES for snippet in snippets(page, "sh install") for line in snippet.text.splitlines()
    ]
    assert commands
    for command in commands:
        words = command.partition("#")[0].split()
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE), command
        else:
            paths = [word for word in words if "/" in word and not word.startswith(("target/", "/"))]
            assert paths and all((ROOT / path).exists() for path in paths), command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for file, anchor in _links(page):
        assert file.exists(), file
        assert not anchor or anchor in _anchors(file), f"{file.name}#{anchor}"


def test_the_index_names_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    assert {file for file, _ in _links(index)} >= set(PAGES) - {index}


def test_the_migration_page_lists_every_difference() -> None:
    content = (ROOT / "docs/from-array-record.md").read_text(encoding="utf-8")
    stated = _DIFFERENCES.search(content)
    assert stated is not None
    assert stated[0] == differences_section(), "run: python python/tests/test_documentation.py differences"


def test_the_page_on_errors_lists_every_class() -> None:
    errors = importlib.import_module("windrow._errors")
    classes = {name for name, value in vars(errors).items() if getattr(value, "__module__", "") == errors.__name__}
    assert set(_first_cells(ROOT / "docs/errors.md", "Classes")) == classes


def test_the_page_on_errors_lists_every_attribute() -> None:
    attributes = set(windrow.WindrowError.__annotations__)
    assert attributes
    assert set(_first_cells(ROOT / "docs/errors.md", "Attributes")) == attributes


@pytest.mark.parametrize(
    ("heading", "name"), [("Reader options", "_ReaderKeywords"), ("Writer options", "_WriterKeywords")]
)
def test_the_page_on_choosing_lists_every_option(heading: str, name: str) -> None:
    assert _first_cells(ROOT / "docs/choosing.md", heading) == _keywords(name)


WRONG = {
    "another value": ("```python\n1 + 1  # -> 3\n```\n", "says 3, found 2"),
    "another value below": ("```python\nsum(\n    [1, 1]\n)\n# -> 3\n```\n", "says 3, found 2"),
    "another message": ("```python\nint('x')  # raises ValueError: no\n```\n", "says ValueError: no, found"),
    "another class": ("```python\nint('x')  # raises KeyError\n```\n", "says KeyError, found ValueError"),
    "no error": ("```python\nint('1')  # raises ValueError\n```\n", "says ValueError, found 1"),
    "an error": ("```python\nint('x')\n```\n", "invalid literal"),
    "an expectation of a statement": ("```python\na = 1  # -> 1\n```\n", "behind no expression, in lines [2]"),
    "another output": ("```sh\necho 1\n# -> 2\n```\n", "the page says"),
    "another exit code": ("```sh\nfalse\n```\n", "exited with 1"),
    "another output of the first": ("```sh\necho 1\n# -> 2\necho 3\n# -> 3\n```\n", "the page says"),
    "an exit code in the middle": ("```sh\nfalse\ntrue\n```\n", "exited with 1"),
    "one that stands alone": ("```python alone\n1  # -> 2\n```\n", "says 2, found 1"),
    "no exit code": ("```sh\ntrue  # exit 1\n```\n", "exited with 0"),
    "the second block": ("```python\na = 1\n```\n\n```python\na  # -> 2\n```\n", "says 2, found 1"),
}
"""Pages that must be refused, and what the error says."""


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_page_is_noticed(wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    text, said = WRONG[wrong]
    page.write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises((WrongError, ValueError), match=re.escape(said)):
        execute(page, ALWAYS)


RIGHT = """
```python
a = b"x" * 3
a  # -> b'xxx'
[  # more than a line
    a
]
# -> [b'x...']
int("x")  # raises ValueError: invalid literal...
with open("file", "w") as file:
    file.write("2\\n")  # -> 2
```

```sh
cat file
# -> 2
cat nothing  # exit 1
```

```python alone
__name__  # -> 'page'
"a" in globals()  # -> False
```

```python loaders
never = a / 0
```
"""


def test_a_right_page_runs(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(RIGHT, encoding="utf-8")
    assert [snippet.line for snippet in snippets(page)] == [3, 15, 21, 26]
    ran = run(page, tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "TypeError" in run(page, tmp_path, WITH_LOADERS).stderr


if __name__ == "__main__":
    if sys.argv[1:] == ["differences"]:
        rewrite_differences(ROOT / "docs/from-array-record.md")
    elif sys.argv[2] == "line":
        execute_alone(Path(sys.argv[1]), int(sys.argv[3]))
    else:
        execute(Path(sys.argv[1]), sys.argv[2:])
