"""What the ledger holds of a request: the offers to it, what was answered, what was dispatched.

    request ◀─in_reply_to─ availability ◀─in_reply_to─ acceptance ◀┄┄ dispatch
    market                 market                      contract        contract

The first two links are signed. A dispatch has no field that names the acceptance it draws on
(profile 3), so it is found by contract, asset and time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ukprofile.flex.contract import ContractTerms, overlapping
from ukprofile.flex.dispatch import Held, Period, Thread, read_periods
from ukprofile.flex.header import Reference
from ukprofile.flex.merit import Missing, Offer, Ranked, in_merit_order, merit
from ukprofile.flex.offer import Acceptance, Availability
from ukprofile.flex.request import Request
from ukprofile.receiving import Entry, Slot, parse_text
from ukprofile.receiving.thread import other_threads, thread_of
from vtn.domain.store import Transaction

STERLING = "GBP"
"""What offers are compared in where the contracts name no currency, or several."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it stands. `withdrawn`: nobody is to offer any more."""

    slot: Slot
    request: Request
    issued_at: datetime
    withdrawn: bool

    @property
    def thread(self) -> str:
        return self.slot.thread

    @property
    def market(self) -> str:
        return self.slot.program


@dataclass(frozen=True, slots=True)
class Answer:
    """An acceptance: what was taken of an offer, or why nothing was.

    `to` is the digest of the offer's text that it answers. `withdrawn`: it was taken back.
    """

    slot: Slot
    body: Acceptance
    to: str
    withdrawn: bool

    @property
    def takes(self) -> bool:
        """Whether something is reserved by it."""
        return bool(self.body.periods) and not self.withdrawn


@dataclass(frozen=True, slots=True)
class Offered:
    """One offer by its newest revision, how it was answered, and the dispatches under it."""

    offer: Offer
    newest: Reference
    answer: Answer | None = None
    dispatches: tuple[str, ...] = ()

    @property
    def reserved(self) -> bool:
        """Whether it is taken and stands: an offer that its FSP withdrew gives nothing."""
        return self.answer is not None and self.answer.takes and not self.offer.withdrawn

    @property
    def open(self) -> bool:
        """Whether an award looks at it: never answered, or revised since it was turned down.

        What was taken, or taken back, keeps its answer.
        """
        answer = self.answer
        if self.offer.withdrawn:
            return False
        return answer is None or (not answer.body.periods and answer.to != self.newest.sha256)


@dataclass(frozen=True, slots=True)
class Line:
    """An offer in the listing: what was taken of it or, of an open one, what would be taken."""

    offered: Offered
    ranked: Ranked


@dataclass(frozen=True, slots=True)
class Listing:
    """Every offer to a request in merit order, and what is missing with all that is taken."""

    asked: Asked
    currency: str
    lines: tuple[Line, ...]
    missing: tuple[Missing, ...]


def asked_in(tx: Transaction, slot: Slot) -> Asked | None:
    """The request in `slot`; None where there is none."""
    thread = thread_of(tx, slot)
    newest = _newest(thread)
    if newest is None:
        return None
    request = Request.read(newest.body)
    return Asked(slot, request, newest.header.issued_at, thread.first_stop is not None)


def listing(tx: Transaction, asked: Asked, now: datetime) -> Listing:
    """Every offer to `asked`, ranked as an award at `now` would."""
    found = offers_to(tx, asked, now)
    currency = _currency(tx, found)
    held = [o.answer.body for o in found if o.answer is not None and o.reserved]
    open_offers = [] if asked.withdrawn else [o.offer for o in found if o.open]
    result = merit(asked.request, open_offers, now, currency=currency, held=held)
    ranked = {_name(r.offer): r for r in result.ranked}
    by_name = {_name(o.offer): o for o in found}
    order = (by_name[_name(o)] for o in in_merit_order([o.offer for o in found], currency))
    lines = tuple(Line(o, ranked.get(_name(o.offer)) or _settled(o)) for o in order)
    return Listing(asked, currency, lines, result.missing)


def offers_to(tx: Transaction, asked: Asked, now: datetime) -> list[Offered]:
    """Every offer to a request, in the order in which they first came."""
    replies = [
        entry
        for text in thread_of(tx, asked.slot).standing
        for entry in tx.replies(text.sha256)
        if entry.kind == "availability" and entry.standing
    ]
    slots = dict.fromkeys(entry.slot for entry in replies)
    return [_offered(tx, slot, now) for slot in slots]


def _offered(tx: Transaction, slot: Slot, now: datetime) -> Offered:
    thread = thread_of(tx, slot)
    newest = _newest(thread)
    assert newest is not None  # a standing reply brought us here
    header = newest.header
    offer = Offer(
        provider=slot.issuer,
        thread=slot.thread,
        body=Availability.read(newest.body),
        received_at=newest.received_at,
        valid_until=header.valid_until,
        withdrawn=thread.first_stop is not None,
    )
    answer = _answer(tx, thread)
    under = _under(tx, answer, now) if answer is not None and answer.body.periods else ()
    return Offered(offer, Reference(header.revision, newest.sha256, slot.thread), answer, under)


def _answer(tx: Transaction, offer: Thread) -> Answer | None:
    """The newest acceptance of any revision of an offer."""
    replies: list[Entry] = [
        reply
        for text in offer.standing
        for reply in tx.replies(text.sha256)
        if reply.kind == "acceptance" and reply.standing
    ]
    if not replies:
        return None
    last = max(replies, key=lambda reply: reply.revision)
    body = Acceptance.read(parse_text(last.text)["body"])
    stopped = thread_of(tx, last.slot).first_stop is not None
    return Answer(last.slot, body, last.in_reply_to, stopped)


def _under(tx: Transaction, answer: Answer, now: datetime) -> tuple[str, ...]:
    """The dispatches that draw on what was accepted: same contract, asset and time."""
    accepted = read_periods({"periods": [p.to_json() for p in answer.body.periods]})
    assets = {asset.asset_id for asset in answer.body.assets}
    since = min(now, accepted[0].start)
    return tuple(
        slot.thread
        for slot, thread in other_threads(tx, answer.slot.program, since)
        if any(_draws(text, accepted, assets) for text in thread.standing)
    )


def _draws(text: Held, accepted: Sequence[Period], assets: set[str]) -> bool:
    if text.header.stop:
        return False
    named = {asset["asset_id"] for asset in text.body["assets"]}
    return not named.isdisjoint(assets) and any(
        overlapping(accepted, period) for period in read_periods(text.body)
    )


def _currency(tx: Transaction, found: Iterable[Offered]) -> str:
    """The one currency of the contracts under which was offered."""
    held = (tx.terms(name) for name in {o.offer.body.contract_id for o in found})
    terms = [ContractTerms.read(parse_text(entry.text)["body"]) for entry in held if entry]
    named = {one.price.currency for one in terms if one.price is not None}
    return named.pop() if len(named) == 1 else STERLING


def _settled(offered: Offered) -> Ranked:
    """An offer that an award no longer looks at, with what became of it."""
    if offered.offer.withdrawn:
        return Ranked(offered.offer, (), "WITHDRAWN")
    taken = offered.answer.body.periods if offered.answer and offered.answer.takes else ()
    return Ranked(offered.offer, taken)


def _newest(thread: Thread) -> Held | None:
    """The newest text that is no stop."""
    return next((text for text in reversed(thread.standing) if not text.header.stop), None)


def _name(offer: Offer) -> tuple[str, str]:
    """What an offer is known by: a thread is unique to its issuer."""
    return offer.provider, offer.thread
