"""Generated pages are what would be generated."""

from pathlib import Path

import pytest

from docs.__main__ import DOCS, PAGES, main


@pytest.mark.parametrize("path", PAGES)
def test_the_page_is_what_make_docs_writes(path: str, tmp_path: Path) -> None:
    main(tmp_path)
    assert (DOCS / path).read_text() == (tmp_path / path).read_text(), "run: make docs"
