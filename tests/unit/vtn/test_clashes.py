"""What lies across a confirmed dispatch: pairs that overlap, and what their FSP cannot run."""

from dataclasses import replace
from datetime import datetime
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.made import header, held, minute, period
from ukprofile.flex.common import Asset
from ukprofile.flex.dispatch import Held, Period
from ukprofile.flex.times import time_text
from ukprofile.receiving import Slot
from vtn.domain.alarm import Cause, Severity
from vtn.domain.clashes import Absence, Claim, absences, overlaps, touched

NOW = minute(0)


def claim(thread: str, number: int, *periods: Period, assets=("A1",), **changes) -> Claim:
    slot = Slot("UKPN", "FSP7", "sandbox", changes.pop("contract", "UKPN:C1"), "dispatch", thread)
    made = Claim(slot, number, tuple(Asset(a) for a in assets), periods, "DSO", None, minute(0))
    return replace(made, **changes)


FIRST = claim("D1", 1, period(0, 60, 120))
SECOND = claim("D2", 2, period(0, 90, 150, 500_000))


def clash(mine: Claim, *others: Claim, now: datetime = NOW):
    return list(overlaps(mine, others, now))


def test_of_two_that_overlap_the_younger_tells() -> None:
    (found,) = clash(SECOND, FIRST)
    assert clash(FIRST, SECOND) == clash(FIRST, FIRST) == []
    assert (found.thread, found.code, found.severity) == ("D2", "OVERLAP", Severity.NOTICE)
    assert found.text == (
        "D2 (UKPN:C1, DSO) and D1 (UKPN:C1, DSO) both have A1 from 2026-11-24T16:30:00Z to "
        "2026-11-24T17:00:00Z: they add up to +1,500,000 W"
    )


def test_neither_time_nor_assets_alone_make_an_overlap() -> None:
    assert clash(replace(SECOND, periods=(period(0, 120, 150),)), FIRST) == []
    assert clash(replace(SECOND, assets=(Asset("A2"),)), FIRST) == []
    assert clash(replace(SECOND, assets=(Asset("A2"), Asset("A1"))), FIRST) != []


def test_an_overlap_is_over_when_the_shared_time_is() -> None:
    assert clash(SECOND, FIRST, now=minute(119)) != []
    assert clash(SECOND, FIRST, now=minute(120)) == []


def test_two_contracts_may_have_one_asset() -> None:
    (found,) = clash(replace(SECOND, slot=replace(SECOND.slot, program="UKPN:C2")), FIRST)
    assert "D2 (UKPN:C2, DSO) and D1 (UKPN:C1, DSO)" in found.text


SETPOINT = Period(0, minute(90), minute(150), None, 5_000)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"origin": "NESO"}, "no priority decides between them: settle it"),
        ({"origin": "NESO", "priority": 1}, "no priority decides between them: settle it"),
        ({"periods": (period(0, 90, 150, -400_000),)}, "opposite directions, +600,000 W in all"),
        ({"periods": (SETPOINT,)}, "the newer set-point hides the other"),
    ],
)
def test_what_does_not_simply_add_up_is_an_alarm(changes, says) -> None:
    (found,) = clash(replace(SECOND, **changes), FIRST)
    assert found.severity is Severity.ALARM
    assert says in found.text


@pytest.mark.parametrize(("mine", "theirs", "first"), [(1, 2, "D2"), (2, 1, "D1")])
def test_of_two_parties_priority_says_which_comes_first(mine, theirs, first) -> None:
    neso = replace(SECOND, origin="NESO", priority=mine)
    (found,) = clash(neso, replace(FIRST, priority=theirs))
    assert f"D2 (UKPN:C1, NESO, priority {mine})" in found.text
    second = {"D1": "D2", "D2": "D1"}[first]
    assert found.text.endswith(f"; {first} comes first: vary or cease {second}")
    equal = replace(FIRST, priority=mine)
    assert "settle it" in clash(neso, equal)[0].text


def test_a_notice_that_becomes_an_alarm_is_told_again() -> None:
    (notice,) = clash(SECOND, FIRST)
    (alarm,) = clash(replace(SECOND, origin="NESO"), FIRST)
    assert notice.key != alarm.key


some_claims = st.lists(
    st.builds(
        lambda number, start, length, assets, origin: claim(
            f"D{number}", number, period(0, start, start + length), assets=assets, origin=origin
        ),
        st.integers(1, 3),
        st.integers(0, 5),
        st.integers(1, 3),
        st.sampled_from([("A1",), ("A2",), ("A1", "A2")]),
        st.sampled_from(["DSO", "NESO"]),
    ),
    max_size=4,
    unique_by=lambda c: c.slot.thread,
)


