"""Requests, offers and acceptances, as the journal holds them.

    request ─▶ chance ─▶ offer ─▶ open ─┬─ acceptance with periods ─▶ accepted: reserved
       │                          │     └─ without any ─▶ turned down
       └─ withdrawn, or changed   └─▶ withdrawn (final: that thread never offers again)

What is open or accepted is spoken for: nothing is offered twice. An offer that the VTN refused for
good was never one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ukprofile.flex.common import Asset
from ukprofile.flex.contract import ContractTerms
from ukprofile.flex.dispatch import Period
from ukprofile.flex.header import read_header
from ukprofile.flex.offer import Acceptance, Availability, OfferedPeriod
from ukprofile.flex.request import Request
from ukprofile.flex.stop import Cancellation
from ukprofile.flex.times import time_text
from ukprofile.receiving import Entry, parse_text
from ven.anchor import terms_of
from ven.answer import Voice, declare, own_thread
from ven.journal import Book
from ven.promises import Promise

Course = Literal["open", "accepted", "turned_down", "released", "withdrawn", "refused"]
"""released: accepted, and the acceptance was withdrawn; refused: the VTN did not take it."""


@dataclass(frozen=True, slots=True)
class Chance:
    """A request that may still be answered, and our contracts under which it could be."""

    entry: Entry
    request: Request
    contracts: tuple[ContractTerms, ...]


@dataclass(frozen=True, slots=True)
class Offered:
    """The newest offer of one thread of ours, and what became of it.

    `acceptance` is the DSO's answer where there was one, `request` the newest text of what it
    answers (None = no request).
    """

    entry: Entry
    body: Availability
    course: Course
    acceptance: Acceptance | None
    request: Entry | None

    @property
    def taken(self) -> tuple[OfferedPeriod, ...]:
        """What is spoken for by it."""
        if self.course == "accepted" and self.acceptance is not None:
            return self.acceptance.periods
        return self.body.periods if self.course == "open" else ()

    @property
    def assets(self) -> tuple[Asset, ...]:
        if self.course == "accepted" and self.acceptance is not None:
            return self.acceptance.assets
        return tuple(one.asset for one in self.body.assets)


def offered(book: Book) -> list[Offered]:
    """Every offer of ours, in the order of the journal, each as its newest text says."""
    own = [e for e in book.of_family("availability") if e.verdict == "sent"]
    gone = {post.name for post in book.posts("REFUSED")}
    refused = {e.sha256 for e in own if read_header(parse_text(e.text)).message_id in gone}
    stopped = {e.slot for e in own if e.stop and e.sha256 not in refused}
    newest = {e.slot: e for e in sorted(own, key=lambda e: e.revision) if not e.stop}
    answers = _acceptances(book)
    return [_offered(book, e, answers, e.slot in stopped, e.sha256 in refused)
            for e in newest.values()]  # fmt: skip


def _acceptances(book: Book) -> dict[str, tuple[Entry, Acceptance, bool]]:
    """By the thread of the offer: the newest acceptance, and whether it was withdrawn."""
    entries = sorted(book.of_family("acceptance"), key=lambda e: (e.stop, e.revision))
    stopped = {e.slot for e in entries if e.stop}
    found = {}
    for entry in (e for e in entries if not e.stop):
        answered = book.entry(entry.in_reply_to)
        if answered is not None:
            body = Acceptance.read(parse_text(entry.text)["body"])
            found[answered.slot.thread] = entry, body, entry.slot in stopped
    return found


def _offered(
    book: Book,
    entry: Entry,
    answers: dict[str, tuple[Entry, Acceptance, bool]],
    stopped: bool,
    refused: bool,
) -> Offered:
    _, acceptance, taken_back = answers.get(entry.slot.thread, (None, None, False))
    course: Course = "open"
    if acceptance is not None:
        course = "released" if taken_back else "accepted" if acceptance.periods else "turned_down"
    elif stopped or refused:
        course = "withdrawn" if stopped else "refused"
    body = Availability.read(parse_text(entry.text)["body"])
    answered = book.entry(entry.in_reply_to)
    texts = () if answered is None else book.thread(answered.slot)
    request = max((e for e in texts if e.standing), key=_order, default=None)
    return Offered(entry, body, course, acceptance, request)


def chances(book: Book, now: datetime) -> list[Chance]:
    """The newest text of each request that stands, that we did not answer, and that we could."""
    newest: dict[Any, Entry] = {}
    for entry in sorted(book.of_family("request"), key=_order):
        newest[entry.slot] = entry
    over = {e.slot.thread for e in book.of_family("availability") if e.stop}
    found = []
    for slot, entry in newest.items():
        if entry.stop or own_thread("AV", slot.thread) in over or book.replies(entry.sha256):
            continue
        request = Request.read(parse_text(entry.text)["body"])
        contracts = tuple(_contracts(book, entry, request))
        if contracts and now <= request.respond_by and now < request.start:
            found.append(Chance(entry, request, contracts))
    return found


def _contracts(book: Book, entry: Entry, request: Request) -> Iterator[ContractTerms]:
    """Our contracts with that very DSO for that product and zone: names are only its own."""
    for program in book.programs():
        held, terms = book.terms(program), terms_of(book, program)
        if held is None or terms is None or held.slot.issuer != entry.slot.issuer:
            continue
        if (terms.zone, terms.product) == (request.zone, request.service_product):
            yield terms


def overtaken(book: Book) -> list[Offered]:
    """Open offers whose request was withdrawn: they go as well."""
    return [
        one
        for one in offered(book)
        if one.course == "open" and one.request is not None and one.request.stop
    ]


def withdraw(
    book: Book, voice: Voice, one: Offered, reason: str, event_id: str, now: datetime
) -> None:
    """Take an offer back, for good (profile 3 cancellation)."""
    body = Cancellation(
        of="availability",
        contract_id=one.body.contract_id,
        zone=one.body.zone,
        assets=tuple(asset.asset for asset in one.body.assets),
        reason=reason,
    )
    declare(book, voice, one.entry.slot, body, event_id, one.entry.valid_until, now)


def reservations(
    book: Book, now: datetime, *, but: str = "", accepted: bool = False
) -> list[Promise]:
    """What offers have spoken for from `now` on; `but` leaves out the offer of that thread,
    `accepted` what is only open.

    Each stands under the contract that it names, as dispatches of that contract do.
    """
    return [
        Promise(
            one.entry.slot,
            one.body.contract_id,
            tuple(sorted(asset.asset_id for asset in one.assets)),
            tuple(Period(0, p.start, p.end, p.delta_w) for p in one.taken),
        )
        for one in offered(book)
        if one.entry.slot.thread != but
        and any(p.end > now for p in one.taken)
        and (one.course == "accepted" or not accepted)
    ]


def shown(one: Offered) -> dict[str, Any]:
    """An offer for people and programs: what stands of it, and why nothing does."""
    stands = one.acceptance if one.course in ("accepted", "turned_down") else None
    price = stands.price if stands is not None and stands.price is not None else one.body.price
    periods = one.body.periods if one.course in ("open", "refused") else one.taken
    return {
        "contract_id": one.body.contract_id,
        "request": one.request.slot.thread if one.request is not None else "",
        "thread": one.entry.slot.thread,
        "state": one.course,
        "reason": (one.acceptance.reason or "") if one.acceptance is not None else "",
        "assets": [asset.asset_id for asset in one.assets],
        "periods": [
            {"start": time_text(p.start), "end": time_text(p.end), "w": p.delta_w} for p in periods
        ],
        "price": price.to_json(),
    }


def _order(entry: Entry) -> tuple[bool, int]:
    return entry.stop, entry.revision
