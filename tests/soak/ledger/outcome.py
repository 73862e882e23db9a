"""Every dispatch came to an end that somebody knows of, and nobody owes anything any more.

accepted, confirmed ──▶ completed, ceased        as the FSP said, and its devices held it
                    └─▶ failed                   as it said, and the desk was alarmed
cancelled, refused, never taken up, lapsed ──▶   nothing ran, and the desk was alarmed
                                                 (but for what it took back itself)
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.soak.ledger.evidence import Evidence, Text, time

ALIVE = 10
"""The VTN was up, and had time to raise an alarm, if it answered so often while it was due."""
_LEAST = timedelta(seconds=60)
_ENDED = ("completed", "ceased")


def ends(e: Evidence) -> Counter[str]:
    """How many dispatches came to which end, as the FSP said last; so much for the log."""
    found = Counter[str]()
    for texts in e.dispatches.values():
        words = [t.body["state"] for t in e.replies(texts, "status")]
        stopped = any(text.stop for text in texts)
        found[words[-1] if words else "taken back" if stopped else "not taken up"] += 1
    return found


def every_dispatch_was_delivered_or_told_of(e: Evidence) -> Iterator[str]:
    for (party, thread), texts in e.dispatches.items():
        fault = _end_of(e, texts)
        if fault:
            yield f"{party} {thread}: {fault}"


def _end_of(e: Evidence, texts: Sequence[Text]) -> str:
    """What is wrong with the end of a dispatch; "" for nothing."""
    taken = {
        a.answers for a in e.replies(texts, "acknowledgement") if a.body["decided"] == "received"
    }
    firm = [t for t in texts if t.firm and t.sha256 in taken]
    stop = next((t for t in texts if t.stop), None)
    words = [t.body["state"] for t in e.replies(texts, "status")]
    ended = bool(words) and words[-1] in _ENDED
    if ended and _devices_took(e, texts[0]):
        return ""
    if "failed" in words:
        told = {"not_delivered", "not_started"} & _causes(e, texts)
        heard = [s.at for s in e.replies(texts, "status") if s.body["state"] == "failed"]
        # whoever stopped it before the word came needs no alarm
        stopped = stop is not None and stop.at <= min(heard)
        return "" if told or stopped else "failed, and the desk was not alarmed"
    if ended:
        return f"is said to be {words[-1]}, and no device was told of it"
    if firm and not _taken_back(e, stop, texts, firm):
        return f"was accepted, and is neither delivered nor told to have failed: {words}"
    if firm or stop is not None:
        return ""
    due = {"unacknowledged", "expired", "lapsed", "refused", "countered", "unconfirmed"}
    if due & _causes(e, texts) or not _had_time(e, texts):
        return ""
    return "was never taken up, and the desk was not alarmed"


def _taken_back(
    e: Evidence, stop: Text | None, texts: Sequence[Text], firm: Sequence[Text]
) -> bool:
    """Whether nothing of it was left to run when its stop was read."""
    if stop is None:
        return False
    read = [a.issued_at for a in e.replies([stop], "acknowledgement")]
    starts = [time(p["start"]) for t in firm for p in t.body["periods"]]
    return bool(read) and min(read) <= min(starts)


def _devices_took(e: Evidence, text: Text) -> bool:
    lines = (
        line
        for agent in e.agents
        if agent.party == text.message["recipient"]
        for lines in agent.devices.values()
        for line in lines
    )
    return any(text.thread in line.threads for line in lines)


def _causes(e: Evidence, texts: Sequence[Text], *, about: bool = False) -> set[str]:
    """Why the desk was ever alarmed of a dispatch; `about` which revision, too: cause/revision."""
    first = texts[0]
    return {
        "/".join(row["key"].split("/")[-2:]) if about else row["cause"]
        for row in e.alarms
        if (row["provider"], row["thread"]) == (first.message["recipient"], first.thread)
    }


def _had_time(e: Evidence, texts: Sequence[Text]) -> bool:
    """Whether the VTN was up between the last text and the end of what it was for."""
    ends = [time(p["end"]) for t in texts for p in t.body["periods"]]
    return e.seen(texts[-1].issued_at + _LEAST, max(ends)) > ALIVE


def what_was_overdue_was_alarmed(e: Evidence) -> Iterator[str]:
    """Nobody at a desk waits for an acknowledgement that does not come, and does not know it."""
    for (party, _), texts in e.dispatches.items():
        for text, newer in zip(texts, [*texts[1:], None], strict=True):
            due, until = _overdue(e, text, newer, texts)
            # what is over is told of by how it came to its end
            told = {f"unacknowledged/{text.revision}", "expired", "lapsed", "refused"} & {
                *_causes(e, texts),
                *_causes(e, texts, about=True),
            }
            if due < until and e.seen(due, until) > ALIVE and not told:
                yield f"{party} did not acknowledge {text.name} in time; nobody was alarmed"


def _overdue(
    e: Evidence, text: Text, newer: Text | None, texts: Sequence[Text]
) -> tuple[datetime, datetime]:
    """From when until when an acknowledgement was overdue, and of concern.

    Whoever did not take up an extension is thought to end as it was told before.
    """
    stated = text.body.get("ack_by")
    due = time(stated) if stated else text.issued_at + _LEAST
    before = [t for t in texts if t.firm and t.revision < text.revision][-1:]
    ends = [max(time(p["end"]) for p in t.body["periods"]) for t in (*before, text) if not t.stop]
    ends += [a.at for a in e.replies([text], "acknowledgement")]
    ends += [time(s.body["at"]) for s in e.replies(texts, "status") if s.body["state"] in _ENDED]
    ends += [] if newer is None else [newer.at]
    return due, min(ends, default=due)


def nothing_was_left_undone(e: Evidence) -> Iterator[str]:
    for agent in e.agents:
        for post in agent.posts:
            if post["state"] == "QUEUED":
                yield f"{agent.party} still has to send its {post['kind']} {post['name']}"
            elif post["state"] == "REFUSED" and not _too_late(post):
                yield f"{agent.party}: the {post['kind']} was refused: {post['error']}"
        for command in agent.commands:
            if command["state"] in ("PLANNED", "SENT"):
                yield f"{agent.party}: {command['id']} is still {command['state']}"


def _too_late(post: dict[str, Any]) -> bool:
    """Whether it is a response that was refused since the dispatch had moved on: it is planned
    anew without it.
    """
    reasons = ("LATE", "STATE_INVALID", "TERMINAL")
    return post["kind"] == "response" and any(reason in post["error"] for reason in reasons)