@given(some_claims)
def test_each_pair_is_told_once_in_whatever_order_they_are_asked(claims) -> None:
    keys = {
        frozenset(c.key for mine in order for c in overlaps(mine, order, NOW))
        for order in permutations(claims)
    }
    assert len(keys) == 1
    told = [c.key for mine in claims for c in overlaps(mine, claims, NOW)]
    assert len(told) == len(set(told))


# -- what cannot run -------------------------------------------------------------------------------


def text(kind: str, issued: int, revision: int, body: dict, **changes) -> tuple[Slot, Held]:
    family = changes.pop("family", kind)
    slot = Slot("FSP7", "UKPN", "sandbox", "UKPN:C1", family, changes.pop("thread", "U1"))
    head = header(kind, issued, issuer="FSP7", recipient="UKPN", revision=revision)
    made = replace(held(kind, issued), header=head, body=body, sha256=f"{revision:064x}")
    return slot, replace(made, **changes)


def away(start: int, end: int, unit: str = "A1", **changes) -> dict:
    return {
        "contract_id": "UKPN:C1",
        "zone": "Z1",
        "assets": [{"asset_id": "A1"}],
        "unit": unit,
        "from": time_text(minute(start)),
        "to": time_text(minute(end)),
        "reason": "MAINTENANCE",
        **changes,
    }


def offer(*spans: tuple[int, int]) -> dict:
    periods = [
        {"start": time_text(minute(s)), "end": time_text(minute(e)), "delta_w": 1} for s, e in spans
    ]
    assets = [{"asset_id": "A1", "asset_class_id": "C", "energy_source": "solar"}]
    return {"contract_id": "UKPN:C1", "assets": assets, "periods": periods}


def touching(mine: Claim, *texts: tuple[Slot, Held], now: datetime = NOW):
    return list(touched(mine, absences(texts), now))


def test_an_unavailability_that_touches_what_is_confirmed_is_an_alarm() -> None:
    (found,) = touching(FIRST, text("unavailability", 10, 1, away(100, 130)))
    assert (found.cause, found.severity, found.since) == ("unavailable", "alarm", minute(10))
    assert found.text == (
        "FSP7 cannot run A1 from 2026-11-24T16:40:00Z to 2026-11-24T17:10:00Z (MAINTENANCE), "
        "but D1 (UKPN:C1, DSO) is confirmed: vary or cease it, or telephone"
    )


@pytest.mark.parametrize(
    ("body", "now"),
    [
        (away(120, 130), 0),
        (away(30, 60), 0),
        (away(70, 80), 80),
        (away(70, 80, "A2", assets=[{"asset_id": "A2"}]), 0),
        (away(70, 80, contract_id="UKPN:C2"), 0),
    ],
    ids=["after it", "before it", "over", "another asset", "another contract"],
)
def test_an_unavailability_elsewhere_is_none_of_its_concern(body, now) -> None:
    assert touching(FIRST, text("unavailability", 10, 1, body), now=minute(now)) == []


def test_a_unit_may_be_an_asset_group() -> None:
    grouped = replace(FIRST, assets=(Asset("A7", "G1"),))
    assert touching(grouped, text("unavailability", 10, 1, away(70, 80, "G1"))) != []
    assert touching(grouped, text("unavailability", 10, 1, away(70, 80, "G2"))) == []


def test_the_newest_unavailability_of_a_thread_counts() -> None:
    first = text("unavailability", 10, 1, away(70, 80))
    moved = text("unavailability", 11, 2, away(130, 140))
    assert touching(FIRST, first, moved) == touching(FIRST, moved, first) == []
    refused = (moved[0], replace(moved[1], counts=False))
    assert len(touching(FIRST, first, refused)) == 1
    longer = text("unavailability", 11, 2, away(70, 90))
    assert touching(FIRST, first, longer)[0].key != touching(FIRST, first)[0].key
    other = text("unavailability", 11, 3, away(75, 85), thread="U2")
    assert len({c.key for c in touching(FIRST, first, other)}) == 2


def test_an_offer_withdrawn_after_it_was_dispatched_is_a_notice() -> None:
    made = text("availability", 0, 1, offer((0, 30), (100, 130)))
    gone = text(
        "cancellation", 10, 2, {"of": "availability", "reason": "SOLD"}, family="availability"
    )
    assert touching(FIRST, made) == []
    (found,) = touching(FIRST, gone, made)
    assert (found.cause, found.severity) == ("withdrawn", "notice")
    assert "withdrew the offer of A1 from 2026-11-24T16:40:00Z" in found.text
    later = replace(FIRST, confirmed_at=minute(11))
    assert touching(later, made, gone) == [], "the desk knew"
    assert touching(FIRST, gone) == [], "of what, nobody knows"


def test_what_is_absent_is_known_by_its_thread_and_cause() -> None:
    found = absences([text("unavailability", 10, 1, away(70, 80))])
    assert [(a.cause, a.slot.thread, a.revision) for a in found] == [(Cause.UNAVAILABLE, "U1", 1)]
    assert isinstance(found[0], Absence)
