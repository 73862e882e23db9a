"""A signed message in and out of OpenADR intervals, with the projection beside it (profile 2, 4).

    intervals[0].payloads   UKFLEX_MESSAGE    one string: the signed text
                            UKFLEX_SIGNATURE  one string for each signature
                            ASSET_ID, ASSET_GRP, SELF_DISPATCHED, DISPATCH_SETPOINT...
    intervals[1..]          SELF_DISPATCHED, DISPATCH_SETPOINT...

The text is handed on exactly as it was received: verify, then parse.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from ukprofile.errors import Refused
from ukprofile.flex.projection import (
    ASSET_GROUP,
    ASSET_ID,
    SELF_DISPATCHED,
    VOID_START,
    Projected,
    Value,
    sort_payloads,
)
from ukprofile.openadr import DateTime, Duration, Interval, IntervalPeriod, ValuesMap
from ukprofile.openadr.event import EventFields
from ukprofile.signing import Sealed

MESSAGE = "UKFLEX_MESSAGE"
SIGNATURE = "UKFLEX_SIGNATURE"
OURS = "UKFLEX_"
"""The one prefix that belongs to the profile."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What an object carries: a text nobody has verified yet, and its signatures."""

    text: str
    signatures: tuple[str, ...]


def message_in(intervals: Sequence[Interval]) -> Carried:
    """The signed text in the first interval, as it was received.

    Raises Refused MESSAGE_MISSING, MESSAGE_TWICE (also for one in a later interval), or
    SIGNATURE_FORM for a signature payload that is not one string.
    """
    texts = [p for i in intervals for p in i.payloads if p.type == MESSAGE]
    first = intervals[0].payloads if intervals else ()
    if not any(p.type == MESSAGE for p in first):
        raise Refused(
            "MESSAGE_MISSING",
            f"the first interval must carry one {MESSAGE} payload",
            path="/intervals/0/payloads",
            clause="profile 2",
        )
    if len(texts) > 1 or len(texts[0].values) > 1:
        raise Refused("MESSAGE_TWICE", path="/intervals", clause="profile 2")
    text = next(iter(texts[0].values), None)
    if not isinstance(text, str):
        raise Refused(
            "MESSAGE_MISSING", "the message must be one string", path="/intervals/0/payloads"
        )
    return Carried(text, tuple(_signature(p) for p in first if p.type == SIGNATURE))


def _signature(payload: ValuesMap) -> str:
    value = payload.values[0] if len(payload.values) == 1 else None
    if not isinstance(value, str):
        raise Refused(
            "SIGNATURE_FORM", f"a {SIGNATURE} payload holds one string", clause="profile 2"
        )
    return value


def carries_profile(intervals: Sequence[Interval]) -> bool:
    """Whether anything of the profile stands in these intervals: then all of it must be right."""
    return any(p.type.startswith(OURS) for i in intervals for p in i.payloads)


# -- the projection, read ------------------------------------------------------------------------


def projection_in(event: EventFields) -> tuple[Projected, ...]:
    """What the event's intervals say to a VEN that reads only those, by its meaning.

    Start and length are inherited as in OpenADR (UG:634-668): from the event for the first
    interval, the start of each further one from the end of the one before.
    """
    return tuple(_projected(event))


def _projected(event: EventFields) -> Iterator[Projected]:
    above = event.interval_period or IntervalPeriod()
    follows: datetime | None = above.start.instant if above.start else None
    loops = "the event states a duration of its own" if event.duration is not None else ""
    for interval in event.intervals or ():
        own = interval.interval_period or IntervalPeriod()
        start = own.start.instant if own.start else follows
        duration = own.duration or above.duration or Duration("PT0S")
        payloads, odd = plain_payloads(interval)
        if own.randomize_start is not None or above.randomize_start is not None:
            odd = "randomizeStart"
        try:
            seconds = duration.seconds
        except Refused as refused:
            seconds, odd = 0, refused.detail
        if not isinstance(seconds, int):
            seconds, odd = 0, f"{duration} has no length in whole seconds"
        start = start or VOID_START
        yield Projected(interval.id, start, seconds, payloads, odd or loops)
        follows = _after(start, seconds)


def _after(start: datetime, seconds: int) -> datetime | None:
    try:
        return start + timedelta(seconds=seconds)
    except OverflowError:
        return None


def plain_payloads(interval: Interval) -> tuple[tuple[tuple[str, Value], ...], str]:
    """The payloads that are not ours, by meaning; and what no projection may hold, "" = nothing."""
    found: list[tuple[str, Value]] = []
    odd = ""
    for payload in interval.payloads:
        if payload.type.startswith(OURS):
            continue
        value = payload.values[0] if len(payload.values) == 1 else None
        if isinstance(value, (bool, str)):
            found.append((payload.type, value))
        elif isinstance(value, (int, float)):
            # repr gives the shortest digits that make this double: the digits that were meant
            found.append((payload.type, Decimal(repr(value)).normalize() + 0))
        else:
            odd = f"{payload.type} does not hold one plain value"
    return sort_payloads(found), odd


# -- the projection, written ---------------------------------------------------------------------

_ORDER = {ASSET_ID: 0, ASSET_GROUP: 1, SELF_DISPATCHED: 2}


def intervals_of(sealed: Sealed, projection: Sequence[Projected]) -> tuple[Interval, ...]:
    """Intervals that carry `sealed` in the first one and say `projection`."""
    return tuple(
        Interval(
            id=one.id,
            interval_period=period_of(one.start, one.seconds),
            payloads=(*(payloads_of(sealed) if n == 0 else ()), *_written(one)),
        )
        for n, one in enumerate(projection)
    )


def payloads_of(sealed: Sealed) -> tuple[ValuesMap, ...]:
    """The payloads that carry a signed message."""
    return (
        ValuesMap(type=MESSAGE, values=(sealed.text,)),
        *(ValuesMap(type=SIGNATURE, values=(s,)) for s in sealed.signatures),
    )


def _written(one: Projected) -> Iterator[ValuesMap]:
    for kind, value in sorted(one.payloads, key=lambda p: _ORDER.get(p[0], len(_ORDER))):
        plain = float(value) if isinstance(value, Decimal) else value
        yield ValuesMap(type=kind, values=(plain,))


def period_of(start: datetime, seconds: int) -> IntervalPeriod:
    """A period that states both start and length, as every interval of the profile does."""
    return IntervalPeriod(start=DateTime.of(start), duration=Duration.of(seconds))


def span_of(start: datetime, end: datetime) -> IntervalPeriod:
    """The period from `start` to `end`. Raises Refused TIME_INVALID where it ends before."""
    return period_of(start, int((end - start).total_seconds()))
