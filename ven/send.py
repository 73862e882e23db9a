"""The outbox: reports, in order, each at the VTN once.

    QUEUED ──written──▶ attempted ──POST──▶ SENT
       ▲                   │ ├─ no, for good ─▶ REFUSED, alarm
       │                   │ └─ not now, no answer ─▶ back-off
       └── a crash, or no answer: looked for by its name before it is sent again

A report that was sent before and is queued again (`ven.again`) is only asked for; where the VTN
had lost it, a person is told.

The name of a report is the message id of what it carries, so that it can be recognised
(profile 1). One that waits holds back those behind it: the DSO reads them in order. After an outage
that is all of them, overtaken ones too: each is evidence, and a correction is a newer revision of
its thread, which counts by itself. What a report said counts for nothing once it is refused, and
the plan is made anew without it.
"""

import asyncio
from collections.abc import Mapping
from random import Random

from ukprofile.clock import Clock
from ukprofile.errors import ProfileError, Refused, Unreachable
from ukprofile.mapping.answer import message_of
from ukprofile.openadr import ReportRequest
from ukprofile.openadr.client import Client, VtnProblem
from ukprofile.openadr.report import ReportFields
from ven.alarms import Alarms, alarm
from ven.bell import Bell
from ven.journal import Alarm, Book, Journal, Post
from ven.replan import replan

_PASSING = frozenset({401, 408, 425, 429})
"""Refusals that are about now, not about the report."""
_LONGEST_S = 60.0


class Sender:
    """Posts what the journal has queued."""

    def __init__(
        self,
        client: Client,
        journal: Journal,
        alarms: Alarms,
        bell: Bell,
        clock: Clock,
        *,
        random: Random,
        weights: Mapping[str, int],
        first_wait_s: float = 1.0,
    ) -> None:
        """`weights` says how assets share a dispatch (ven.plan)."""
        self._client = client
        self._journal = journal
        self._alarms = alarms
        self._bell = bell
        self._ear = bell.ear()
        self._clock = clock
        self._random = random
        self._weights = weights
        self._first_wait_s = first_wait_s
        self._failures = 0

    async def run(self) -> None:
        while True:
            wait_s = await self.flush()
            if wait_s:
                await asyncio.sleep(wait_s * (1 + 0.3 * self._random.random()))
            else:
                await self._ear.wait()

    async def flush(self) -> float:
        """Post all that is queued; 0 = all of it is settled, else the seconds to wait."""
        for post in await self._journal.read(lambda book: book.posts("QUEUED")):
            try:
                await self._post(post)
            except (Unreachable, Refused, VtnProblem) as error:
                return await self._later(post, error)
            self._failures = 0
        return 0.0

    async def _post(self, post: Post) -> None:
        """Settle one report. Raises Unreachable, Refused, VtnProblem: not settled yet."""
        if post.attempts and await self._found(post):
            return
        await self._journal.write(lambda book: book.attempted(post.seq))
        try:
            held = await self._client.reports.create(ReportRequest.read_bytes(post.body))
        except VtnProblem as problem:
            if problem.status >= 500 or problem.status in _PASSING:
                raise
            # A name that is taken may be taken by this very report.
            if problem.status != 409 or not await self._found(post):
                await self._give_up(post, problem)
        else:
            await self._sent(post, held.value.id)
            if post.report_id:
                await self._tell_lost(post)

    async def _found(self, post: Post) -> bool:
        """Whether the VTN has it already; if so it is settled."""
        try:
            listing = await self._client.reports.list(event_id=post.event_id)
        except VtnProblem as problem:
            if problem.status == 404:
                return False
            raise
        said = _said(ReportRequest.read_bytes(post.body))
        report_id = next(
            (r.id for r in listing.items if r.report_name == post.name and _said(r) == said), ""
        )
        if report_id:
            await self._sent(post, report_id)
        return bool(report_id)

    async def _sent(self, post: Post, report_id: str) -> None:
        now = self._clock.now()
        await self._journal.write(lambda book: book.posted(post.seq, "SENT", now, report_id))

    async def _tell_lost(self, post: Post) -> None:
        """The VTN took as new what it had taken before."""
        detail = f"the VTN had lost {post.kind} on {post.event_id}: was it put back to a backup?"
        lost = alarm(
            "ROLLED_BACK", post.event_id, self._clock.now(), detail=detail, event_id=post.event_id
        )
        await self._alarms.sound(lost)

    async def _give_up(self, post: Post, problem: VtnProblem) -> None:
        now = self._clock.now()
        if post.report_id:  # it was taken once: what it said stands
            await self._sent(post, post.report_id)
            return
        detail = f"{post.kind} on {post.event_id}: {problem}"
        raised = alarm("REPORT_REFUSED", post.name, now, detail=detail, event_id=post.event_id)

        def write(book: Book) -> list[Alarm]:
            book.posted(post.seq, "REFUSED", now, error=str(problem))
            book.disown(post.name, problem.reason or "REPORT_REFUSED")
            replan(book, self._weights, now)
            return [raised] if book.alarm(raised) else []

        self._alarms.tell(await self._journal.write(write))
        self._bell.ring()

    async def _later(self, post: Post, error: ProfileError) -> float:
        """It stays queued; how long to wait grows with every failure in a row."""
        await self._journal.write(lambda book: book.attempted(post.seq, str(error) or "no answer"))
        grown = min(_LONGEST_S, self._first_wait_s * 2.0 ** min(self._failures, 10))
        self._failures += 1
        asked = error.retry_after if isinstance(error, VtnProblem) else None
        return max(grown, asked or 0.0)


def _said(report: ReportFields) -> str | None:
    """The text it carries; "" where nobody could have said it, None for an unsigned one."""
    try:
        carried = message_of(report)
    except Refused:
        return ""
    return None if carried is None else carried.text
