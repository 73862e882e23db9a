"""What it changes that the event of a dispatch disappeared (profile 2, Acting). Pure.

    confirmed       runs on, unless its contract says that it stops (ven.replan)
    not confirmed   has lapsed: it is not answered any more, and nothing is kept free for it

The state of a dispatch itself follows from signed texts and the clock alone (flex.course), so this
is said beside it: what is seen again stands where it stood.
"""

from ukprofile.flex.course import Course
from ukprofile.flex.states import ASKED
from ukprofile.receiving import Slot
from ven.journal import Book

Gone = frozenset[tuple[str, str]]
"""Dispatches by program and thread."""


def gone(book: Book) -> Gone:
    """Those whose event was seen, and is nowhere to be seen any more."""
    seen = [s for s in book.sightings() if s.family == "dispatch"]
    there = {(s.program, s.thread) for s in seen if s.gone_at is None}
    return frozenset((s.program, s.thread) for s in seen) - there


def lapsed(slot: Slot, course: Course, missing: Gone) -> bool:
    """Whether the dispatch in `slot` has lapsed because its event is gone."""
    return course.state in ASKED and (slot.program, slot.thread) in missing
