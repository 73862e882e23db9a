"""Telling a person: each thing once, in the journal and in the log, until it is over.

Security matters go to the security log as well: the same file, marked `"log": "security"`, one
line for each alarm however often the cause is seen again.
"""

from collections.abc import Iterable
from datetime import datetime

import structlog

from ukprofile.codes import CODES
from ukprofile.errors import Refused
from ven.journal import Alarm, Book, Journal


def alarm_of(refused: Refused, key: str, event_id: str, at: datetime) -> Alarm:
    """The alarm that a refusal raises."""
    return alarm(
        refused.reason, key, at, detail=refused.detail, event_id=event_id, security=refused.security
    )


def alarm(
    reason: str,
    key: str,
    at: datetime,
    *,
    detail: str = "",
    event_id: str = "",
    security: bool | None = None,
) -> Alarm:
    """The alarm for a code of `codes.CODES`; its name is the code's own where it has none."""
    code = CODES[reason]
    return Alarm(
        key=f"{reason}:{key}",
        alarm=code.alarm or reason,
        reason=reason,
        detail=detail or code.meaning,
        event_id=event_id,
        security=code.security if security is None else security,
        at=at,
        over_at=None,
    )


class Alarms:
    """Where alarms are raised outside of a transaction, and logged after it."""

    def __init__(self, journal: Journal, log: structlog.stdlib.BoundLogger) -> None:
        self._journal = journal
        self._log = log

    async def sound(self, *alarms: Alarm) -> None:
        """Raise these, each unless it stands already."""

        def write(book: Book) -> list[Alarm]:
            return [one for one in alarms if book.alarm(one)]

        self.tell(await self._journal.write(write))

    async def over(self, key: str, at: datetime) -> None:
        """Whatever `key` ("REASON:key") alarmed of is over."""
        if await self._journal.write(lambda book: book.alarm_over(key, at)):
            self._log.info("alarm over", key=key)

    def tell(self, raised: Iterable[Alarm]) -> None:
        """Log alarms that were raised in a transaction, now that it is on the disk."""
        for one in raised:
            self._log.warning(
                "alarm",
                alarm=one.alarm,
                reason=one.reason,
                detail=one.detail,
                event_id=one.event_id,
                **({"log": "security"} if one.security else {}),
            )
