"""A dispatch as both ends know it: what was asked and accepted of it by signed words alone.

    texts ─┐                     ┌─ asked     as it was asked last, up to a stop
           ├─ course (profile 5) ┤
    answers┘                     └─ accepted  what is in force, up to the end that the words give it

A stop ends it when it says, however late it is read and obeyed; what the FSP ended, when it said
so. Of the texts those are kept that both ends hold: what was answered, and the answers.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from ukprofile.flex.contract import local_day
from ukprofile.flex.counted import Run
from ukprofile.flex.course import Course, dispatch_state
from ukprofile.flex.dispatch import Held, Thread, cut, read_periods
from ukprofile.flex.fields import Fault
from ukprofile.flex.kinds import KINDS
from ukprofile.flex.statement import Ref
from ukprofile.flex.timers import Side
from ukprofile.flex.times import read_time
from ukprofile.receiving.ledger import Ledger, Slot
from ukprofile.receiving.thread import answers_to, terms_of


@dataclass(frozen=True, slots=True)
class Day:
    """One asset on the London day that begins at `start`: what readings are wanted of."""

    asset_id: str
    start: datetime
    end: datetime


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


def dispatched_in(
    ledger: Ledger, side: Side, slot: Slot, thread: Thread, now: datetime
) -> Dispatched | None:
    """A dispatch as both ends know it; None where nothing but stops are held of it.

    What the FSP refused or read too late was asked all the same.
    """
    answers = tuple(answer for answer in answers_to(ledger, thread) if answer.counts)
    course = dispatch_state(thread, answers, now, terms_of(ledger, slot.program), side)
    texts = [h for h in (thread.standing if side == "dso" else thread.held) if _plans(h)]
    if not texts:
        return None
    newest = max(texts, key=lambda h: (h.header.revision, h.counts, h.sha256))
    head = course.confirmed or newest
    planned = read_periods(_asking(newest, texts, answers).body)
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


def _asking(newest: Held, texts: Iterable[Held], answers: Iterable[Held]) -> Held:
    """What was asked last: of an instruction that confirms what was accepted in part, the text to
    which that was the answer.
    """
    periods, by_sha256 = read_periods(newest.body), {held.sha256: held for held in texts}
    found = [
        (answer.header.revision, answer.header.in_reply_to)
        for answer in answers
        if answer.header.kind == "response" and answer.body["answer"] == "partial"
        if read_periods(answer.body) == periods
    ]
    _, to = max(found, key=lambda one: one[0], default=(0, None))
    return newest if to is None else by_sha256.get(to.sha256, newest)


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
