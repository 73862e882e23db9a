"""A small day of a published history, played whole, on the day that has 23 hours."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.playing import play, refused
from tests.soak.progress import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

HISTORY = str(ROOT / "demo/history.csv")


def test_a_day_of_a_history_is_played_and_paid_at_both_ends(tmp_path: Path) -> None:
    said = play(tmp_path / "played", "--input", HISTORY, "--date", "2026-03-29")
    for line in (
        "7 rows of a history, 2 FSPs",
        "ALPHA-CHARGING-LTD  acknowledges received 3, offers 2",
        "ALPHA-CHARGING-LTD's agent is killed with SIGKILL",
        "BETA-ENERGY         completed 1, executing 1",
    ):
        assert line in said
    paid = json.loads((tmp_path / "played/statement.json").read_text())
    held = {
        one["fsp"]: sorted(x["paid_minor"] for x in one["lines"] if x["what"] == "availability")
        for one in paid
    }
    assert held == {"ALPHA-CHARGING-LTD": [304, 400], "BETA-ENERGY": [68]}
    with closing(sqlite3.connect(tmp_path / "played/vtn/vtn.db")) as db:
        texts = [json.loads(text) for (text,) in db.execute("SELECT text FROM messages")]
    metered = [m["body"]["metered_w"] for m in texts if m["kind"] == "post_action"]
    assert metered
    assert {len(series) for series in metered} == {46}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--input", HISTORY), "which day? --date yyyy-mm-dd is due with --input"),
        (("--input", HISTORY, "--date", "2026-03-30"), "days with most rows: 2026-03-29"),
        (("--input", "nowhere.csv", "--date", "2026-03-30"), "nowhere.csv: No such file"),
        (("--input", "Makefile", "--date", "2026-03-30"), "Makefile, line 1: no column"),
    ],
)
def test_what_cannot_be_played_is_said_in_words(words: tuple[str, ...], says: str) -> None:
    assert says in refused(*words)
