"""What a dispatch has come to: its post-action, by asset and London day, for settlement.

    dispatch over ──▶ readings of the day ──▶ tally ──▶ PostAction ──▶ signed, on its event
                      asked of this asset ──┘            the same as last time: nothing

    16:00          17:00  +after            24:00                     report_by
      ├── dispatch ──┤ · · ┆ 16:00-17:00      ┆ the whole day, read     ┆ at the latest

By default it is sent once the London day is over and read: 46, 48 or 50 half hours. Sent earlier,
by the setting `post_action_after_s` or because report_by is near, it covers the half hours that
the dispatch touched, and the whole day follows as a newer revision of the same thread. So does
whatever changes later: the newest revision is the whole truth about an asset and a day.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise, product
from typing import Any
from zoneinfo import ZoneInfo

from ukprofile.clock import Clock
from ukprofile.flex.common import read_assets
from ukprofile.flex.contract import REPORT_S, local_day
from ukprofile.flex.dispatch import edges
from ukprofile.flex.energy import Asked, Reading, rebased, tally
from ukprofile.flex.metering import Baseline, PostAction, in_parts
from ukprofile.receiving import Entry, parse_text
from ukprofile.timeline import Plan, level_now, timeline
from ven.anchor import answered, event_of, terms_of
from ven.answer import InDoubt, Voice, last_reply, reply
from ven.bell import Bell
from ven.draft import is_draft
from ven.journal import Book, Journal
from ven.plan import Dispatch, part_of
from ven.progress import over
from ven.replan import in_force
from ven.sampling import whole_before
from ven.settings import HALF_HOUR_S

NOMINATED = "nominated"
"""The baseline method that takes the FSP's own nomination."""
OF_DEVICE = "device"
"""The method where none was nominated: what the device says it would have done."""
LOOKS = timedelta(minutes=1)
"""Business time between two looks at what is due."""
REST_S = 0.5
"""Real seconds between two looks at least."""
SETTLED = timedelta(minutes=5)
"""How long after the end of a day its last readings are waited for."""
LAST_CALL = timedelta(seconds=REPORT_S) - timedelta(minutes=5)
"""After the end of a dispatch: late enough to be sent as it is (profile 5, report_by)."""
CORRECTED = timedelta(days=3)
"""How long after its end a dispatch is reported again if late readings change it."""
MOST_BYTES = 30_000
"""Of a body: the text with its header stays below 32 KiB (profile 2)."""
_RANKS = {"missing": 0, "estimated": 1, "actual": 2}
_HALF_HOUR = timedelta(seconds=HALF_HOUR_S)
_LONDON = ZoneInfo("Europe/London")


class PostActions:
    """Sends the post-action of every dispatch that is over."""

    def __init__(
        self,
        journal: Journal,
        voice: Voice,
        weights: Mapping[str, int],
        clock: Clock,
        bell: Bell,
        *,
        after_s: float,
        interval_s: int = HALF_HOUR_S,
        rest_s: float = REST_S,
    ) -> None:
        """`after_s` are the business seconds after the half hour of the end; 0 = after the day."""
        self._journal = journal
        self._voice = voice
        self._weights = weights
        self._clock = clock
        self._bell = bell
        self._after = timedelta(seconds=after_s)
        self._interval_s = interval_s
        self._rest_s = rest_s

    async def run(self) -> None:
        while True:
            began = self._clock.now()
            await self.look()
            await asyncio.sleep(self._rest_s)
            await self._clock.until(began + LOOKS)

    async def look(self) -> None:
        """Send what is due and was not said yet."""
        now = self._clock.now()
        if await self._journal.read(lambda book: next(self._news(book, now), None)):
            with suppress(InDoubt):
                await self._journal.write(lambda book: self._say(book, now))
                self._bell.ring()

    def _say(self, book: Book, now: datetime) -> None:
        for one in list(self._news(book, now)):
            reply(book, self._voice, one.entry, one.body, one.event_id, now, about=one.about)

    def _news(self, book: Book, now: datetime) -> Iterator["_Statement"]:
        """Every statement that is due and differs from what was said last."""
        known = in_force(book, now - CORRECTED)
        for one in known:
            if is_draft(one.slot):
                continue  # the draft has no word for it
            said = book.said(one.slot.program, one.slot.thread)
            if now < one.end or now > one.end + CORRECTED or not over(one, said, now):
                continue
            for statement in self._statements(book, known, one, now):
                last = last_reply(
                    book, self._voice, statement.entry, "post_action", statement.about
                )
                if last is None or corrects(statement.body, parse_text(last.text)["body"]):
                    yield statement

    def _statements(
        self, book: Book, known: Sequence[Dispatch], one: Dispatch, now: datetime
    ) -> Iterator["_Statement"]:
        entry, event_id = answered(book, one), event_of(book, one)
        for day, asset_id in product(_days(one.start, one.end), one.assets):
            mark = book.readings.mark(asset_id)
            read_until = day[0] if mark is None else mark.until
            span = due_span(one.start, one.end, day, self._after, read_until, now)
            if span is None:
                continue
            asked = asked_of(known, one, asset_id, self._weights)
            whole = _post_action(book, one, asset_id, asked, span, self._interval_s)
            for body in in_parts(whole, MOST_BYTES):
                about = f"{asset_id}-{day[0].astimezone(_LONDON):%Y%m%d}"
                about += f"-{body.part}" if body.part > 1 else ""
                yield _Statement(entry, event_id, about, body)


