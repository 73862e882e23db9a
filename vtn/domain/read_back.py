"""What a VEN that knows only the draft GB API answers: an unsigned READ_BACK (draft 5.5).

    event, revised at 16:05 ── READ_BACK at 16:02 ─▶ of the revision before: nothing
                            └─ READ_BACK at 16:06 ─▶ the same payloads: fetched, "unsigned"

It is no acknowledgement: only the FSP's key makes one (profile 1).
"""

import json

from ukprofile.mapping.answer import message_of, reads_back
from ukprofile.openadr import Event, Report
from ukprofile.receiving import Slot
from vtn.domain.record import Kind
from vtn.domain.store import Transaction

UNSIGNED = "read_back_unsigned"
"""The flag that a person sees."""


def read_back_unsigned(tx: Transaction, slot: Slot) -> bool:
    """Whether the newest revision of the dispatch in `slot` was read back without a signature."""
    for program in tx.find(Kind.PROGRAM, name=slot.program):
        for event in tx.find(Kind.EVENT, program_id=program.id, name=slot.thread):
            shown = Event.read(json.loads(event.body))
            for record in reversed(tx.find(Kind.REPORT, event_id=event.id)):
                if record.created < event.modified:
                    break
                report = Report.read(json.loads(record.body))
                if message_of(report) is None and reads_back(report, shown):
                    return True
    return False
