"""Generated pages are what would be generated."""

from pathlib import Path

import pytest

from docs.__main__ import DOCS, PAGES, main
from docs.reference import states
from ukprofile.flex.states import TABLE, Event, State


@pytest.mark.parametrize("path", PAGES)
def test_the_page_is_what_make_docs_writes(path: str, tmp_path: Path) -> None:
    main(tmp_path)
    assert (DOCS / path).read_text() == (tmp_path / path).read_text(), "run: make docs"


def test_the_page_of_states_draws_every_move_and_names_every_pair() -> None:
    page = states.page()
    lines = page.splitlines()
    for row in TABLE:
        for origin in row.origins:
            if row.to not in (None, origin):
                start = "[*]" if origin is State.NONE else origin
                assert any(line.startswith(f"    {start} --> {row.to}: ") for line in lines)
    every = page[page.index("## Every pair") : page.index("## Timers")]
    assert all(f"| `{event}` |" in every for event in Event)
    assert "| `cease` | ceased | cancelled |" in every
