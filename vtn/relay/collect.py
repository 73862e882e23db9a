"""Fetching what FSPs answered at another VTN, and admitting it here by its signature.

    GET /reports, polled ─▶ new texts ─▶ Admission: genuine? ours? in order? ─▶ ledger
                                                    └─ no: told once in the security log

Whatever the other VTN says of a report (its client, its time) is not believed: the text and its
signature say who spoke, and what about.
"""

import asyncio
from typing import Any

from ukprofile.clock import Clock
from ukprofile.errors import Refused, Unreachable
from ukprofile.mapping.answer import message_of
from ukprofile.openadr import Report
from ukprofile.openadr.client import Client, Listing, VtnProblem
from ukprofile.receiving import repeat
from vtn.domain.admission import Admission, Equivocal
from vtn.domain.store import Store
from vtn.relay.publish import Publisher
from vtn.relay.whole import to_the_end


class Collector:
    """Takes the signed reports of one other VTN into this VTN's ledger."""

    def __init__(
        self,
        store: Store,
        admission: Admission,
        client: Client,
        publisher: Publisher,
        clock: Clock,
        log: Any,
        *,
        poll_s: float,
    ) -> None:
        """`clock` is the business clock; `poll_s` real seconds between two looks."""
        self._store = store
        self._admission = admission
        self._client = client
        self._publisher = publisher
        self._clock = clock
        self._log = log
        self._poll_s = poll_s
        self._listing: Listing[Report] | None = None
        self._told: set[str] = set()

    async def run(self) -> None:
        """Collect for as long as the VTN runs."""
        while True:
            try:
                await self.collect()
            except (Unreachable, VtnProblem, Refused) as error:
                self._log.warning("no reports collected", why=str(error))
            except Exception:  # noqa: BLE001 - as of `Publisher`
                self._log.exception("internal error", part="relay")
            await asyncio.sleep(self._poll_s)

    async def collect(self) -> int:
        """One look; how many texts were new. Raises Unreachable, VtnProblem, Refused."""
        listing = await self._client.reports.poll(self._listing)
        self._listing = listing
        # Oldest first: an acknowledgement before the status that follows it.
        ordered = sorted(listing.items, key=lambda r: r.created_date_time.instant)
        new = (report for report in ordered if report.id not in self._told)
        return sum([await to_the_end(self._take(report)) for report in new])

    async def _take(self, report: Report) -> bool:
        try:
            carried = message_of(report)
            program = self._publisher.program_name(report.event_id)
            if carried is None or not program:
                return False
            text = carried.text
            if await self._store.read(lambda tx: repeat(text, tx)) is not None:
                self._told.add(report.id)
                return False
            admitted = await self._admission.open_carried(
                carried, program, self._store.live, self._clock.now()
            )
            await self._store.write(lambda tx: self._admission.decide(tx, admitted))
        except Equivocal as refused:
            entry = refused.entry
            await self._store.write(lambda tx: tx.keep(entry))
            self._tell(report, refused)
        except Refused as refused:
            if refused.reason == "STORE_DOWN":
                raise
            self._tell(report, refused)
            return False
        self._told.add(report.id)
        return True

    def _tell(self, report: Report, refused: Refused) -> None:
        self._told.add(report.id)
        self._log.warning(
            "report refused",
            report=report.id,
            reason=refused.reason,
            detail=refused.detail,
            **({"log": "security"} if refused.security else {}),
        )
