"""The generated reference pages are what would be generated now."""

from pathlib import Path

from docs import generate
from docs.reference import states
from ukprofile.flex.states import TABLE, Event, State


def test_the_pages_are_up_to_date() -> None:
    assert generate.outdated() == [], "run: make docs"


def test_an_outdated_page_is_named_and_written_anew(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(generate, "FOLDER", tmp_path)
    assert generate.main(["--check"]) == 1
    assert capsys.readouterr().out == "out of date: docs/reference/states.md\n"
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    (tmp_path / "states.md").write_text("edited by hand")
    assert generate.outdated() == ["states.md"]


def test_the_page_draws_every_move_and_names_every_pair() -> None:
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
