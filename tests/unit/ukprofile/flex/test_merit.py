"""Merit order: never over, cheapest first, and nothing missing that an offer could have met."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.made import minute
from ukprofile.flex.common import Asset, Price
from ukprofile.flex.merit import SAYS, Merit, Missing, Offer, merit
from ukprofile.flex.offer import Acceptance, Availability, OfferedAsset, OfferedPeriod
from ukprofile.flex.request import Request

REQUEST = Request(
    service_product="OU",
    zone="Z1",
    start=minute(60),
    end=minute(180),
    delta_w=2_500_000,
    respond_by=minute(30),
    min_offer_w=100_000,
)
NOW = minute(40)


def of(start: int, end: int, watts: int, **more: Any) -> OfferedPeriod:
    return OfferedPeriod(start=minute(start), end=minute(end), delta_w=watts, **more)


def offer(
    name: str,
    *periods: OfferedPeriod,
    price: int | None = 20_000,
    available: int | None = None,
    currency: str = "GBP",
    assets: tuple[str, ...] = (),
    **changes: Any,
) -> Offer:
    """An offer of FSP `name` from minute 0, of an asset of its own."""
    body = {
        "contract_id": f"UKPN:{name}",
        "zone": "Z1",
        "assets": tuple(OfferedAsset(asset_id=a, asset_class_id="C", energy_source="Demand")
                        for a in assets or (name,)),
        "periods": periods or (of(60, 180, 1_000_000),),
        "price": Price(currency, price, available),
    }  # fmt: skip
    given_body = {k: changes.pop(k) for k in ("zone", "dispatch_type") if k in changes}
    made = {"received_at": minute(0), "valid_until": minute(180), "thread": "AV1", **changes}
    return Offer(provider=name, body=Availability(**{**body, **given_body}), **made)


def ranked(*offers: Offer, request: Request = REQUEST, **around: Any) -> Merit:
    return merit(request, offers, around.pop("now", NOW), **{"currency": "GBP", **around})


def taken(found: Merit) -> list[tuple[str, list[tuple[int, int, int]], str]]:
    """(provider, [(from minute, to minute, watts)], reason) in merit order."""
    return [
        (r.offer.provider, [(_at(p.start), _at(p.end), p.delta_w) for p in r.taken], r.reason)
        for r in found.ranked
    ]


def _at(when: datetime) -> int:
    return int((when - minute(0)) / timedelta(minutes=1))


def test_the_cheapest_are_taken_whole_and_the_last_in_part() -> None:
    found = ranked(offer("C", price=23_000), offer("A", price=15_000), offer("B", price=18_000))
    assert taken(found) == [
        ("A", [(60, 180, 1_000_000)], ""),
        ("B", [(60, 180, 1_000_000)], ""),
        ("C", [(60, 180, 500_000)], ""),
    ]
    assert found.missing == ()


def test_a_gap_is_reported_span_by_span() -> None:
    found = ranked(offer("A", of(60, 120, 2_500_000)), offer("B", of(90, 150, 1_000_000)))
    assert taken(found) == [
        ("A", [(60, 120, 2_500_000)], ""),
        ("B", [(120, 150, 1_000_000)], ""),
    ]
    assert found.missing == (
        Missing(minute(120), minute(150), 1_500_000),
        Missing(minute(150), minute(180), 2_500_000),
    )


def test_spans_that_miss_the_same_are_one() -> None:
    found = ranked(offer("A", of(60, 100, 500_000), of(100, 180, 500_000)))
    assert taken(found)[0][1] == [(60, 100, 500_000), (100, 180, 500_000)]
    assert found.missing == (Missing(minute(60), minute(180), 2_000_000),)
    around = ranked(offer("A", of(100, 120, 2_500_000)))
    assert [(_at(m.start), _at(m.end)) for m in around.missing] == [(60, 100), (120, 180)]


def test_what_is_requested_less_is_offered_less() -> None:
    less = replace(REQUEST, delta_w=-1_500_000)
    found = ranked(offer("A", of(60, 180, -1_000_000)), offer("B"), request=less)
    assert taken(found) == [
        ("A", [(60, 180, -1_000_000)], ""),
        ("B", [], "SIGN_MISMATCH"),
    ]
    assert found.missing == (Missing(minute(60), minute(180), -500_000),)


def test_a_part_under_the_smallest_offer_is_left_out() -> None:
    most = offer("A", of(60, 120, 2_400_001), of(120, 180, 2_400_000), price=1)
    found = ranked(most, offer("B", price=2))
    assert taken(found)[1] == ("B", [(120, 180, 100_000)], "")
    assert found.missing == (Missing(minute(60), minute(120), 99_999),)
    small = ranked(offer("A", of(60, 180, 99_999)))
    assert taken(small) == [("A", [], "BELOW_MIN_OFFER")]
    anything = replace(REQUEST, min_offer_w=None)
    assert taken(ranked(offer("A", of(60, 180, 1)), request=anything))[0][1] == [(60, 180, 1)]


def test_ties_go_by_the_price_of_being_available_then_by_who_came_first() -> None:
    one = {"received_at": minute(1)}
    assert [
        r.offer.provider
        for r in ranked(
            offer("E", available=7, received_at=minute(0)),
            offer("D", available=6, received_at=minute(2)),
            offer("C", available=6, **one),
            offer("B", available=None, **one),
            offer("A", price=None, available=9),
        ).ranked
    ] == ["A", "B", "C", "D", "E"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"withdrawn": True}, "WITHDRAWN"),
        ({"received_at": minute(30)}, ""),
        ({"received_at": minute(30) + timedelta(seconds=1)}, "LATE"),
        ({"valid_until": NOW}, ""),
        ({"valid_until": NOW - timedelta(seconds=1)}, "EXPIRED"),
        ({"zone": "Z2"}, "ZONE"),
        ({"currency": "EUR"}, "CURRENCY"),
        ({"dispatch_type": "demand_turn_down"}, ""),
        ({"dispatch_type": "generation_turn_up"}, "DISPATCH_TYPE"),
        ({"periods": (of(60, 180, -1_000_000),)}, "SIGN_MISMATCH"),
        ({"periods": (of(0, 60, 1_000_000), of(180, 190, 1_000_000))}, "OUTSIDE_WINDOW"),
        ({"periods": (of(60, 180, 99_999),)}, "BELOW_MIN_OFFER"),
    ],
)
def test_what_cannot_be_taken_is_turned_down_with_a_reason(
    changes: dict[str, Any], reason: str
) -> None:
    request = replace(REQUEST, dispatch_type="demand_turn_down")
    periods = changes.pop("periods", ())
    (found,) = ranked(offer("A", *periods, **changes), request=request).ranked
    assert (found.reason, bool(found.taken)) == (reason, reason == "")
    assert found.says == (f"{reason}: {SAYS[found.reason]}" if reason else "")


def test_what_is_not_needed_is_turned_down() -> None:
    enough = offer("A", of(60, 180, 2_500_000), price=1)
    assert taken(ranked(offer("B"), enough))[1] == ("B", [], "NOT_NEEDED")


def test_another_currency_comes_last_and_is_never_mixed() -> None:
    found = ranked(offer("B", price=0, currency="EUR"), offer("A"))
    assert taken(found) == [("A", [(60, 180, 1_000_000)], ""), ("B", [], "CURRENCY")]


def test_an_asset_is_not_taken_twice() -> None:
    first = offer("A", of(60, 120, 1_000_000), assets=("X", "Y"), price=1)
    again = offer("A", of(60, 180, 1_000_000), assets=("Y",), price=2, thread="AV2")
    covered = offer("B", of(60, 120, 100_000), assets=("X",), price=3)
    assert taken(ranked(first, again, covered)) == [
        ("A", [(60, 120, 1_000_000)], ""),
        ("A", [(120, 180, 1_000_000)], ""),
        ("B", [], "ASSET_TAKEN"),
    ]


def test_what_was_accepted_before_stays_and_only_the_rest_is_missing() -> None:
    before = Acceptance(
        contract_id="UKPN:A", zone="Z1", assets=(Asset("A"),), periods=(of(60, 120, 2_000_000),)
    )
    found = ranked(offer("A", of(60, 180, 1_000_000)), offer("B"), held=(before,))
    assert taken(found) == [
        ("A", [(120, 180, 1_000_000)], ""),
        ("B", [(60, 120, 500_000), (120, 180, 1_000_000)], ""),
    ]
    over = replace(before, periods=(of(60, 180, 9_000_000),))
    assert ranked(offer("B"), held=(over,)).missing == ()


def test_what_is_past_is_neither_taken_nor_missing() -> None:
    late = minute(90) + timedelta(milliseconds=300)
    found = ranked(offer("A"), now=late)
    assert taken(found) == [("A", [(90, 180, 1_000_000)], "")]
    assert found.missing == (Missing(minute(90), minute(180), 1_500_000),)
    for over in (minute(180), minute(200)):
        gone = ranked(offer("A", valid_until=minute(300)), now=over)
        assert (gone.missing, gone.ranked[0].reason) == ((), "OUTSIDE_WINDOW")


def test_a_period_keeps_its_terms_and_its_id_unless_it_is_taken_in_pieces() -> None:
    told = {"max_run_s": 3600, "notice_s": 120}
    cheap = offer("A", of(90, 120, 2_000_000), price=1)
    whole, cut = of(60, 80, 500_000, id=4, **told), of(80, 180, 1_000_000, id=5, **told)
    (_, second) = ranked(cheap, offer("B", whole, cut, price=2)).ranked
    assert second.taken == (
        whole,
        of(80, 90, 1_000_000, **told),
        of(90, 120, 500_000, **told),
        of(120, 180, 1_000_000, **told),
    )


# -- whatever is offered ---------------------------------------------------------------------------


@st.composite
def any_offer(draw: st.DrawFn, names: str = "ABCDEF") -> Offer:
    edges = sorted(draw(st.sets(st.integers(50, 190), min_size=2, max_size=6)))
    watts = st.integers(-300_000, 3_000_000) | st.sampled_from([99_999, 100_000, 2_500_000])
    spans = zip(edges[::2], edges[1::2], strict=False)
    periods = [of(start, end, draw(watts)) for start, end in spans]
    return offer(
        draw(st.sampled_from(names)),
        *periods,
        price=draw(st.sampled_from([None, 0, 1, 2])),
        available=draw(st.sampled_from([None, 0, 1])),
        currency=draw(st.sampled_from(["GBP", "GBP", "GBP", "EUR"])),
        received_at=minute(draw(st.integers(0, 31))),
        assets=tuple(draw(st.sets(st.sampled_from("uvwxyz"), min_size=1, max_size=2))),
        thread=f"AV{draw(st.integers(0, 10**9))}",
    )


REQUESTS = st.builds(
    lambda watts, least: replace(REQUEST, delta_w=watts, min_offer_w=least),
    st.integers(1, 4_000_000),
    st.none() | st.integers(0, 500_000),
)
OFFERS = st.lists(any_offer(), max_size=7, unique_by=lambda o: (o.provider, o.thread))


def level(periods: Any, when: datetime) -> int:
    return sum(p.delta_w for p in periods if p.start <= when < p.end)


def instants(found: Merit) -> list[datetime]:
    """One in every span in which nothing changes."""
    edges = {minute(60)}
    for one in found.ranked:
        edges |= {e for p in (*one.offer.body.periods, *one.taken) for e in (p.start, p.end)}
    return sorted(e for e in edges if minute(60) <= e < minute(180))


@given(REQUESTS, OFFERS)
def test_never_is_more_taken_than_requested_or_than_offered(
    request: Request, offers: list[Offer]
) -> None:
    found = ranked(*offers, request=request)
    for when in instants(found):
        assert sum(level(one.taken, when) for one in found.ranked) <= request.delta_w
        for one in found.ranked:
            part = level(one.taken, when)
            assert part == 0 or part >= (request.min_offer_w or 0)
            assert part <= max(level(one.offer.body.periods, when), 0)
    for one in found.ranked:
        assert bool(one.taken) is (one.reason == "")
        assert all(request.start <= p.start < p.end <= request.end for p in one.taken)


@given(REQUESTS, OFFERS)
def test_what_is_taken_and_what_is_missing_make_what_is_requested(
    request: Request, offers: list[Offer]
) -> None:
    found = ranked(*offers, request=request)
    for when in instants(found):
        met = sum(level(one.taken, when) for one in found.ranked)
        assert met + level(found.missing, when) == request.delta_w


@given(REQUESTS, OFFERS)
def test_no_dearer_offer_is_taken_while_a_cheaper_one_that_could_be_is_not(
    request: Request, offers: list[Offer]
) -> None:
    found = ranked(*offers, request=request)
    for when in instants(found):
        for place, cheap in enumerate(found.ranked):
            dearer = found.ranked[place + 1 :]
            if could_give(request, found, cheap, when):
                assert sum(level(one.taken, when) for one in dearer) == 0


@given(REQUESTS, OFFERS)
def test_nothing_is_missing_that_an_offer_could_have_met(
    request: Request, offers: list[Offer]
) -> None:
    found = ranked(*offers, request=request)
    for when in instants(found):
        for one in found.ranked:
            if could_give(request, found, one, when):
                assert level(found.missing, when) < (request.min_offer_w or 1)


def could_give(request: Request, found: Merit, one: Any, when: datetime) -> bool:
    """Whether an offer that is fit has something left then, and its assets are not elsewhere."""
    if one.reason in ("LATE", "CURRENCY"):
        return False
    mine = {a.asset_id for a in one.offer.body.assets}
    for other in found.ranked:
        theirs = {a.asset_id for a in other.offer.body.assets}
        if other is not one and level(other.taken, when) and mine & theirs:
            return False
    offered = level(one.offer.body.periods, when)
    return offered >= max(request.min_offer_w or 0, 1) and level(one.taken, when) < offered


@given(st.data(), REQUESTS, OFFERS)
def test_the_order_in_which_offers_are_read_does_not_matter(
    data: st.DataObject, request: Request, offers: list[Offer]
) -> None:
    other = data.draw(st.permutations(offers))
    assert ranked(*offers, request=request) == ranked(*other, request=request)


@given(REQUESTS, OFFERS, st.integers(0, 7))
def test_an_award_that_is_cut_short_is_continued_to_the_same_end(
    request: Request, offers: list[Offer], sent: int
) -> None:
    """What was accepted of the first few stays, and the rest is ranked again."""
    whole = ranked(*offers, request=request)
    before = [
        Acceptance(
            contract_id="C",
            zone="Z1",
            assets=tuple(asset.asset for asset in one.offer.body.assets),
            periods=one.taken,
        )
        for one in whole.ranked[:sent]
    ]
    rest = [one.offer for one in whole.ranked[sent:]]
    again = ranked(*rest, request=request, held=before)
    assert [(r.offer, r.reason) for r in again.ranked] == [
        (r.offer, r.reason) for r in whole.ranked[sent:]
    ]
    assert again.missing == whole.missing
    for when in instants(whole):
        for one, as_before in zip(again.ranked, whole.ranked[sent:], strict=True):
            assert level(one.taken, when) == level(as_before.taken, when)
