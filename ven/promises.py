"""What waits for an answer of ours, and what we have promised so far. Pure, over the journal.

schedule proposed, not answered      ─┐
instruction that wants a response    ─┼─▶ asked ◀── beside it: agreed, countered, confirmed,
increase that waits                  ─┘            running: what every asset is to do by them
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations
from typing import NamedTuple

from ukprofile.flex.contract import ContractTerms
from ukprofile.flex.course import Course, dispatch_state
from ukprofile.flex.dispatch import Held, Period, Thread, read_periods
from ukprofile.flex.states import IN_RUN, State
from ukprofile.flex.timers import respond_by
from ukprofile.receiving import Slot
from ukprofile.receiving.thread import answers_to, other_threads
from ven.absence import gone, lapsed
from ven.anchor import terms_of
from ven.device.ability import Ability, Load, larger
from ven.draft import is_draft
from ven.journal import Book
from ven.plan import Dispatch
from ven.policy import part_of


@dataclass(frozen=True, slots=True)
class Waiting:
    """A text that we owe a response: by `until`, if that is said. `whole` = only yes or no."""

    slot: Slot
    held: Held
    until: datetime | None
    whole: bool

    @property
    def periods(self) -> tuple[Period, ...]:
        return read_periods(self.held.body)

    @property
    def assets(self) -> tuple[str, ...]:
        return _assets(self.held)


@dataclass(frozen=True, slots=True)
class Promise:
    """What a dispatch will ask of its assets: as it was accepted, or as it is in force.

    So is what an offer has reserved of them; `contract` is the one it would be dispatched under.
    """

    slot: Slot
    contract: str
    assets: tuple[str, ...]
    periods: tuple[Period, ...]


def outlook(book: Book, now: datetime) -> tuple[list[Waiting], list[Promise]]:
    """Everything that waits for a response of ours, and everything that was promised."""
    waiting, promised, missing = [], [], gone(book)
    for program in book.programs():
        terms = terms_of(book, program)
        for slot, thread in other_threads(book, program, now):
            answers = answers_to(book, thread)
            course = dispatch_state(thread, answers, now, terms, "ven")
            if lapsed(slot, course, missing):
                continue
            one = None if is_draft(slot) else _waiting(slot, course, answers, terms, now)
            if one is not None:
                waiting.append(one)
            if (promise := _promise(slot, course, thread)) is not None:
                promised.append(promise)
    return waiting, promised


def _waiting(
    slot: Slot, course: Course, answers: Sequence[Held], terms: ContractTerms | None, now: datetime
) -> Waiting | None:
    known = course.known
    newest = known.pending or known.head
    if newest is None or any(_responds(answer, newest) for answer in answers):
        return None
    if known.pending is not None:
        until = newest.header.accept_by
    elif course.state is State.PROPOSED:
        until = respond_by(known, terms)
    elif course.state is State.CONFIRMED and known.stated("respond_by") is not None:
        until = known.stated("respond_by")
    else:
        return None
    if until is not None and now > until:
        return None
    return Waiting(slot, newest, until, whole=known.pending is not None)


def missed(book: Book, now: datetime) -> list[Waiting]:
    """What we owed a response, and gave none until respond_by: silence has spoken (profile 5)."""
    found, missing = [], gone(book)
    for program in book.programs():
        terms = terms_of(book, program)
        for slot, thread in other_threads(book, program, now):
            answers = answers_to(book, thread)
            course = dispatch_state(thread, answers, now, terms, "ven")
            head = course.known.head
            silent = course.state is State.EXPIRED or "deemed_accepted" in course.flags
            if head is None or (slot.program, slot.thread) in missing:
                continue
            if silent and not any(_responds(a, head) for a in answers):
                found.append(Waiting(slot, head, respond_by(course.known, terms), whole=False))
    return found


def _responds(answer: Held, to: Held) -> bool:
    reference = answer.header.in_reply_to
    return (
        answer.header.kind == "response" and reference is not None and reference.sha256 == to.sha256
    )


def _promise(slot: Slot, course: Course, thread: Thread) -> Promise | None:
    known = course.known
    if known.head is None:
        return None
    if course.state is State.COUNTERED:
        return Promise(slot, slot.program, _assets(known.head), known.countered)
    if course.state is State.AGREED:
        return Promise(slot, slot.program, _assets(known.head), known.plan)
    if course.state in (State.CONFIRMED, *IN_RUN, State.CEASED) and thread.plan:
        return Promise(slot, slot.program, _assets(known.head), thread.plan)
    return None


def loads(
    promised: Sequence[Promise],
    weights: Mapping[str, int],
    able: Mapping[str, Sequence[Ability]],
    now: datetime,
) -> Mapping[str, tuple[Load, ...]]:
    """What each asset is to do from `now` on by all of `promised`."""
    found: dict[str, tuple[Load, ...]] = defaultdict(tuple)
    for one in promised:
        for asset in one.assets:
            periods = from_now(one.periods, now)
            found[asset] += part_of(periods, one.assets, asset, weights, able.get(asset, ()))
    return found


def spoken_for(
    dispatched: Sequence[Promise],
    reserved: Sequence[Promise],
    weights: Mapping[str, int],
    able: Mapping[str, Sequence[Ability]],
    now: datetime,
) -> Mapping[str, tuple[Load, ...]]:
    """What each asset may have to do: by contract what is dispatched, or reserved if more."""
    found: dict[str, tuple[Load, ...]] = defaultdict(tuple)
    for contract in sorted({one.contract for one in (*dispatched, *reserved)}):
        used, kept = (
            loads([one for one in some if one.contract == contract], weights, able, now)
            for some in (dispatched, reserved)
        )
        for asset in sorted({*used, *kept}):
            found[asset] += larger(used.get(asset, ()), kept.get(asset, ()))
    return found


def from_now(periods: Sequence[Period], now: datetime) -> tuple[Period, ...]:
    """What is still to come of the periods."""
    return tuple(replace(p, start=max(p.start, now)) for p in periods if p.end > now)


class AskedBy(NamedTuple):
    """Who needs a dispatch, that party's own name for it, and how much it matters (A12)."""

    origin: str
    reference: str
    priority: int | None


def asked_by(thread: Thread) -> AskedBy:
    """What the newest text says that says any of it: a variation has no word for it."""
    bodies = (held.body for held in reversed(thread.standing) if not held.header.stop)
    body = next((b for b in bodies if "origin" in b or "priority" in b), {})
    origin = body.get("origin", {})
    return AskedBy(origin.get("party", "DSO"), origin.get("reference", ""), body.get("priority"))


def overlaps(found: Sequence[Dispatch]) -> Iterator[tuple[Dispatch, Dispatch, str]]:
    """Every two dispatches in force that ask something of one asset at one time (A12)."""
    for one, other in combinations(found, 2):
        shared = sorted(set(one.assets) & set(other.assets))
        meet = any(a.start < b.end and b.start < a.end for a in one.periods for b in other.periods)
        if shared and meet:
            yield one, other, shared[0]


def _assets(held: Held) -> tuple[str, ...]:
    return tuple(sorted({asset["asset_id"] for asset in held.body["assets"]}))
