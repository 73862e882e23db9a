"""A published history: exact whole units of each row, and every wrong one by line and column."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.published import HEADER, START, available, cells, published
from ukprofile.errors import Refused
from ukprofile.flex.history import (
    MOST_LINE_BYTES,
    HistoryRow,
    bounded_lines,
    each_row,
    read_history,
)


def rows_of(file: bytes) -> list[HistoryRow]:
    return list(read_history(bounded_lines(BytesIO(file)), "h.csv"))


def test_a_row_is_read_in_whole_watts_and_pence():
    used, held = rows_of(published(cells(), available()))
    assert (used.line, used.key) == (2, ("FSP Seven Ltd", "SEVEN-1", "Peak Reduction", START))
    assert (used.utilisation_w, used.availability_w, used.is_dispatch) == (20_000, 0, True)
    assert (used.utilisation_energy_wh, used.utilisation_minor) == (20_000, 180)
    assert (held.is_dispatch, held.availability_w, held.availability_minor) == (False, 50_000, 50)
    assert (held.utilisation_energy_wh, held.utilisation_minor) == (0, 0)


def test_columns_stand_in_any_order_further_ones_are_left_alone_and_any_line_end_will_do():
    row, names = cells(zone='"Bow, East"'), HEADER.split(",")
    turned = [",".join([*reversed(names), "more"]), ",".join([*(row[n] for n in names[::-1]), "x"])]
    file = "\ufeff" + "\r\n".join([*turned, ""])
    (found,) = rows_of(file.encode())
    assert (found.zone, found.utilisation_w) == ("Bow, East", 20_000)
    assert rows_of(published(cells(utilisation="2e-02"))) == rows_of(published(cells()))


@pytest.mark.parametrize(
    ("start", "seconds", "day"),
    [
        # both hours called 01:00, the night the clocks go back: start in the first or the second
        (datetime(2025, 10, 26, 0, 30, tzinfo=UTC), 7200, date(2025, 10, 26)),
        (datetime(2025, 10, 26, 1, 30, tzinfo=UTC), 7200, date(2025, 10, 26)),
        # across the hour that there is not, the night they go forward
        (datetime(2025, 3, 30, 0, 30, tzinfo=UTC), 3600, date(2025, 3, 30)),
        # a summer day begins at 23:00 UTC of the day before
        (datetime(2025, 6, 19, 23, 0, tzinfo=UTC), 3600, date(2025, 6, 20)),
    ],
)
def test_energy_and_day_are_right_on_the_days_the_clocks_change(start, seconds, day):
    (row,) = rows_of(published(cells(start, hours=seconds / 3600)))
    assert (row.start, row.seconds, row.day) == (start, seconds, day)
    assert row.utilisation_energy_wh == 20_000 * seconds // 3600


@given(
    watts=st.integers(1, 10**9),
    seconds=st.integers(1, 366 * 86_400),
    pence=st.integers(0, 10**8),
)
def test_each_row_is_rounded_once_half_to_even(watts, seconds, pence):
    row = cells(
        utilisation=f"{watts // 10**6}.{watts % 10**6:06}",
        utilisation_price=f"{pence // 100}.{pence % 100:02}",
    )
    end = START + timedelta(seconds=seconds)
    (found,) = rows_of(published(row | {"end_time_utc": str(end), "end_time_local": str(end)}))
    hours = Fraction(seconds, 3600)
    for exact, whole in (
        (Fraction(watts, 10**6) * hours * pence, found.utilisation_minor),
        (watts * hours, found.utilisation_energy_wh),
    ):
        assert abs(exact - whole) <= Fraction(1, 2)
        assert abs(exact - whole) < Fraction(1, 2) or whole % 2 == 0


WRONG = [
    ({"utilisation_mw_req": "NaN"}, "column utilisation_mw_req: 'NaN' is no num"),
    ({"utilisation_mw_req": "1e999"}, "column utilisation_mw_req: '1e999' is no number"),
    ({"utilisation_mw_req": ""}, "column utilisation_mw_req: '' is no number"),
    ({"utilisation_mw_req": "-0.02"}, "-0.02 is negative"),
    ({"utilisation_mw_req": "1e9"}, "1e9 is more than 100,000,000,000 W"),
    ({"utilisation_mw_req": "0.0000001"}, "no whole number of W: round it"),
    ({"utilisation_mw_req": "0.0"}, "column utilisation_mw_req: 0, and availability_mw_req too"),
    ({"utilisation_price": "90.001"}, "column utilisation_price: 90.001 is no whole .* of pence"),
    ({"availability_price": "inf"}, "column availability_price"),
    ({"hours_requested": "four"}, "column hours_requested: 'four'"),
    ({"start_time_utc": "2025-06-20 15:30:00"}, "column start_time_utc: .* no offset"),
    ({"start_time_utc": "20/06/2025 15:30"}, "column start_time_utc: .* is no time: write it"),
    ({"start_time_utc": "2025-06-20 16:30:00+01:00"}, "column start_time_utc: .* is not in UTC"),
    ({"start_time_local": "2025-06-20T15:30:00+01:00"}, "column start_time_local: .* another inst"),
    ({"end_time_local": "2025-06-20T15:30:00+00:00"}, "column end_time_local: .* another instant"),
    ({"end_time_utc": "0001-01-01 00:00:00+01:00"}, "column end_time_utc: .* 2000 to 2199"),
    (cells(START, hours=-1), "column end_time_utc: .* is not after the start"),
    (cells(START, hours=9000), "more than 366 days after the start"),
    ({"company_name": "  "}, "column company_name: is empty"),
    ({"zone": "a\x1b[2J"}, "column zone: .* is no name"),
    ({"fu_id": "x" * 201}, "column fu_id: .* is no name"),
    ({"dispatch_type": "up"}, "column dispatch_type: 'up' is none: write one of demand_turn_down"),
    ({"zone": "Bow, East"}, "has 20 columns, the first line names 19: a comma"),
    ({"zone": '"Bow'}, "close each quotation mark"),
]


@pytest.mark.parametrize(("over", "why"), WRONG)
def test_a_wrong_cell_is_named_by_line_and_column_and_the_rows_after_it_are_looked_at(over, why):
    file = published(cells(), cells() | over, cells())
    with pytest.raises(Refused, match=f"h.csv, line 3.*{why}") as refused:
        rows_of(file)
    assert "line 3" in refused.value.detail
    found = [type(one) for one in each_row(bounded_lines(BytesIO(file)), "h.csv")]
    assert found == [HistoryRow, Refused, HistoryRow]


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (b"", "h.csv is empty"),
        (published(header=HEADER.replace("zone,", "")), "line 1: no column zone"),
        (published(header=HEADER + ",zone"), "line 1: column zone stands there twice"),
        (published(header=HEADER.replace(",", ";")), "line 1: no column company_name"),
        (published(cells()).decode().encode("utf-16"), "ENCODING: h.csv, line 1: byte 1 is not"),
        (published(cells(zone="Caf\u00e9")).decode().encode("latin-1"), "line 2: byte .* UTF-8"),
        (published(cells(zone="a\0b")), "ENCODING: h.csv, line 2: a NUL byte"),
        (published(cells(), cells(zone="x" * MOST_LINE_BYTES)), "line 3: longer than 8192 bytes"),
    ],
)
def test_what_is_no_such_file_is_refused_whole(file, why):
    with pytest.raises(Refused, match=why):
        rows_of(file)


@given(st.binary(max_size=300))
def test_whatever_stands_in_a_line_is_a_row_or_refused(line):
    faults: list[Refused] = []
    try:
        found = each_row(bounded_lines(BytesIO(published(cells()) + line)), "h.csv")
        faults += [one for one in found if isinstance(one, Refused)]
    except Refused as refused:
        faults.append(refused)
    assert all("h.csv, line " in fault.detail for fault in faults)
