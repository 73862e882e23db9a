"""From what a ledger holds to the statement of one DSO and one FSP, the same at either end.

    programs ─▶ threads, answers ─▶ course ─▶ asked, accepted ─┐
    acceptances ─▶ offer ─▶ request                  │ price   ├─▶ count ─▶ lines ─▶ Statement
    baselines ─▶ nominations                                   │
    post-actions ─▶ half hours     readings by the minute ─────┘

Only signed words and their own times enter, never when a text was read: a stop that is obeyed late
ends what is paid for when it says. What only one end can know, a text the other never read, is no
part of a line's trace. A dispatch draws on the acceptance that its origin reference names, else on
one of the same contract, asset and time: none of its fields says so (profile 3).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from ukprofile.flex.common import Price
from ukprofile.flex.contract import ContractTerms, local_day, overlapping
from ukprofile.flex.counted import Counted, Metered, Nomination, Run, count
from ukprofile.flex.course import Course, dispatch_state
from ukprofile.flex.dispatch import Held, Period, Thread, cut, read_periods
from ukprofile.flex.energy import Reading
from ukprofile.flex.fields import Fault
from ukprofile.flex.kinds import KINDS
from ukprofile.flex.metering import Baseline, PostAction
from ukprofile.flex.offer import Acceptance, Availability
from ukprofile.flex.statement import (
    Line,
    Ref,
    Span,
    Statement,
    Trace,
    availability,
    made_of,
    utilisation,
)
from ukprofile.flex.timers import Side
from ukprofile.flex.times import read_time, time_text
from ukprofile.receiving.ledger import Entry, Ledger, Slot
from ukprofile.receiving.thread import answers_to, held_of, other_threads, terms_of, thread_of

_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Minutes:
    """The readings of one asset and one London day, as the DSO was shown them in a report."""

    asset_id: str
    name: str
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class Day:
    """One asset on the London day that begins at `start`: what readings are wanted of."""

    asset_id: str
    start: datetime
    end: datetime


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


@dataclass(frozen=True, slots=True)
class Dispatched:
    """A dispatch, with the words that the statement is made of."""

    slot: Slot
    run: Run
    course: Course
    head: Held
    end: datetime
    answers: tuple[Held, ...]
    texts: tuple[Ref, ...]

    @property
    def days(self) -> Iterator[Day]:
        for asset_id in sorted(self.run.assets):
            for period in self.run.spans:
                start, end = local_day(period.start)
                while start < period.end:
                    yield Day(asset_id, start, end)
                    start, end = local_day(end)


@dataclass(frozen=True, slots=True)
class Account:
    """Everything but the readings by the minute: which those are, `wanted` says."""

    dso: str
    fsp: str
    span: Span
    dispatched: tuple[Dispatched, ...]
    awards: tuple[Award, ...]
    nominations: tuple[Nomination, ...]
    nominated: Mapping[str, Ref]
    prices: Mapping[Slot, tuple[Price | None, Award | None]]

    @property
    def wanted(self) -> tuple[Day, ...]:
        found = {day for one in self.dispatched for day in one.days}
        return tuple(sorted(found, key=lambda day: (day.asset_id, day.start)))

    def statement(self, minutes: Sequence[Minutes]) -> Statement:
        """The statement, with the readings that the DSO was shown."""
        counted = count(
            [one.run for one in self.dispatched],
            _metered(self.dispatched, minutes),
            self.nominations,
        )
        lines = [
            self._line(one, found, minutes)
            for one, found in zip(self.dispatched, counted, strict=True)
            if one.run.start in self.span
        ]
        lines += [_of_award(one) for one in self.awards if one.periods[0].start in self.span]
        return made_of(self.dso, self.fsp, self.span, lines)

    def _line(self, one: Dispatched, found: Counted, minutes: Sequence[Minutes]) -> Line:
        price, award = self.prices[one.slot]
        begin, end = one.run.start, one.end
        used = [ref for sha256, ref in self.nominated.items() if sha256 in found.nominations]
        names = {
            m.name
            for m in minutes
            if m.asset_id in one.run.assets
            and any(r.start < end and begin < r.end for r in m.readings)
        }
        led = Trace() if award is None else award.trace
        return utilisation(
            found,
            price,
            contract_id=one.slot.program,
            thread=one.slot.thread,
            state=one.course.state.value,
            start=time_text(begin),
            end=time_text(end),
            assets=tuple(sorted(one.run.assets)),
            trace=Trace(
                led.request,
                led.offer,
                led.award,
                (*led.texts, *used, *one.texts),
                tuple(sorted(names)),
            ),
        )


def account(
    ledger: Ledger,
    side: Side,
    dso: str,
    fsp: str,
    programs: Iterable[str],
    acceptances: Iterable[Entry],
    baselines: Iterable[Entry],
    span: Span,
    now: datetime,
) -> Account:
    """What `ledger` holds between `dso` and `fsp` of what began in `span`.

    `acceptances` and `baselines` are the entries of those kinds, of any party.
    """
    since = span.since or datetime.min.replace(tzinfo=now.tzinfo)
    found = [
        one
        for program in sorted(set(programs))
        for slot, thread in other_threads(ledger, program, since)
        if (slot.issuer, slot.recipient) == (dso, fsp)
        if (one := _dispatched(ledger, side, slot, thread, now)) is not None
    ]
    found.sort(key=lambda one: (one.run.start, one.slot.program, one.slot.thread))
    awards = tuple(_awards(ledger, [e for e in acceptances if _between(e, dso, fsp)]))
    nominated = [held_of(e) for e in baselines if _between(e, fsp, dso)]
    nominated.sort(key=lambda h: (h.header.issued_at, h.header.revision, h.sha256))
    return Account(
        dso,
        fsp,
        span,
        tuple(found),
        awards,
        tuple(Nomination(h.sha256, h.header.issued_at, Baseline.read(h.body)) for h in nominated),
        {h.sha256: ref_of(h) for h in nominated},
        _prices(ledger, found, awards),
    )


def _between(entry: Entry, issuer: str, recipient: str) -> bool:
    return entry.standing and (entry.slot.issuer, entry.slot.recipient) == (issuer, recipient)


# -- dispatches ------------------------------------------------------------------------------------


def _dispatched(
    ledger: Ledger, side: Side, slot: Slot, thread: Thread, now: datetime
) -> Dispatched | None:
    """A dispatch as both ends know it; None where nothing but stops are held of it.

    What the FSP refused or read too late was asked all the same.
    """
    answers = tuple(answer for answer in answers_to(ledger, thread) if answer.counts)
    course = dispatch_state(thread, answers, now, terms_of(ledger, slot.program), side)
    asked = [h for h in (thread.standing if side == "dso" else thread.held) if _plans(h)]
    if not asked:
        return None
    newest = max(asked, key=lambda h: (h.header.revision, h.counts, h.sha256))
    head = course.confirmed or newest
    planned = read_periods(newest.body)
    ended = course.known.ended
    accepted = course.known.plan if course.confirmed is not None else ()
    run = Run(
        thread=f"{slot.program} {slot.thread}",
        revision=head.header.revision,
        start=planned[0].start,
        assets=frozenset(asset["asset_id"] for asset in head.body["assets"]),
        asked=cut(planned, min(_stops(thread), default=planned[-1].end)),
        accepted=accepted if ended is None else cut(accepted, ended),
    )
    return Dispatched(
        slot, run, course, head, planned[-1].end, answers, _texts(thread.held, answers)
    )


def _plans(held: Held) -> bool:
    """Whether it states periods that can be read: what was refused need not."""
    if held.header.stop:
        return False
    faults = KINDS[held.header.kind].body.look(held.body, "/body") if not held.counts else ()
    return not any(isinstance(f, Fault) for f in faults) and bool(held.body.get("periods"))


def _stops(thread: Thread) -> Iterator[datetime]:
    """When each stop ends what is asked, by its own words."""
    for stop in thread.stops:
        issued = stop.held.header.issued_at
        yield max(issued, read_time(stop.held.body.get("cease_at")) or issued)


def _texts(held: Iterable[Held], answers: Sequence[Held]) -> tuple[Ref, ...]:
    """The texts that were answered, and the answers: those that both ends hold."""
    answered = {a.header.in_reply_to.sha256 for a in answers if a.header.in_reply_to is not None}
    both = {h.sha256: h for h in held if h.sha256 in answered} | {a.sha256: a for a in answers}
    ordered = sorted(
        both.values(),
        key=lambda h: (h.header.issued_at, h.sha256 not in answered, h.header.revision, h.sha256),
    )
    return tuple(map(ref_of, ordered))


def ref_of(held: Held) -> Ref:
    """Where a text stands."""
    header = held.header
    return Ref(
        header.kind,
        header.program,
        header.thread,
        header.revision,
        header.message_id,
        held.sha256,
    )


# -- offers, baselines, prices ---------------------------------------------------------------------


def _awards(ledger: Ledger, entries: Iterable[Entry]) -> Iterator[Award]:
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


def _of_award(one: Award) -> Line:
    offered = () if one.offer is None else one.offer.periods
    return availability(
        _energy(Period(0, p.start, p.end, p.delta_w) for p in offered),
        _energy(one.periods),
        one.body.price,
        paid=one.state == "accepted",
        contract_id=one.slot.program,
        thread=one.slot.thread,
        state=one.state,
        start=time_text(one.periods[0].start),
        end=time_text(one.periods[-1].end),
        assets=tuple(sorted(one.assets)),
        trace=one.trace,
    )


def _energy(periods: Iterable[Period]) -> Fraction:
    """Power x time, in watt-microseconds."""
    whole = sum(abs(p.level_w) * ((p.end - p.start) // timedelta(seconds=1)) for p in periods)
    return Fraction(whole * _SECOND)


def _prices(
    ledger: Ledger, found: Iterable[Dispatched], awards: Iterable[Award]
) -> dict[Slot, tuple[Price | None, Award | None]]:
    """The price of each dispatch: of the acceptance that it draws on, else of the terms in force
    when its newest text was issued.
    """
    drawn = defaultdict[Slot, int](int)
    standing = [one for one in awards if one.state == "accepted"]
    prices = {}
    for one in found:
        award = _award_of(one, standing, drawn)
        if award is None or award.body.price is None:
            prices[one.slot] = _of_terms(ledger, one), award
        else:
            prices[one.slot] = award.body.price, award
        if award is not None:
            drawn[award.slot] += 1
    return prices


def _award_of(one: Dispatched, awards: Iterable[Award], drawn: Mapping[Slot, int]) -> Award | None:
    """The acceptance that it names, else of those that fit the nearest: one that nothing draws on
    yet, of the same power, the oldest.
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
            drawn[a.slot],
            abs(max(abs(p.level_w) for p in a.periods) - level),
            a.issued_at,
            a.slot.thread,
        ),
        default=None,
    )


