"""Which offers meet a request, the cheapest first: pure, in whole watts (profile 3 acceptance).

    2,500,000 W ┌───────────────────────────────┐ requested, over the whole window
                │░░░░░░░░░░░░░░░┌───────────────┤ missing: reported, span by span
                │▒▒▒ C in part ▒│               │ 23,000 a MWh, cut to what was still missing
                │███ B █████████│███ A █████████│ 18,000 and 15,000
                └───────────────┴───────────────┘
               15:30           16:30           17:30

The request is a level: at no instant is more taken than it. Every offer in turn takes, instant by
instant, what it offers or what is still missing, whichever is less. A part under `min_offer_w` is
not taken. An asset that is taken in one offer is not taken twice in another.

What the contracts say of runs and notice is not weighed here: an acceptance reserves, and the
dispatch that follows keeps those rules.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Literal

from ukprofile.flex.offer import Acceptance, Availability, OfferedPeriod
from ukprofile.flex.request import Request

Reason = Literal[
    "",
    "WITHDRAWN",
    "EXPIRED",
    "LATE",
    "ZONE",
    "CURRENCY",
    "DISPATCH_TYPE",
    "SIGN_MISMATCH",
    "OUTSIDE_WINDOW",
    "BELOW_MIN_OFFER",
    "ASSET_TAKEN",
    "NOT_NEEDED",
]
"""Why nothing of an offer is taken; "" = something is."""

SAYS: Mapping[Reason, str] = {
    "WITHDRAWN": "its FSP withdrew it",
    "EXPIRED": "it was valid until then only",
    "LATE": "it came after respond_by",
    "ZONE": "it is for another zone",
    "CURRENCY": "its price is in another currency than the market's",
    "DISPATCH_TYPE": "another dispatch_type was asked for",
    "SIGN_MISMATCH": "it changes power the other way",
    "OUTSIDE_WINDOW": "it lies outside the window that is left",
    "BELOW_MIN_OFFER": "it is smaller than min_offer_w",
    "ASSET_TAKEN": "its assets are taken in another offer then",
    "NOT_NEEDED": "cheaper offers meet the request",
}
"""Each reason in words, for people and for the acceptance that turns the offer down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An offer as the DSO holds it.

    `received_at` is the DSO's own time: an FSP that states an early time of issue is neither in
    time nor first by it. `valid_until` is that of the message.
    """

    provider: str
    thread: str
    body: Availability
    received_at: datetime
    valid_until: datetime
    withdrawn: bool = False

    @property
    def place(self) -> tuple[int, int, datetime, str, str]:
        """What orders offers of one currency: price for use, for being available, who came first.

        A price that is not asked for is 0. The names only make the order whole.
        """
        price = self.body.price
        return (
            price.utilisation_minor_per_mwh or 0,
            price.availability_minor_per_mw_h or 0,
            self.received_at,
            self.provider,
            self.thread,
        )


@dataclass(frozen=True, slots=True)
class Ranked:
    """One offer and what is taken of it: `taken` is empty where `reason` says why nothing is."""

    offer: Offer
    taken: tuple[OfferedPeriod, ...] = ()
    reason: Reason = ""

    @property
    def says(self) -> str:
        """The reason as it stands in a message: its code, then words. "" where something is."""
        return f"{self.reason}: {SAYS[self.reason]}" if self.reason else ""


@dataclass(frozen=True, slots=True)
class Missing:
    """What nobody gives for `start <= t < end`: watts, signed as the request."""

    start: datetime
    end: datetime
    delta_w: int


@dataclass(frozen=True, slots=True)
class Merit:
    """All offers in merit order, what is taken of each, and what is missing then."""

    ranked: tuple[Ranked, ...]
    missing: tuple[Missing, ...]


def merit(
    request: Request,
    offers: Iterable[Offer],
    now: datetime,
    *,
    currency: str,
    held: Iterable[Acceptance] = (),
) -> Merit:
    """Rank `offers` and take of them what is missing from `now` on.

    `held` is what was accepted before: it stays, and only the rest is missing. Prices in another
    currency than `currency` cannot be compared: such offers come last, and are not taken.
    """
    room = _Room(request, now, offers := tuple(offers), held := tuple(held))
    for one in held:
        room.hold(one)
    ranked = []
    for offer in in_merit_order(offers, currency):
        reason = _unfit(request, offer, now, currency)
        ranked.append(Ranked(offer, (), reason) if reason else room.take(offer))
    return Merit(tuple(ranked), tuple(room.missing()))


def in_merit_order(offers: Iterable[Offer], currency: str) -> list[Offer]:
    """The cheapest first; offers in another currency than `currency` last."""
    return sorted(offers, key=lambda o: (o.body.price.currency != currency, *o.place))


def _unfit(request: Request, offer: Offer, now: datetime, currency: str) -> Reason:
    """Why an offer is out whatever else is offered; "" = it is not."""
    body = offer.body
    if offer.withdrawn:
        return "WITHDRAWN"
    if offer.received_at > request.respond_by:
        return "LATE"
    if now > offer.valid_until:
        return "EXPIRED"
    if body.zone != request.zone:
        return "ZONE"
    if body.price.currency != currency:
        return "CURRENCY"
    if None not in (types := (request.dispatch_type, body.dispatch_type)) and len(set(types)) > 1:
        return "DISPATCH_TYPE"
    if not any(_same_way(period.delta_w, request.delta_w) for period in body.periods):
        return "SIGN_MISMATCH"
    return ""


def _same_way(one_w: int, other_w: int) -> bool:
    return one_w * other_w > 0


class _Room:
    """What is still missing and which assets are taken, in each span between two edges.

    Nothing changes within a span: edges are all instants at which anything begins or ends.
    """

    def __init__(
        self, request: Request, now: datetime, offers: Sequence[Offer], held: Sequence[Acceptance]
    ) -> None:
        self._request = request
        self._least = max(request.min_offer_w or 0, 1)
        begin = max(request.start, now.replace(microsecond=0))
        bodies: tuple[Availability | Acceptance, ...] = (*(o.body for o in offers), *held)
        inner = {edge for b in bodies for p in b.periods for edge in (p.start, p.end)}
        within = (edge for edge in inner if begin < edge < request.end)
        self._edges = sorted({*within, begin, request.end}) if begin < request.end else []
        spans = max(len(self._edges) - 1, 0)
        self._left = [abs(request.delta_w)] * spans
        self._busy: list[set[str]] = [set() for _ in range(spans)]

    def hold(self, one: Acceptance) -> None:
        """Take note of what was accepted before."""
        for span, period in self._spans(one.periods).items():
            self._give(span, abs(period.delta_w), {asset.asset_id for asset in one.assets})

    def take(self, offer: Offer) -> Ranked:
        """Take of an offer what is missing, and at least `min_offer_w` of it."""
        offered = self._spans(offer.body.periods)
        assets = {asset.asset_id for asset in offer.body.assets}
        big = {s: p for s, p in offered.items() if abs(p.delta_w) >= self._least}
        free = {s: p for s, p in big.items() if self._busy[s].isdisjoint(assets)}
        parts = {s: min(abs(p.delta_w), self._left[s]) for s, p in free.items()}
        parts = {s: watts for s, watts in parts.items() if watts >= self._least}
        for span, watts in parts.items():
            self._give(span, watts, assets)
        if parts:
            return Ranked(offer, tuple(self._pieces(parts, offered)))
        reason: Reason = "NOT_NEEDED"
        if not offered:
            reason = "OUTSIDE_WINDOW"
        elif not big:
            reason = "BELOW_MIN_OFFER"
        elif not free:
            reason = "ASSET_TAKEN"
        return Ranked(offer, (), reason)

    def missing(self) -> Iterator[Missing]:
        """Every span in which something is missing; neighbours that miss the same are one."""
        sign = 1 if self._request.delta_w > 0 else -1
        before: Missing | None = None
        for (start, end), watts in zip(pairwise(self._edges), self._left, strict=True):
            if before is not None and before.end == start and before.delta_w == sign * watts:
                before = replace(before, end=end)
                continue
            if before is not None:
                yield before
            before = Missing(start, end, sign * watts) if watts else None
        if before is not None:
            yield before

    def _give(self, span: int, watts: int, assets: set[str]) -> None:
        # more than was asked for may be held already: by hand, or before a request was revised
        self._left[span] = max(self._left[span] - watts, 0)
        self._busy[span] |= assets

    def _spans(self, periods: Iterable[OfferedPeriod]) -> dict[int, OfferedPeriod]:
        """The spans that these periods cover, in the direction that is asked for."""
        found: dict[int, OfferedPeriod] = {}
        for period in periods:
            if _same_way(period.delta_w, self._request.delta_w):
                first = bisect_left(self._edges, period.start)
                last = min(bisect_left(self._edges, period.end), len(self._left))
                found |= dict.fromkeys(range(first, last), period)
        return dict(sorted(found.items()))

    def _pieces(
        self, parts: Mapping[int, int], offered: Mapping[int, OfferedPeriod]
    ) -> Iterator[OfferedPeriod]:
        """The parts as periods: what is level for several spans of one offered period is one.

        A period that is taken in several pieces loses its id: an id names one (profile 3).
        """
        sign = 1 if self._request.delta_w > 0 else -1
        pieces: list[tuple[OfferedPeriod, OfferedPeriod]] = []
        for span, watts in parts.items():
            whole = offered[span]
            start, end = self._edges[span], self._edges[span + 1]
            if pieces:
                of, piece = pieces[-1]
                if of is whole and piece.end == start and piece.delta_w == sign * watts:
                    pieces[-1] = of, replace(piece, end=end)
                    continue
            pieces.append((whole, replace(whole, start=start, end=end, delta_w=sign * watts)))
        times = Counter(id(of) for of, _ in pieces)
        for of, piece in pieces:
            yield piece if times[id(of)] == 1 else replace(piece, id=None)
