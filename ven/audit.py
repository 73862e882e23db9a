"""Whether a journal is what an agent writes: each thing in it follows from another.

    entry ── its text has the digest, slot, kind, revision and times that stand beside it
      │  └── no two texts of mine in one thread have one revision, and each was queued
      ├─▶ command ── says what its key says, serves threads that were read, was sent if confirmed
      └─▶ post    ── carries what I said, under its name; SENT has the VTN's id

SQLite's own checks come first (`ven.journal.copy`): they find a page that rotted. These find what
SQLite cannot know.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ukprofile.errors import Refused
from ukprofile.flex.header import read_header
from ukprofile.mapping.answer import message_of
from ukprofile.openadr import ReportRequest
from ukprofile.receiving import SENT, Entry, parse_text
from ukprofile.receiving.opening import digest, slot_of
from ven.draft import is_draft
from ven.journal import Book, Planned, Post, look
from ven.plan import command_key
from ven.recall import UNKNOWN


def audit(path: Path) -> list[str]:
    """Each thing that is wrong with the journal at `path`, in a line; none where it is whole.

    Raises JournalError, where there is none; JournalDamaged.
    """
    with look(path, thorough=True) as book:
        try:
            return list(faults(book))
        except (ValueError, TypeError, KeyError) as error:
            return [f"there is a row that nobody can read: {error}"]


def faults(book: Book) -> Iterator[str]:
    """Each thing that is wrong, in a line."""
    entries, posts = book.entries(), book.posts()
    for entry in entries:
        yield from _entry(entry)
    mine = [entry for entry in entries if entry.verdict == SENT]
    for (slot, revision), count in Counter((e.slot, e.revision) for e in mine).items():
        if count > 1:
            yield f"revision {revision} of my thread {slot.thread} is used {count} times"
    queued = {post.name for post in posts}
    for entry in mine:
        if parse_text(entry.text).get("message_id") not in queued:
            yield f"{_named(entry)}: it was never queued"
    known = {entry.slot.thread for entry in entries}
    for planned in book.commands():
        yield from _command(planned, known)
    texts = {entry.sha256 for entry in entries}
    for post in posts:
        yield from _post(post, texts)


def _entry(entry: Entry) -> Iterator[str]:
    named = _named(entry)
    if digest(entry.text) != entry.sha256:
        yield f"{named}: its text has another digest"
        return
    if is_draft(entry.slot):
        return  # nobody's message
    try:
        message = parse_text(entry.text)
        header = read_header(message)
        slot = slot_of(header, message["body"])
    except Refused as refused:
        yield f"{named}: its text is no message: {refused}"
        return
    said = (slot, header.kind, header.stop, header.revision, header.issued_at, header.valid_until)
    held = (entry.slot, entry.kind, entry.stop, entry.revision, entry.issued_at, entry.valid_until)
    if said != held:
        yield f"{named}: its text says {said}"


def _command(planned: Planned, threads: set[str]) -> Iterator[str]:
    command = planned.command
    if command.id.startswith(UNKNOWN):
        return
    named = f"command {command.id} of {command.asset_id}"
    key = command_key(replace(command, id=""))
    if planned.key != key or not command.id.startswith(key):
        yield f"{named}: it says something else than its key"
    if lost := set(command.threads) - threads:
        yield f"{named}: nobody asked for {', '.join(sorted(lost))}"
    if planned.state in ("SENT", "CONFIRMED") and planned.sent_at is None:
        yield f"{named}: {planned.state}, and never sent"
    if planned.state == "CONFIRMED" and planned.settled_at is None:
        yield f"{named}: CONFIRMED, nobody knows when"


def _post(post: Post, texts: set[str]) -> Iterator[str]:
    named = f"report {post.name} ({post.kind})"
    try:
        report = ReportRequest.read_bytes(post.body)
        carried = message_of(report)
    except Refused as refused:
        yield f"{named}: nobody can read it: {refused}"
        return
    if report.report_name != post.name:
        yield f"{named}: it says {report.report_name}"
    if carried is not None and digest(carried.text) not in texts:
        yield f"{named}: it carries what I never said"
    if post.state == "SENT" and not post.report_id:
        yield f"{named}: SENT, and nobody knows as what"


def _named(entry: Entry) -> str:
    return f"{entry.kind} {entry.slot.thread} [{entry.sha256[:8]}]"
