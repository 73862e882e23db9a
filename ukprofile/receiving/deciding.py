"""Steps 4 to 6 of receiving: order in the slot, time, rules. Pure, given the ledger.

    known text ─▶ silent
    stop        ─▶ against the stops held: act, noop, or equivocation; never refused otherwise
    not a stop  ─▶ order ─▶ over? ─▶ time ─▶ unknown fields ─▶ accept_by ─▶ rules ─▶ state table
                                                                    ─▶ projection ─▶ act

The caller keeps `Decision.entry` in the transaction that carries the decision out.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ukprofile.codes import CODES
from ukprofile.errors import Refused
from ukprofile.flex.contract import ContractTerms
from ukprofile.flex.course import Arrival
from ukprofile.flex.dispatch import Held, Stop, Thread, read_periods
from ukprofile.flex.fields import Fault, Unknown
from ukprofile.flex.header import Header
from ukprofile.flex.kinds import KINDS
from ukprofile.flex.projection import project
from ukprofile.flex.states import State
from ukprofile.flex.timers import Known
from ukprofile.flex.times import milliseconds
from ukprofile.receiving.ledger import Entry, Ledger
from ukprofile.receiving.opening import digest, parse_text
from ukprofile.receiving.state import (
    arrival_of,
    check_not_over,
    plans_beside,
    refused,
    runs,
    too_late,
)
from ukprofile.receiving.thread import thread_of
from ukprofile.receiving.values import Decision, Opened, Verdict
from ukprofile.rules import HOLDS, PROFILE_1_0, Case, RuleSet, violations

_CLAUSE = "profile 2 Receiving 4"
_AHEAD = timedelta(seconds=30)
_REVISION_MS = 60_000
_ANSWERS = {"late": "late", "expired": "refused", "refused": "refused"}
_WITH_PERIODS = frozenset(
    {"schedule", "instruction", "variation", "response", "availability", "acceptance"}
)


def receiving_time(clock: datetime, ledger: Ledger, dso: str) -> datetime:
    """What counts as now: the clock, or the newest time the DSO has proved if that is later."""
    proved = ledger.verified_time(dso)
    return clock if proved is None else max(clock, proved)


def repeat(text: str, ledger: Ledger) -> Decision | None:
    """The stored decision of a text that is known already; None for a new one (step 1)."""
    earlier = ledger.entry(digest(text))
    return None if earlier is None else Decision("silent", "REPEAT", earlier=earlier)


def decide(opened: Opened, ledger: Ledger, now: datetime, rules: RuleSet = PROFILE_1_0) -> Decision:
    """What to make of a genuine message at `now` (`receiving_time`). Never raises Refused.

    `rules` may be () where somebody else answers for the contract's rules and its states.
    """
    if (known := repeat(opened.text, ledger)) is not None:
        return known
    found = _found(opened, ledger, now, rules)
    if found.verdict == "stale":
        return replace(found, answer="")
    answer = _ANSWERS.get(found.verdict, "received") if opened.context.role == "ven" else ""
    decision = replace(found, answer=answer)
    return replace(decision, entry=_entry(opened, decision, now))


def _found(opened: Opened, ledger: Ledger, now: datetime, rules: RuleSet) -> Decision:
    thread = thread_of(ledger, opened.slot)
    unknown = _unknown(opened)
    try:
        if opened.stop:
            return _stop(opened, thread, now, unknown)
        if (out := _order(opened.header, thread)) is not None:
            return out
        found = arrival_of(opened, ledger, thread, now)
        if rules:
            check_not_over(found, opened)
        return _judge(opened, ledger, thread, found, now, rules, unknown)
    except Refused as refused:
        return Decision(
            "refused",
            refused.reason,
            CODES[refused.reason].alarm or "",
            detail=refused.detail,
            path=refused.path,
            clause=refused.clause,
        )


# -- order ---------------------------------------------------------------------------------------


def _order(header: Header, thread: Thread) -> Decision | None:
    """Where a message that is no stop stands to the head of its slot; None = newer than it."""
    head = thread.head
    if head is None or (not head.header.stop and header.revision > head.header.revision):
        return None
    if not head.header.stop and header.revision == head.header.revision:
        raise Refused("EQUIVOCATION", path="/revision", clause="profile 2 Order")
    if header.revision > head.header.revision:
        raise Refused(
            "TERMINAL", "the thread was stopped: use a new one", path="/thread", clause="profile 5"
        )
    return Decision("stale", "STALE")


def _stop(opened: Opened, thread: Thread, now: datetime, unknown: tuple[str, ...]) -> Decision:
    """A stop skips time, capacity, window and criticality: it is never refused for those."""
    header = opened.header
    mine = Stop.read(Held(opened.sha256, header, opened.body, now))
    first = thread.first_stop
    equivocal = any(s.held.header.revision == header.revision for s in thread.stops)
    earlier = first is None or mine.ends_before(first)
    if equivocal:
        verdict: Verdict = "alarm+act" if earlier else "alarm+noop"
        return Decision(verdict, "EQUIVOCATION", "EQUIVOCATION", notices=unknown)
    if not earlier:
        return Decision("noop", "ALREADY_STOPPED", notices=unknown)
    if _differs(opened):
        return _projection(opened, unknown)
    return Decision("act", "UNKNOWN_IGNORED" if unknown else "", notices=unknown)


# -- time, rules, projection ---------------------------------------------------------------------


def _judge(
    opened: Opened,
    ledger: Ledger,
    thread: Thread,
    found: Arrival | None,
    now: datetime,
    rules: RuleSet,
    unknown: tuple[str, ...],
) -> Decision:
    header = opened.header
    _check_times(header, now)
    if now > header.valid_until:
        return Decision("expired", "EXPIRED", path="/valid_until", clause=_CLAUSE)
    marks = {path: header.criticality.get(path, "ignore") for path in unknown}
    for path in (p for p, mark in marks.items() if mark == "abort"):
        raise Refused("CRITICAL_UNKNOWN", path=path, clause="profile 2 criticality")
    _check_body(opened)
    outcome = found.outcome if found is not None and rules else None
    if found is not None and outcome is not None and outcome.reason == "TERMINAL":
        raise refused("TERMINAL", found.before)
    if header.accept_by is not None and now > header.accept_by and not runs(found):
        return Decision("late", "LATE", path="/accept_by", clause="profile 2 accept_by")
    answered = _answered(header, ledger) if opened.context.role == "dso" else None
    case = _case(opened, ledger, thread, found, now, answered)
    for violation in violations(rules, case):
        raise violation.refused()
    if too_late(opened, answered, case.terms, now) or (outcome and outcome.reason == "LATE"):
        return Decision("late", "LATE", path="/issued_at", clause="profile 5 respond_by")
    if found is not None and outcome is not None and outcome.effect == "refused":
        raise refused(outcome.reason, found.before)
    differs = _differs(opened)
    holds = opened.context.role == "ven" and runs(found)
    if holds and any(violations((HOLDS,), case)):
        alarm = "PROJECTION" if differs else ""
        return Decision("hold", HOLDS.reason, alarm, notices=unknown, clause=HOLDS.clause)
    if differs:
        return _projection(opened, unknown)
    if "alert" in marks.values():
        return Decision("alarm+act", "UNKNOWN_ALERTED", "UNKNOWN_FIELD", notices=unknown)
    return Decision("act", "UNKNOWN_IGNORED" if unknown else "", notices=unknown)


def _check_times(header: Header, now: datetime) -> None:
    if header.issued_at > now + _AHEAD:
        raise Refused(
            "ISSUED_IN_FUTURE", "check the clocks at both ends", path="/issued_at", clause=_CLAUSE
        )
    if abs(header.revision - milliseconds(header.issued_at)) > _REVISION_MS:
        raise Refused("REVISION_WINDOW", path="/revision", clause=_CLAUSE)


def _check_body(opened: Opened) -> None:
    for finding in KINDS[opened.header.kind].body.look(opened.body, "/body"):
        if isinstance(finding, Fault):
            raise Refused(finding.reason, finding.detail, path=finding.path, clause="profile 3")


def _unknown(opened: Opened) -> tuple[str, ...]:
    return _paths_unknown(opened.header.kind, opened.body)


def unknown_fields(text: str) -> tuple[str, ...]:
    """The body fields of a text that was decided which this profile does not know: its notices."""
    said = parse_text(text)
    return _paths_unknown(said["kind"], said["body"])


def _paths_unknown(kind: str, body: Mapping[str, Any]) -> tuple[str, ...]:
    found = KINDS[kind].body.look(body, "/body")
    return tuple(finding.path for finding in found if isinstance(finding, Unknown))


def _case(
    opened: Opened,
    ledger: Ledger,
    thread: Thread,
    found: Arrival | None,
    now: datetime,
    answered: Entry | None,
) -> Case:
    header = opened.header
    held = _terms(opened, ledger)
    dispatch = opened.slot.family == "dispatch"
    known = Known() if found is None else found.before.known
    return Case(
        header=header,
        body=opened.body,
        periods=read_periods(opened.body) if header.kind in _WITH_PERIODS else (),
        terms=None if held is None else ContractTerms.read(parse_text(held.text)["body"]),
        thread=thread,
        plan=known.plan if runs(found) else (),
        others=plans_beside(opened, ledger, now) if dispatch else (),
        countered=known.countered if known.state is State.COUNTERED and dispatch else None,
        answered=None if answered is None else parse_text(answered.text)["body"],
        now=now,
    )


def _terms(opened: Opened, ledger: Ledger) -> Entry | None:
    """The terms of the contract. In a market an offer names it, and it must be the issuer's own:
    that of somebody else is as if absent, since no FSP may learn that another exists.
    """
    if opened.header.kind != "availability":
        return ledger.terms(opened.header.program)
    held = ledger.terms(opened.body["contract_id"])
    own = held is not None and held.slot.recipient == opened.header.issuer
    return held if own else None


def _answered(header: Header, ledger: Ledger) -> Entry | None:
    """The message that is answered. Raises Refused REPLY_MISMATCH."""
    reply = header.in_reply_to
    if reply is None:
        return None
    entry = ledger.entry(reply.sha256)
    if (
        entry is None
        or (entry.slot.thread, entry.revision) != (reply.thread, reply.revision)
        or not _same_course(entry, header)
        or entry.slot.issuer == header.issuer
    ):
        raise Refused(
            "REPLY_MISMATCH",
            "no message of that thread, revision and digest was sent in this program",
            path="/in_reply_to",
            clause="profile 2 in_reply_to",
        )
    return entry


def _same_course(entry: Entry, header: Header) -> bool:
    """Whether `entry` may be answered in this program: its own or, as an offer made in a market
    is accepted under its contract (life/07, 08), by an acceptance to whoever made it.
    """
    if header.kind == "acceptance" and entry.kind == "availability":
        return entry.slot.issuer == header.recipient
    return entry.slot.program == header.program


def _differs(opened: Opened) -> bool:
    """Whether the projection beside the message says something else."""
    seen = opened.carrier.projection
    if seen is None or opened.slot.family != "dispatch":
        return False
    try:
        return project(opened.header.kind, opened.body) != seen
    except (KeyError, TypeError, ValueError, AttributeError):
        return True  # a stop may carry periods nobody can read: it acts by its header


def _projection(opened: Opened, unknown: tuple[str, ...]) -> Decision:
    if opened.context.role == "dso":
        raise Refused("PROJECTION_MISMATCH", path="/intervals", clause="profile 4")
    return Decision("alarm+act", "PROJECTION_MISMATCH", "PROJECTION", notices=unknown)


# -- what is kept --------------------------------------------------------------------------------


def _entry(opened: Opened, decision: Decision, now: datetime) -> Entry:
    header = opened.header
    from_dso = header.issuer != opened.context.party and opened.context.role == "ven"
    proves = from_dso and header.issued_at <= now
    return Entry(
        sha256=opened.sha256,
        slot=opened.slot,
        kind=header.kind,
        stop=opened.stop,
        revision=header.revision,
        text=opened.text,
        signatures=opened.signatures,
        verdict=decision.verdict,
        reason=decision.reason,
        alarm=decision.alarm,
        answer=decision.answer,
        issued_at=header.issued_at,
        valid_until=header.valid_until,
        received_at=now,
        in_reply_to=header.in_reply_to.sha256 if header.in_reply_to else "",
        verified_at=header.issued_at if proves else None,
    )