def _of_terms(ledger: Ledger, one: Dispatched) -> Price | None:
    newest = ledger.terms(one.slot.program)
    if newest is None:
        return None
    texts = thread_of(ledger, newest.slot).standing
    before = [h for h in texts if h.header.issued_at <= one.head.header.issued_at]
    return ContractTerms.read((before or texts)[-1 if before else 0].body).price


# -- readings --------------------------------------------------------------------------------------


def _metered(dispatched: Iterable[Dispatched], minutes: Iterable[Minutes]) -> dict[str, Metered]:
    """The readings of every asset: by the minute as they were shown, and the half hours that were
    signed.
    """
    shown = defaultdict[str, dict[datetime, Reading]](dict)
    for one in minutes:
        shown[one.asset_id] |= {reading.start: reading for reading in one.readings}
    signed = defaultdict[str, dict[datetime, Reading]](dict)
    answers = {a.sha256: a for one in dispatched for a in one.answers}
    posted = [a for a in answers.values() if a.header.kind == "post_action"]
    for answer in sorted(posted, key=lambda a: (a.header.issued_at, a.header.revision, a.sha256)):
        body = PostAction.read(answer.body)
        if len(body.assets) == 1:
            signed[body.assets[0].asset_id] |= {r.start: r for r in _half_hours(body)}
    return {
        asset_id: Metered(_in_order(shown[asset_id]), _in_order(signed[asset_id]))
        for asset_id in {*shown, *signed}
    }


def _in_order(readings: Mapping[datetime, Reading]) -> tuple[Reading, ...]:
    return tuple(readings[start] for start in sorted(readings))


def _half_hours(body: PostAction) -> Iterator[Reading]:
    """The intervals of a post-action that say something."""
    step = body.interval_s
    energies = [watts * step for watts in body.metered_w] or [wh * 3600 for wh in body.metered_wh]
    for n, exported_ws in enumerate(energies):
        if n >= len(body.quality) or body.quality[n] != "missing":
            yield Reading(body.start + timedelta(seconds=n * step), step, exported_ws, 0)
