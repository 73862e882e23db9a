"""Showing the DSO the readings of the day as they come (profile 1, telemetry).

    readings of one asset, one London day ─▶ one report on the contract's event, PUT in place
                                                └─▶ a note in the journal: shown from, until

Unsigned, no evidence: what counts comes signed in the post-action. So nothing is queued, nothing
waits for it, and a report that cannot be written is written anew with the next reading. The note
is for the provisional statement, which goes by what both ends have.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from ukprofile.clock import Clock
from ukprofile.errors import ProfileError, Unreachable
from ukprofile.flex.contract import local_day
from ukprofile.flex.energy import Reading
from ukprofile.mapping.telemetry import as_shown, name_of, resource, shown_since
from ukprofile.openadr import Report, ReportPayloadDescriptor, ReportRequest
from ukprofile.openadr.client import Client, Held, VtnProblem
from ven.anchor import contract_event, terms_of
from ven.journal import Book, Journal, time_text
from ven.journal.times import due_time

REST_S = 1.0
"""Real seconds between two rounds at least, however fast the business clock runs."""
_LATE = timedelta(hours=1)
"""How long into a day the report of the day before is still brought up to date."""
_DESCRIPTORS = (
    ReportPayloadDescriptor(payload_type="DEMAND", reading_type="MEAN", units="KW"),
    ReportPayloadDescriptor(payload_type="DATA_QUALITY"),
)


class Telemetry:
    """Keeps the report of each asset and day up to date."""

    def __init__(
        self,
        client: Client,
        journal: Journal,
        clock: Clock,
        party: str,
        assets: Sequence[str],
        log: structlog.stdlib.BoundLogger,
        *,
        reading_s: int,
        rest_s: float = REST_S,
    ) -> None:
        self._client = client
        self._journal = journal
        self._clock = clock
        self._party = party
        self._assets = assets
        self._log = log
        self._every = timedelta(seconds=reading_s)
        self._rest_s = rest_s
        self._held: dict[tuple[str, str], Held[Report]] = {}
        self._shown: dict[tuple[str, str], tuple[Reading, ...]] = {}

    async def run(self) -> None:
        while True:
            began = self._clock.now()
            await self.tell()
            await asyncio.sleep(self._rest_s)
            await self._clock.until(began + self._every)

    async def tell(self) -> None:
        """Show what is new; what cannot be shown now is part of the next round."""
        now = self._clock.now()
        due = await self._journal.read(lambda book: self._due(book, now))
        names = {report.name for report in due}
        self._shown = {k: v for k, v in self._shown.items() if k[1] in names}
        self._held = {k: v for k, v in self._held.items() if k[1] in names}
        new = [r for r in due if r.read and r.read != self._shown.get(r.key)]
        done = [report async for report in self._tell(new)]
        if done:
            await self._journal.write(lambda book: _note(book, done))

    async def _tell(self, new: Sequence["_Due"]) -> AsyncIterator["_Due"]:
        """Those that stand at the VTN now."""
        for report in new:
            try:
                await self._show(report)
            except Unreachable as error:
                # That the VTN cannot be reached, the listener tells a person.
                self._log.warning("no telemetry", why=str(error))
                return
            except ProfileError as error:
                self._log.warning("no telemetry", report=report.name, why=str(error))
            else:
                self._shown[report.key] = report.read
                yield report

    def _due(self, book: Book, now: datetime) -> list["_Due"]:
        """The report of each day and asset of a contract in force, as it should stand."""
        days = sorted({local_day(now - _LATE), local_day(now)})
        found = []
        for program in book.programs():
            terms, event_id = terms_of(book, program), contract_event(book, program)
            if terms is None or not event_id or not terms.valid_from <= now < terms.valid_to:
                continue
            found += [
                _Due(event_id, asset_id, start, book.readings.between(asset_id, start, end))
                for asset_id in self._assets
                if asset_id in terms.asset_ids
                for start, end in days
            ]
        return found

    async def _show(self, report: "_Due") -> None:
        """Write the report over the one that stands, once more if that one has changed."""
        request = ReportRequest(
            event_id=report.event_id,
            client_name=self._party,
            report_name=report.name,
            payload_descriptors=_DESCRIPTORS,
            resources=(resource(report.asset_id, report.read),),
        )
        try:
            await self._write(report.key, request)
        except VtnProblem as problem:
            if problem.status not in (404, 409, 412):
                raise
            await self._write(report.key, request)

    async def _write(self, key: tuple[str, str], request: ReportRequest) -> None:
        held = self._held.pop(key, None) or await self._found(key)
        if held is None:
            self._held[key] = await self._client.reports.create(request)
        else:
            self._held[key] = await self._client.reports.update(
                held.value.id, request, if_match=held.etag
            )

    async def _found(self, key: tuple[str, str]) -> Held[Report] | None:
        """The report as it stands at the VTN; None for none."""
        event_id, name = key
        listing = await self._client.reports.list(event_id=event_id, client_name=self._party)
        found = next((r.id for r in listing.items if r.report_name == name), None)
        return None if found is None else await self._client.reports.get(found)


@dataclass(frozen=True, slots=True)
class _Due:
    """The report of one asset and one London day, which begins at `day`."""

    event_id: str
    asset_id: str
    day: datetime
    read: tuple[Reading, ...]

    @property
    def name(self) -> str:
        return name_of(self.asset_id, self.day)

    @property
    def key(self) -> tuple[str, str]:
        return self.event_id, self.name


def _note(book: Book, shown: Iterable[_Due]) -> None:
    """Up to where the VTN has been shown the readings of each asset and day."""
    for report in shown:
        since, until = time_text(shown_since(report.read)), time_text(report.read[-1].end)
        book.note(report.name, f"{since} {until}")


def was_shown(book: Book, asset_id: str, day: tuple[datetime, datetime]) -> tuple[Reading, ...]:
    """The readings of a London day as the VTN was shown them; none where it was shown none."""
    noted = book.noted(name_of(asset_id, day[0]))
    if not noted:
        return ()
    since, until = map(due_time, noted.split())
    read = book.readings.between(asset_id, since, until)
    return as_shown(asset_id, [reading for reading in read if reading.end <= until])
