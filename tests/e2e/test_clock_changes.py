"""The demo's day on the day that has 25 hours; that of 23 hours is played in test_history.py."""

import json
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.playing import play

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def test_the_day_of_a_clock_change_is_played_as_it_is(tmp_path: Path) -> None:
    hours, half_hours = 3, 50  # the night dispatch lies across the change
    play(tmp_path / "played", "--date", "2026-10-25")
    with closing(sqlite3.connect(tmp_path / "played/vtn/vtn.db")) as db:
        texts = [json.loads(text) for (text,) in db.execute("SELECT text FROM messages")]
    (night,) = [m for m in texts if m["kind"] == "instruction" and m["thread"] == "DSP-NIGHT"]
    (period,) = night["body"]["periods"]
    start, end = (datetime.fromisoformat(period[name]) for name in ("start", "end"))
    assert (f"{start:%H:%M}", end - start) == ("23:30", timedelta(hours=hours))
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
