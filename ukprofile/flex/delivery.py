"""Whether one revision has arrived: the delivery flag, as the DSO sees it (profile 5).

issued ──fetch──▶ fetched ──acknowledgement──▶ acknowledged
   └──────────────────┴──ack_by──▶ overdue ───────▲     alarm, then telephone
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from ukprofile.flex.contract import ContractTerms
from ukprofile.flex.dispatch import Held, read_periods
from ukprofile.flex.times import read_time

_LEAST = timedelta(seconds=60)


class Delivery(StrEnum):
    """How far a revision has come."""

    ISSUED = "issued"
    FETCHED = "fetched"
    ACKNOWLEDGED = "acknowledged"
    OVERDUE = "overdue"


class Sign(StrEnum):
    """What moves the flag."""

    FETCH = "fetch"
    ACKNOWLEDGEMENT = "acknowledgement"
    ACK_BY = "ack_by"


DELIVERY = {
    (Delivery.ISSUED, Sign.FETCH): Delivery.FETCHED,
    (Delivery.ISSUED, Sign.ACKNOWLEDGEMENT): Delivery.ACKNOWLEDGED,
    (Delivery.ISSUED, Sign.ACK_BY): Delivery.OVERDUE,
    (Delivery.FETCHED, Sign.ACKNOWLEDGEMENT): Delivery.ACKNOWLEDGED,
    (Delivery.FETCHED, Sign.ACK_BY): Delivery.OVERDUE,
    (Delivery.OVERDUE, Sign.ACKNOWLEDGEMENT): Delivery.ACKNOWLEDGED,
}
"""Where the flag moves. Any other sign leaves it: what is overdue stays so when it is fetched."""


def deliver(flag: Delivery, sign: Sign) -> Delivery:
    """The flag after `sign`."""
    return DELIVERY.get((flag, sign), flag)


def delivery(
    held: Held,
    answers: Iterable[Held],
    ack_by: datetime,
    now: datetime,
    *,
    fetched: bool = False,
) -> Delivery:
    """The flag of a revision at `now`; `answers` are the VEN's, to this text or to others.

    `fetched`: something unsigned shows that it was read.
    """
    flag = Delivery.ISSUED
    if fetched:
        flag = deliver(flag, Sign.FETCH)
    if now > ack_by:
        flag = deliver(flag, Sign.ACK_BY)
    if acknowledgement_of(held, answers) is not None:
        flag = deliver(flag, Sign.ACKNOWLEDGEMENT)
    return flag


def acknowledgement_of(held: Held, answers: Iterable[Held]) -> Held | None:
    """The acknowledgement of a text; of several that count the newest, None while there is none."""
    found = (
        answer
        for answer in answers
        if answer.counts
        and answer.header.kind == "acknowledgement"
        and answer.header.in_reply_to is not None
        and answer.header.in_reply_to.sha256 == held.sha256
    )
    return max(found, key=lambda answer: answer.header.revision, default=None)


def ack_by(held: Held, terms: ContractTerms | None) -> datetime:
    """When the acknowledgement of a revision is overdue: as it states, or as the contract does.

    A stop is for now: it is due within a minute, like what starts within the hour.
    """
    issued = held.header.issued_at
    if held.header.stop or terms is None:
        return read_time(held.body.get("ack_by")) or issued + _LEAST
    ahead = (p.start for p in read_periods(held.body) if p.start > issued)
    start = min(ahead, default=issued)
    return read_time(held.body.get("ack_by")) or terms.ack_by(issued, start)
