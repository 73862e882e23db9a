"""What was accepted of offers, and which price a dispatch has by it.

    request ◀─in_reply_to─ availability ◀─in_reply_to─ acceptance ◀┄┄ dispatch

A dispatch draws on the acceptance that its origin reference names, else on one of the same
contract, asset and time: none of its fields says so (profile 3). One that draws on none has the
price of the contract's terms.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from ukprofile.flex.common import Price
from ukprofile.flex.contract import ContractTerms, overlapping
from ukprofile.flex.dispatch import Held, Period
from ukprofile.flex.offer import Acceptance, Availability
from ukprofile.flex.statement import Trace
from ukprofile.receiving.dispatched import Dispatched, ref_of
from ukprofile.receiving.ledger import Entry, Ledger, Slot
from ukprofile.receiving.thread import held_of, thread_of


@dataclass(frozen=True, slots=True)
class Award:
    """An accepted offer, with the texts that led to it."""

    slot: Slot
    body: Acceptance
    issued_at: datetime
    offer: Availability | None
    state: str
    trace: Trace

    @property
    def assets(self) -> frozenset[str]:
        return frozenset(asset.asset_id for asset in self.body.assets)

    @property
    def periods(self) -> tuple[Period, ...]:
        return tuple(Period(0, p.start, p.end, p.delta_w) for p in self.body.periods)


def awards_in(ledger: Ledger, entries: Iterable[Entry]) -> Iterator[Award]:
    """Every acceptance that takes something, each by its newest text that is no stop."""
    for slot in dict.fromkeys(entry.slot for entry in entries):
        thread = thread_of(ledger, slot)
        held = next((h for h in reversed(thread.standing) if not h.header.stop), None)
        if held is None or not held.body["periods"]:
            continue
        offer = _answered(ledger, held)
        request = None if offer is None else _answered(ledger, offer)
        gone = offer is not None and _withdrawn(ledger, offer)
        state = "withdrawn" if thread.stops or gone else "accepted"
        led = [one for one in (request, offer, held) if one is not None]
        yield Award(
            slot,
            Acceptance.read(held.body),
            held.header.issued_at,
            None if offer is None else Availability.read(offer.body),
            state,
            Trace(
                "" if request is None else request.header.thread,
                "" if offer is None else offer.header.thread,
                held.header.thread,
                tuple(map(ref_of, led)),
            ),
        )


def _answered(ledger: Ledger, held: Held) -> Held | None:
    to = held.header.in_reply_to
    entry = None if to is None else ledger.entry(to.sha256)
    return None if entry is None else held_of(entry)


def _withdrawn(ledger: Ledger, offer: Held) -> bool:
    entry = ledger.entry(offer.sha256)
    return entry is not None and bool(thread_of(ledger, entry.slot).stops)


def prices(
    ledger: Ledger, found: Iterable[Dispatched], awards: Iterable[Award]
) -> dict[Slot, tuple[Price | None, Award | None]]:
    """The price of each dispatch: of the acceptance that it draws on, else of the terms in force
    when its newest text was issued.
    """
    drawn = defaultdict[Slot, int](int)
    standing = [one for one in awards if one.state == "accepted"]
    priced = {}
    for one in found:
        award = _award_of(one, standing, drawn)
        price = None if award is None else award.body.price
        if price is None or price.utilisation_minor_per_mwh is None:
            price = _of_terms(ledger, one)
        if award is not None:
            drawn[award.slot] += 1
        priced[one.slot] = price, award
    return priced


def _award_of(one: Dispatched, awards: Iterable[Award], drawn: Mapping[Slot, int]) -> Award | None:
    """The acceptance that it names; else the one that fits best: it covers the time, its power is
    the nearest, the fewest draw on it, it is the oldest.
    """
    named = (one.head.body.get("origin") or {}).get("reference", "")
    periods = one.run.asked or one.run.accepted
    mine = [a for a in awards if a.slot.program == one.slot.program]
    for award in mine:
        if named and named in (award.slot.thread, award.trace.offer):
            return award
    fitting = [
        a
        for a in mine
        if a.assets & one.run.assets and any(overlapping(a.periods, p) for p in periods)
    ]
    level = max((abs(p.level_w) for p in periods), default=0)
    return min(
        fitting,
        key=lambda a: (
            not all(_covers(a, p) for p in periods),
            abs(max(abs(p.level_w) for p in a.periods) - level),
            drawn[a.slot],
            a.issued_at,
            a.slot.thread,
        ),
        default=None,
    )


def _covers(award: Award, period: Period) -> bool:
    return any(p.start <= period.start and period.end <= p.end for p in award.periods)


def _of_terms(ledger: Ledger, one: Dispatched) -> Price | None:
    newest = ledger.terms(one.slot.program)
    if newest is None:
        return None
    texts = thread_of(ledger, newest.slot).standing
    before = [h for h in texts if h.header.issued_at <= one.head.header.issued_at]
    (in_force,) = before[-1:] or texts[:1]
    return ContractTerms.read(in_force.body).price
