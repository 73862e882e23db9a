"""What the agent is doing and has done, as plain values: for `ukven status` and `ukven journal`.

Only reads: the journal beside a running agent, and the devices' own logs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ukprofile.clock import Clock
from ukprofile.flex.contract import ContractTerms
from ukprofile.flex.course import Course, in_force
from ukprofile.flex.states import State
from ukprofile.receiving import SENT, Entry, Slot, Thread, parse_text
from ven.absence import Gone, gone, lapsed
from ven.device import Command
from ven.device.simulated import SimulatedBattery
from ven.journal import Book, Planned, Post
from ven.offering import Offered, offered, shown
from ven.plan import courses
from ven.promises import asked_by
from ven.settings import Settings

_REMEMBERED = timedelta(hours=24)
TRUST = {"uk": "signed by the DSO", "gb-draft": "unsigned: trusts the transport"}
"""What a person should know of each dialect."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened: `what` in a word, `text` in a line."""

    at: datetime
    what: str
    text: str


async def status(
    book: Book, settings: Settings, devices: dict[str, SimulatedBattery], clock: Clock
) -> dict[str, Any]:
    """Contracts, dispatches, devices, queue and alarms as they are now."""
    now, missing = clock.now(), gone(book)
    return {
        "party": settings.party,
        "environment": settings.environment,
        "vtn": settings.vtn,
        "dialect": settings.dialect,
        "trust": TRUST[settings.dialect],
        "now": _time(now),
        "contact": book.noted("contact"),
        "clock": book.noted("clock"),
        "contracts": [c for program in book.programs() for c in _contract(book, program)],
        "dispatches": [
            _dispatch(book, slot, thread, course, missing)
            for slot, thread, course in courses(book, book.programs(), now - _REMEMBERED, now)
            if thread.held
        ],
        "offers": [shown(one) for one in offered(book) if _recent(one, now)],
        "devices": [await _device(one, asset_id) for asset_id, one in devices.items()],
        "queued": [
            {"kind": p.kind, "event_id": p.event_id, "attempts": p.attempts, "error": p.error}
            for p in book.posts("QUEUED")
        ],
        "alarms": [
            {"at": _time(a.at), "alarm": a.alarm, "reason": a.reason, "detail": a.detail}
            for a in book.alarms()
            if a.over_at is None
        ],
    }


def _contract(book: Book, program: str) -> Iterator[dict[str, Any]]:
    held = book.terms(program)
    if held is not None:
        terms = ContractTerms.read(parse_text(held.text)["body"])
        yield {
            "contract_id": terms.contract_id,
            "dso": held.slot.issuer,
            "product": terms.product,
            "zone": terms.zone,
            "capacity_w": terms.capacity_w,
            "valid_to": _time(terms.valid_to),
        }


def _dispatch(
    book: Book, slot: Slot, thread: Thread, course: Course, missing: Gone
) -> dict[str, Any]:
    """`periods` are what is in force of it: none of what lapsed, expired or was refused."""
    over = lapsed(slot, course, missing)
    timer = None if over else course.timer
    return {
        "contract_id": slot.program,
        "thread": slot.thread,
        "state": str(State.LAPSED if over else course.state),
        "flags": list(course.flags),
        "next": None if timer is None else {"timer": str(timer.event), "at": _time(timer.at)},
        "said": list(book.said(slot.program, slot.thread)),
        **asked_by(thread)._asdict(),
        "periods": [
            {"start": _time(p.start), "end": _time(p.end), "w": p.level_w}
            for p in in_force(course, thread)
        ],
    }


def _recent(one: Offered, now: datetime) -> bool:
    return max(period.end for period in one.body.periods) > now - _REMEMBERED


async def _device(device: SimulatedBattery, asset_id: str) -> dict[str, Any]:
    seen = await device.measure()
    return {
        "asset_id": asset_id,
        "power_w": seen.power_w,
        "baseline_w": seen.baseline_w,
        "command_id": seen.command_id,
        "short": seen.short,
    }


def lines(book: Book) -> list[Line]:
    """Everything the journal remembers, in the order it happened."""
    found = [line for entry in book.entries() for line in _entry(entry)]
    found += [line for planned in book.commands() for line in _command(planned)]
    found += [line for post in book.posts() for line in _post(post)]
    for one in book.alarms():
        found.append(Line(one.at, "alarm", f"{one.alarm} {one.reason}: {one.detail}"))
        if one.over_at is not None:
            found.append(Line(one.over_at, "over", f"{one.alarm} {one.reason}"))
    return sorted(found, key=lambda line: line.at)


def _entry(entry: Entry) -> Iterator[Line]:
    named = f"{entry.kind} {entry.slot.thread} revision {entry.revision}"
    if entry.verdict == SENT:
        body = parse_text(entry.text)["body"]
        said = body.get("decided") or body.get("state") or body.get("answer") or ""
        yield Line(entry.received_at, "said", f"{named}: {said}")
        return
    yield Line(entry.received_at, "received", f"{named} from {entry.slot.issuer}")
    why = f" ({entry.reason})" if entry.reason else ""
    yield Line(entry.received_at, "decided", f"{named}: {entry.verdict}{why}")


def _command(planned: Planned) -> Iterator[Line]:
    command = planned.command
    span = f"{_time(command.valid_from)} until {_time(command.valid_to)}"
    named = f"{command.asset_id} {_power(command)}, {span} [{command.id[:8]}{command.id[32:]}]"
    yield Line(planned.planned_at, "planned", named)
    if planned.sent_at is not None:
        yield Line(planned.sent_at, "told", named)
    if planned.settled_at is not None:
        why = f": {planned.error}" if planned.error else ""
        yield Line(planned.settled_at, planned.state.lower(), named + why)


def _power(command: Command) -> str:
    if command.setpoint_w is not None:
        return f"to {command.setpoint_w} W"
    return "release" if command.delta_w is None else f"{command.delta_w:+} W"


def _post(post: Post) -> Iterator[Line]:
    yield Line(post.queued_at, "queued", f"{post.kind} on {post.event_id} [{post.name[:8]}]")
    if post.settled_at is not None:
        what = "posted" if post.state == "SENT" else "refused"
        why = f": {post.error}" if post.error else f" as {post.report_id}"
        yield Line(post.settled_at, what, f"{post.kind} on {post.event_id}{why}")


def _time(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")
