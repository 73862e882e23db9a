"""What was agreed with whom, by the rows of a history."""

from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.deals import Deal, deals_of, windows_of
from tests.published import START, available, cells, published
from ukprofile.flex.contract import Window, inside
from ukprofile.flex.dispatch import Period
from ukprofile.flex.history import HistoryRow, bounded_lines, read_history

HOUR = timedelta(hours=1)


def rows_of(*rows: dict[str, str]) -> list[HistoryRow]:
    return list(read_history(bounded_lines(BytesIO(published(*rows))), "h.csv"))


def shown(deals: list[Deal]) -> list[tuple[str, int, int, int]]:
    """Each deal as its name, its power, and how many rows it holds and uses."""
    return [(d.name, d.capacity_w, len(d.held), len(d.used)) for d in deals]


def test_what_is_used_within_what_is_held_ready_is_one_deal_and_its_double_another():
    held = available(hours=4)
    used = cells(utilisation="0.05", start=START + HOUR, utilisation_price="270")
    deals = deals_of(rows_of(held, held | {"availability_price": "25"}, used), "NORTH")
    assert shown(deals) == [("NORTH:SEVEN-1", 50_000, 1, 1), ("NORTH:SEVEN-1-2", 50_000, 1, 0)]
    terms = deals[0].terms("A1")
    assert terms["price"] == {
        "currency": "GBP",
        "availability_minor_per_mw_h": 1000,
        "utilisation_minor_per_mwh": 27_000,
    }
    assert (terms["product"], terms["zone"], terms["capacity_w"]) == ("PR", "Hendon-Way", 50_000)


@pytest.mark.parametrize(
    "other",
    [
        {"utilisation_price": "91"},
        {"utilisation": "0.03", "hours": 1},  # at the same time
        {"dispatch_type": "demand_turn_up"},
        {"company_name": "FSP Eight Ltd"},
        {"zone": "Cobham"},
    ],
)
def test_another_price_time_direction_or_party_is_another_deal(other):
    later = {} if "hours" in other else {"start": START + HOUR}
    assert len(deals_of(rows_of(cells(), cells(**later, **other)), "NORTH")) == 2
    assert len(deals_of(rows_of(cells(), cells(start=START + HOUR)), "NORTH")) == 1


def test_more_than_is_held_ready_or_outside_of_it_is_no_part_of_that_deal():
    held = available(product="Scheduled Availability")
    for used in (cells(utilisation="0.06"), cells(hours=2, utilisation="0.05")):
        one, other = deals_of(rows_of(held, used | {"product": held["product"]}), "NORTH")
        assert (one.product, other.product) == ("SA+OU", "OU")


def test_names_are_unlike_though_the_texts_differ_only_in_what_a_name_may_not_hold():
    units = [cells(fu_id=unit) for unit in ("W. W-PR", "W W PR", "£")]
    companies = [cells(company_name=name, fu_id=name) for name in ("A.B", "A B", "NORTH", "vtn")]
    deals = deals_of(rows_of(*units, *companies), "NORTH")
    assert len({deal.name for deal in deals}) == 7
    parties = {deal.party for deal in deals}
    assert parties == {"FSP-SEVEN-LTD", "A-B", "A-B-2", "NORTH-2", "VTN-2"}


half_hours = st.integers(0, 48 * 370).map(lambda n: datetime(2025, 1, 1, tzinfo=UTC) + n * HOUR / 2)


@given(half_hours, st.integers(1, 48))
@pytest.mark.parametrize(
    "first", [datetime(2025, 3, 30, tzinfo=UTC), datetime(2025, 10, 26, tzinfo=UTC), None]
)
def test_windows_are_just_that_time_also_where_the_clocks_change(first, start, halves):
    start = (
        start if first is None else first + (start - datetime(2025, 1, 1, tzinfo=UTC)) % (4 * HOUR)
    )
    end = start + halves * HOUR / 2
    windows = [Window.read(value) for value in windows_of(start, end)]
    spans = [
        span
        for window in windows
        for n in range(-1, 3)
        if (span := window.on(start.date() + timedelta(days=n)))
    ]
    spans = [span for span in spans if span[0] < end and start < span[1]]
    assert (min(a for a, _ in spans), max(b for _, b in spans)) == (start, end)
    assert inside(Period(0, start, end), windows)
    assert date(2025, 1, 1) <= start.date()
