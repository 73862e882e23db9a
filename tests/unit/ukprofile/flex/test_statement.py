"""Lines, pence, sums and spans of a statement, and two of them compared."""

from datetime import UTC, datetime
from fractions import Fraction

import pytest

from ukprofile.errors import Refused
from ukprofile.flex.common import Price
from ukprofile.flex.counted import Counted
from ukprofile.flex.statement import RULE, Span, Trace, availability, made_of, utilisation
from ukprofile.flex.statement_text import COLUMNS, heading, read_statements, rows

MWH = 3_600_000_000 * 1_000_000


PENCE = Price("GBP", 100)


def used(mwh: Fraction, price: Price | None = PENCE, thread="D1", start="17:00"):
    amount = mwh * MWH
    return utilisation(
        Counted(amount, amount, amount, amount), price, contract_id="C", thread=thread,
        state="reported", start=f"2026-11-24T{start}:00Z", end="2026-11-24T18:00:00Z",
        assets=("A",), trace=Trace(award="ACC"),
    )  # fmt: skip


@pytest.mark.parametrize(("pence", "paid"), [("1/2", 0), ("3/2", 2), ("5/2", 2), ("249/100", 2)])
def test_a_line_is_paid_to_the_penny_halves_to_even(pence, paid):
    assert used(Fraction(pence) / 100).paid_minor == paid


def test_sums_are_of_lines_as_printed_and_each_currency_has_its_own():
    half = Fraction(3, 200)  # 1.5 pence: each line 2, together 3 if rounded once
    offered = Fraction(2 * MWH)
    reserved = availability(
        offered, offered / 2, Price("GBP", None, 51), paid=True, contract_id="C", thread="ACC",
        state="accepted", start="2026-11-24T16:00:00Z", end="", assets=("A",), trace=Trace(),
    )  # fmt: skip
    euros, free = used(Fraction(1), Price("EUR", 9), "D3"), used(Fraction(1), None, "D4")
    lines = [used(half, thread="D2", start="18:00"), used(half), reserved, euros, free]
    found = made_of("UKPN", "FSP7", Span(), lines)
    assert [line.thread for line in found.lines] == ["ACC", "D1", "D3", "D4", "D2"]
    euro, pound = found.sums
    assert (euro.currency, euro.paid_minor, euro.counted_wh) == ("EUR", 9, 1_000_000)
    assert (pound.utilisation_minor, pound.availability_minor, pound.paid_minor) == (4, 51, 55)
    assert pound.asked_wh == 2 * 15_000
    table = rows(found.to_json())
    assert all(set(row) <= set(COLUMNS) for row in table)
    assert [row["paid"] for row in table] == [
        "£0.51", "£0.02", "9 EUR", "0", "£0.02", "9 EUR", "£0.55",
    ]  # fmt: skip
    assert [row["line"] for row in table][:2] == ["ACC", "D1 < ACC"]
    assert heading(found.to_json()) == f"UKPN pays FSP7\n{RULE}"
    assert "no performance factor" in RULE


def test_a_day_is_londons_and_an_instant_has_an_offset():
    def hours(day: str) -> float:
        span = Span.read(day=day)
        return (span.until - span.since).total_seconds() / 3600

    assert [hours(f"2026-{day}") for day in ("03-29", "06-20", "10-25")] == [23, 24, 25]
    span = Span.read(since="2026-06-20T01:00:00+01:00", until="2026-06-21T00:00:00Z")
    assert span.since == datetime(2026, 6, 20, tzinfo=UTC)
    inside = [datetime(2026, 6, day, tzinfo=UTC) in span for day in (19, 20, 21)]
    assert inside == [False, True, False]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"day": "24.11.2026"}, "--day '24.11.2026' is no day yyyy-mm-dd"),
        ({"day": "9999-12-31"}, "--day '9999-12-31' is no day"),
        ({"day": "2026-11-24", "until": "x"}, "--day stands alone"),
        ({"since": "yesterday"}, "--from 'yesterday' is no time"),
        ({"until": "2026-11-24T16:00:00"}, "--to '2026-11-24T16:00:00' has no offset"),
        ({"since": "0001-01-01T00:00:00+01:00"}, "--from .* lies outside the calendar"),
        ({"since": "2026-11-24T16:00Z", "until": "2026-11-24T16:00Z"}, "--to lies after --from"),
    ],
)
def test_a_span_that_cannot_be_read_is_named(options, why):
    with pytest.raises(Refused, match=why):
        Span.read(**options)


@pytest.mark.parametrize("value", [1, None, [[]], [{}], {"lines": 1}, {"lines": [1]}])
def test_what_is_no_statement_is_not_compared(value):
    with pytest.raises(Refused, match="no statement"):
        read_statements(value)