@dataclass(frozen=True, slots=True)
class _Statement:
    """One text to sign: what it answers, where it is posted, what its thread is about."""

    entry: Entry
    event_id: str
    about: str
    body: PostAction


def corrects(new: PostAction, said: Mapping[str, Any]) -> bool:
    """Whether `new` says anything else than the body `said`, and of nothing less.

    A journal that was put back has lost readings that were reported already: what was said of
    them stands.
    """
    if new.to_json() == said:
        return False
    ranks = dict(_qualities(new))
    known = _qualities(PostAction.read(said))
    return all(ranks[at] >= rank for at, rank in known if at in ranks)


def _qualities(one: PostAction) -> Iterator[tuple[datetime, int]]:
    for n, quality in enumerate(one.quality):
        yield one.start + n * timedelta(seconds=one.interval_s), _RANKS[quality]


def due_span(
    start: datetime,
    end: datetime,
    day: tuple[datetime, datetime],
    after: timedelta,
    read_until: datetime,
    now: datetime,
) -> tuple[datetime, datetime] | None:
    """What is to be reported at `now` of a dispatch from `start` to `end` on a London day.

    The whole day, the half hours it touched, or nothing yet; `read_until` is how far the asset
    has been read. A series that begins with the day
    has to fill it (profile 3 post_action): its half hours to come are then missing.
    """
    if now >= day[1] and (read_until >= day[1] or now >= day[1] + SETTLED):
        return day
    first = whole_before(max(start, day[0]), HALF_HOUR_S)
    last = whole_before(min(end, day[1]) - timedelta(microseconds=1), HALF_HOUR_S) + _HALF_HOUR
    soon = bool(after) and now >= last + after
    if not soon and now < end + LAST_CALL:
        return None
    return day if first == day[0] else (first, last)


def asked_of(
    known: Sequence[Dispatch], one: Dispatch, asset_id: str, weights: Mapping[str, int]
) -> tuple[Asked, ...]:
    """What `one` asked of an asset, beside whatever else was asked of it in the same time.

    As the device was told: changes add up, and of set-points the newest one counts alone.
    """
    plans = [_plan(other, asset_id, weights) for other in known if asset_id in other.assets]
    mine = _plan(one, asset_id, weights)
    levels = timeline(plans, asset_id)
    found = []
    for start, end in pairwise(edges(*(plan.periods for plan in plans))):
        level = level_now(levels, start)
        if level is None or mine.thread not in level.threads:
            continue
        if level.setpoint_w is not None:
            found.append(Asked(start, end, setpoint_w=level.setpoint_w))
            continue
        deltas = {p.thread: _delta_at(p, start) for p in plans if p.thread in level.threads}
        delta_w = deltas.pop(mine.thread)
        found.append(Asked(start, end, delta_w, None, tuple(deltas.values())))
    return tuple(found)


def _plan(one: Dispatch, asset_id: str, weights: Mapping[str, int]) -> Plan:
    """Its part under a name of its own: two DSOs may call their dispatches alike."""
    return replace(part_of(one, asset_id, weights), thread=f"{one.slot.program} {one.slot.thread}")


def _delta_at(plan: Plan, at: datetime) -> int:
    return next(p.delta_w or 0 for p in plan.periods if p.start <= at < p.end)


def _post_action(
    book: Book,
    one: Dispatch,
    asset_id: str,
    asked: Sequence[Asked],
    span: tuple[datetime, datetime],
    interval_s: int,
) -> PostAction:
    body = one.confirmed.body
    start, end = span
    readings, method = _against_baseline(book, one, asset_id, span)
    found = tally(readings, asked, start, end, interval_s)
    return PostAction(
        contract_id=body["contract_id"],
        zone=body["zone"],
        assets=tuple(a for a in read_assets(body) if a.asset_id == asset_id),
        start=start,
        interval_s=interval_s,
        metered_w=found.metered_w,
        baseline_w=found.baseline_w,
        delivered_wh=found.delivered_wh,
        quality=found.quality,
        method=method,
    )


def _against_baseline(
    book: Book, one: Dispatch, asset_id: str, span: tuple[datetime, datetime]
) -> tuple[tuple[Reading, ...], str]:
    """The readings against the baseline that the contract goes by, and its method.

    A nomination counts where the terms say so, it is of this asset alone, covers all of the
    dispatch in the span, and was made before the dispatch began.
    """
    start, end = span
    readings = book.readings.between(asset_id, start, end)
    terms = terms_of(book, one.slot.program)
    if terms is None or terms.baseline_method != NOMINATED:
        return readings, OF_DEVICE
    for entry in reversed(book.spoken(one.slot.program, "baseline")):
        if entry.issued_at > one.start:
            continue
        said = Baseline.read(parse_text(entry.text)["body"])
        covers = said.start <= max(start, one.start) and min(end, one.end) <= said.end
        if covers and [a.asset_id for a in said.assets] == [asset_id]:
            return rebased(readings, said.start, said.interval_s, said.baseline_w), NOMINATED
    return readings, OF_DEVICE


def _days(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The London days of which something lies between two instants."""
    day = local_day(start)
    while day[0] < end:
        yield day
        day = local_day(day[1])
