"""The reason codes are those of the profile, row by row, and every refusal has one."""

import csv
import re

import pytest

from tests.shared import SHARED, needs_shared
from ukprofile.codes import CODES
from ukprofile.errors import Refused


def _rows() -> list[list[str]]:
    lines = (SHARED / "examples/codes.md").read_text().splitlines() if SHARED.is_dir() else []
    cells = [[c.strip() for c in line.strip("| ").split("|")] for line in lines]
    return [row for row in cells if len(row) == 7 and row[0].startswith("`")]


@needs_shared
def test_every_code_of_the_profile_is_here_with_its_step_alarm_status_and_log() -> None:
    rows = _rows()
    assert len(rows) == 64
    for name, _, step, alarm, _, http, security in rows:
        code = CODES[name.strip("`")]
        status = re.search(r"\d{3}", http)
        assert code.step == int(step), name
        assert code.alarm == (alarm.strip("`") if alarm != "`-`" else None), name
        assert code.http == (int(status[0]) if status else None), name
        assert code.security is (security == "yes"), name


@needs_shared
def test_every_reason_of_the_first_level_refusals_is_known() -> None:
    with (SHARED / "negatives.csv").open(newline="") as file:
        wanted = {row["reason"] for row in csv.DictReader(file) if row["level"] == "1"}
    unknown = wanted - set(CODES)
    later = {
        "PROBLEM_BODY",  # a rule about every error, not a reason of one
    }
    assert unknown <= later


def test_a_refusal_says_what_where_and_whether_the_security_log_hears_of_it() -> None:
    refusal = Refused("NAME_INVALID", "U+202E is invisible; leave it out", path="/programName")
    assert str(refusal) == "NAME_INVALID at /programName: U+202E is invisible; leave it out"
    assert refusal.security
    assert not Refused("NAME_INVALID", security=False).security
    assert Refused("NOT_FOUND").detail == CODES["NOT_FOUND"].meaning


def test_a_reason_that_is_in_no_table_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        Refused("NO_SUCH_CODE")
