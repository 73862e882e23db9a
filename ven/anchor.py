"""What a report of mine hangs on: an event, and the text it answers.

dispatch       its own event; the contract's where that one is gone (profile 1)
anything else  the contract's event
"""

from ukprofile.flex.contract import ContractTerms
from ukprofile.receiving import Entry, Slot, parse_text
from ven.journal import Book
from ven.plan import Dispatch
from ven.progress import stopped


def answered(book: Book, one: Dispatch) -> Entry:
    """The text that a word on a dispatch answers: the stop that ended it, else the one in force."""
    stop = one.thread.first_stop
    sha256 = stop.held.sha256 if stop is not None and stopped(one) else one.sha256
    entry = book.entry(sha256)
    assert entry is not None
    return entry


def event_of(book: Book, one: Dispatch) -> str:
    """The event to report on; "" where none was ever seen."""
    mine = [s for s in book.sightings() if s.program == one.slot.program]
    own = [s for s in mine if (s.family, s.thread) == ("dispatch", one.slot.thread)]
    contract = [s for s in mine if s.family == "contract_terms"]
    standing = [s for s in (*own, *contract) if s.gone_at is None]
    return next((s.event_id for s in (*standing, *own)), "")


def contract_event(book: Book, program: str) -> str:
    """The contract's event that still stands; "" for none."""
    found = (
        s.event_id
        for s in book.sightings()
        if (s.program, s.family) == (program, "contract_terms") and s.gone_at is None
    )
    return next(found, "")


def carried_by(book: Book, slot: Slot) -> str:
    """The event that carries what is in that slot; "" for none."""
    where = (slot.program, slot.family, slot.thread)
    found = [s for s in book.sightings() if (s.program, s.family, s.thread) == where]
    standing = [s for s in found if s.gone_at is None]
    return next((s.event_id for s in (*standing, *found)), "")


def terms_of(book: Book, program: str) -> ContractTerms | None:
    """The terms of a contract that stand; None where none were ever read."""
    held = book.terms(program)
    return None if held is None else ContractTerms.read(parse_text(held.text)["body"])


def held_terms(book: Book) -> list[ContractTerms]:
    """The terms of every contract that stand."""
    return [t for program in book.programs() if (t := terms_of(book, program)) is not None]
