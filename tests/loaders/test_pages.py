"""The snippets of the documentation that need torch or Grain."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "python" / "tests"))
from test_documentation import PAGES, WITH_LOADERS, run, snippets  # noqa: E402

NEED_LOADERS = [page for page in PAGES if any("loaders" in snippet.kind for snippet in snippets(page))]


@pytest.mark.parametrize("page", NEED_LOADERS, ids=[page.name for page in NEED_LOADERS])
def test_page(page: Path, tmp_path: Path) -> None:
    ran = run(page, tmp_path, WITH_LOADERS)
    assert ran.returncode == 0, ran.stderr
