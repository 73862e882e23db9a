"""From what a ledger holds to the statement of one DSO and one FSP, the same at either end.

    programs ─▶ threads, answers ─▶ course ─▶ asked, accepted ─┐
    acceptances ─▶ offer ─▶ request                  │ price   ├─▶ count ─▶ lines ─▶ Statement
    baselines ─▶ nominations                                   │
    post-actions ─▶ half hours     readings by the minute ─────┘

Only signed words and their own times enter, never when a text was read: a stop that is obeyed late
ends what is paid for when it says. What only one end can know, a text the other never read, is no
part of a line's trace.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ukprofile.flex.common import Price
from ukprofile.flex.counted import Counted, Metered, Nomination, count
from ukprofile.flex.dispatch import Period
from ukprofile.flex.energy import Reading
from ukprofile.flex.metering import Baseline, PostAction
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
from ukprofile.flex.times import time_text
from ukprofile.receiving.awards import Award, awards_in, prices
from ukprofile.receiving.dispatched import Day, Dispatched, dispatched_in, ref_of
from ukprofile.receiving.ledger import Entry, Ledger, Slot
from ukprofile.receiving.thread import held_of, other_threads

_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Minutes:
    """The readings of one asset and one London day, as the DSO was shown them in a report."""

    asset_id: str
    name: str
    readings: tuple[Reading, ...]


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
        if (one := dispatched_in(ledger, side, slot, thread, now)) is not None
    ]
    found.sort(key=lambda one: (one.run.start, one.slot.program, one.slot.thread))
    awards = tuple(awards_in(ledger, [e for e in acceptances if _between(e, dso, fsp)]))
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
        prices(ledger, found, awards),
    )


def _between(entry: Entry, issuer: str, recipient: str) -> bool:
    return entry.standing and (entry.slot.issuer, entry.slot.recipient) == (issuer, recipient)


# -- availability ----------------------------------------------------------------------------------


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


def _energy(periods: Iterable[Period]) -> int:
    """Power x time, in watt-microseconds."""
    whole = sum(abs(p.level_w) * ((p.end - p.start) // timedelta(seconds=1)) for p in periods)
    return whole * _SECOND


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
