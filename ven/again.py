"""What the agent says again where the VTN went back: its store may be that of an older backup.

    an event shows R1, and showed R2 before ─┐
    an event is gone that carried R2 ────────┴─▶ what was answered to R2 is queued again

Under its own name: a VTN that has it is only asked (`ven.send`), and one that lost it learns from
the answer that R2 exists. A VTN that merely lags behind raises no alarm so (vector N26a).
"""

from datetime import datetime

from ukprofile.receiving import Entry, parse_text
from ven.journal import Book


def went_back(book: Book, event_id: str, shown: Entry) -> bool:
    """Whether `event_id`, which shows `shown` now, showed a newer text of its thread before."""
    seen = next((s for s in book.sightings() if s.event_id == event_id), None)
    last = None if seen is None else book.entry(seen.sha256)
    return last is not None and last.slot == shown.slot and last.revision > shown.revision


def say_again(book: Book, thread: Entry, now: datetime, *, after: int = 0) -> None:
    """Queue what I answered to the texts of a thread whose revision is above `after`."""
    newer = [entry for entry in book.thread(thread.slot) if entry.revision > after]
    answers = [answer for entry in newer for answer in book.replies(entry.sha256)]
    names = {parse_text(answer.text)["message_id"] for answer in answers}
    for post in book.posts("SENT"):
        if post.name in names:
            book.posted(post.seq, "QUEUED", now, report_id=post.report_id)
