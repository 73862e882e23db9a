"""The demo's day on the two days of the year that have 23 and 25 hours."""

import json
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.playing import play

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


# The night dispatch lies across either change.
@pytest.mark.parametrize(
    ("date", "half_hours", "hours", "first"),
    [("2026-03-29", 46, 1, "00:30"), ("2026-10-25", 50, 3, "23:30")],
    ids=["forward", "back"],
)
def test_the_day_of_a_clock_change_is_played_as_it_is(
    tmp_path: Path, date: str, half_hours: int, hours: int, first: str
) -> None:
    play(tmp_path / "played", "--date", date)
    with closing(sqlite3.connect(tmp_path / "played/vtn/vtn.db")) as db:
        texts = [json.loads(text) for (text,) in db.execute("SELECT text FROM messages")]
    (night,) = [m for m in texts if m["kind"] == "instruction" and m["thread"] == "DSP-NIGHT"]
    (period,) = night["body"]["periods"]
    start, end = (datetime.fromisoformat(period[name]) for name in ("start", "end"))
    assert (f"{start:%H:%M}", end - start) == (first, timedelta(hours=hours))
    log = (tmp_path / "played/acme/devices/NORTH-AS-000101.jsonl").read_text().splitlines()
    held = json.loads(log[0])
    assert (held["from"], held["to"]) == (period["start"], period["end"])
    metered = [m["body"] for m in texts if m["kind"] == "post_action"]
    assert len(metered) == 6
    for body in metered:
        series = ("metered_w", "baseline_w", "delivered_wh", "quality")
        assert {len(body[name]) for name in series} == {half_hours}
    delivered = next(
        sum(m["body"]["delivered_wh"])
        for m in texts
        if m["kind"] == "post_action" and m["in_reply_to"]["thread"] == "DSP-NIGHT"
    )
    assert delivered == pytest.approx(500_000 * hours, rel=0.02)
