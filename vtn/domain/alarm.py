"""What a person is told: a concern while it holds, an alarm once it was raised.

concern (pure, vtn.domain.concerns, clashes) ──▶ raised once, kept, logged ──▶ over again
                                                 as an alarm (vtn.domain.watch)
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ukprofile.receiving import Slot


class Severity(StrEnum):
    """alarm: somebody must do something now. notice: somebody must decide, or should know."""

    ALARM = "alarm"
    NOTICE = "notice"


class Cause(StrEnum):
    """Why: the states and flags of profile 5, and what lies across a dispatch."""

    UNACKNOWLEDGED = "unacknowledged"
    EXPIRED = "expired"
    UNCONFIRMED = "unconfirmed"
    LAPSED = "lapsed"
    REFUSED = "refused"
    COUNTERED = "countered"
    INCREASE_WAITS = "increase_waits"
    EVENT_GONE = "event_gone"
    NOT_STARTED = "not_started"
    NOT_DELIVERED = "not_delivered"
    NOT_REPORTED = "not_reported"
    UNAVAILABLE = "unavailable"
    WITHDRAWN = "withdrawn"
    OVERLAP = "overlap"
    UNREADABLE = "unreadable"
    CLOCK = "clock"
    RESTORED = "restored"
    LOST = "lost"


# fmt: off
_CODES = {
    Cause.UNACKNOWLEDGED: ("OVERDUE", Severity.ALARM),
    Cause.EXPIRED: ("OVERDUE", Severity.ALARM),
    Cause.UNCONFIRMED: ("DECISION_DUE", Severity.NOTICE),
    Cause.LAPSED: ("OVERDUE", Severity.ALARM),
    Cause.REFUSED: ("REFUSED", Severity.ALARM),
    Cause.COUNTERED: ("DECISION_DUE", Severity.NOTICE),
    Cause.INCREASE_WAITS: ("INCREASE_NEEDS_ACCEPTANCE", Severity.NOTICE),
    Cause.EVENT_GONE: ("EVENT_WITHDRAWN", Severity.ALARM),
    Cause.NOT_STARTED: ("OVERDUE", Severity.ALARM),
    Cause.NOT_DELIVERED: ("NOT_DELIVERED", Severity.ALARM),
    Cause.NOT_REPORTED: ("OVERDUE", Severity.ALARM),
    Cause.UNAVAILABLE: ("UNAVAILABLE", Severity.ALARM),
    Cause.WITHDRAWN: ("UNAVAILABLE", Severity.NOTICE),
    Cause.OVERLAP: ("OVERLAP", Severity.NOTICE),
    Cause.UNREADABLE: ("INTERNAL", Severity.ALARM),
    Cause.RESTORED: ("RESTORED", Severity.ALARM),
    Cause.LOST: ("TEXT_LOST", Severity.ALARM),
}
"""The code of ukprofile.codes that each cause about a dispatch is told by, and how bad it is unless
told else; of a clock, `vtn.domain.clocks` says it.
"""
# fmt: on


@dataclass(frozen=True, slots=True)
class Concern:
    """One thing to be told: why, of which dispatch, since when, and in `text` what to do.

    `key` is the same for as long as it is the same thing: one for each dispatch, cause, and the
    revision that brought it.
    """

    key: str
    code: str
    cause: Cause
    severity: Severity
    text: str
    contract_id: str
    provider: str
    thread: str
    since: datetime


def concern(
    slot: Slot,
    cause: Cause,
    about: int | str,
    since: datetime,
    text: str,
    severity: Severity | None = None,
) -> Concern:
    """A concern of the dispatch in `slot`; `about` tells it from others of the same cause."""
    code, usual = _CODES[cause]
    return Concern(
        key=f"{slot.program}/{slot.recipient}/{slot.thread}/{cause}/{about}",
        code=code,
        cause=cause,
        severity=severity or usual,
        text=text,
        contract_id=slot.program,
        provider=slot.recipient,
        thread=slot.thread,
        since=since,
    )


@dataclass(frozen=True, slots=True)
class Alarm:
    """A concern that was raised, and when; `over_at` None = it stands. Business times, in UTC."""

    concern: Concern
    raised_at: datetime
    over_at: datetime | None = None
