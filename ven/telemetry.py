"""Showing the DSO the readings of the day as they come (profile 1, telemetry).

    readings of one asset, one London day ─▶ one report on the contract's event, PUT in place

    resource   intervalPeriod  start of the first interval, length of each: they follow each other
    interval   DEMAND          mean power in kW as OpenADR means it: + = import
               DATA_QUALITY    ESTIMATED, or MISSING in place of a value; OK is not said

Unsigned, no evidence: what counts comes signed in the post-action. So nothing is queued, nothing
waits for it, and a report that cannot be written is written anew with the next reading.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from ukprofile.clock import Clock
from ukprofile.errors import ProfileError, Unreachable
from ukprofile.flex.contract import local_day
from ukprofile.flex.energy import Reading
from ukprofile.openadr import (
    DateTime,
    Duration,
    Interval,
    IntervalPeriod,
    Report,
    ReportPayloadDescriptor,
    ReportRequest,
    ReportResource,
    ValuesMap,
)
from ukprofile.openadr.client import Client, Held, VtnProblem
from ven.anchor import contract_event, terms_of
from ven.journal import Book, Journal

REST_S = 1.0
"""Real seconds between two rounds at least, however fast the business clock runs."""
_LONDON = ZoneInfo("Europe/London")
_LATE = timedelta(hours=1)
"""How long into a day the report of the day before is still brought up to date."""
_MOST = 1500
"""The newest so many intervals are shown: a day of 25 hours, minute by minute."""
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
        for report in due:
            if not report.read or report.read == self._shown.get(report.key):
                continue
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
        return f"TELEMETRY-{self.asset_id}-{self.day.astimezone(_LONDON):%Y-%m-%d}"

    @property
    def key(self) -> tuple[str, str]:
        return self.event_id, self.name


def resource(asset_id: str, read: Sequence[Reading]) -> ReportResource:
    """Readings (in order, at least one, of equal length) as intervals that follow each other.

    Where there is no reading the interval says MISSING; `id` counts from the first one shown.
    """
    length = timedelta(seconds=read[-1].seconds)
    first = max(read[0].start, read[-1].end - _MOST * length)
    count = (read[-1].end - first) // length
    places = {(r.start - first) // length: r for r in read if r.start >= first}
    return ReportResource(
        resource_name=asset_id,
        interval_period=IntervalPeriod(start=DateTime.of(first), duration=Duration.of(length)),
        intervals=tuple(Interval(id=n, payloads=_payloads(places.get(n))) for n in range(count)),
    )


def _payloads(reading: Reading | None) -> tuple[ValuesMap, ...]:
    if reading is None:
        return (ValuesMap(type="DATA_QUALITY", values=("MISSING",)),)
    # 0 - x, since a battery at rest has no demand of -0.0
    demand = ValuesMap(type="DEMAND", values=((0 - reading.power_w) / 1000,))
    if reading.quality == "actual":
        return (demand,)
    return (demand, ValuesMap(type="DATA_QUALITY", values=("ESTIMATED",)))
