"""What an FSP is paid, line by line and in sum: the provisional statement. Pure.

    dispatch     asked ─▶ accepted ─▶ delivered ─▶ counted x price per MWh ──────▶ paid
    acceptance   offered ─▶ accepted, as it was accepted x price per MW h ────────▶ paid
                 └── each line names the signed texts, and the reports with its readings

Each line is exact until its last step: to the watt-hour and to the penny, halves to even. Sums are
of lines as they are printed. A line belongs to where it begins, whole, so that two days never share
one. Both ends make the same from what they hold (`ukprofile.flex.statement_text` compares them).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any, Literal

from ukprofile.errors import Refused
from ukprofile.flex.common import Price
from ukprofile.flex.contract import local_day
from ukprofile.flex.counted import SOURCES, Amount, Counted
from ukprofile.flex.times import time_text

RULE = (
    "provisional: no performance factor; min(accepted, metered change against the nominated or"
    " zero baseline) per reading x price, and availability as accepted"
)
"""What every statement says of itself."""
_SECOND = 1_000_000
"""Microseconds."""
_WH = 3600 * _SECOND
_MW = 1_000_000
_EARLIEST, _LATEST = (datetime(year, 1, 1, tzinfo=UTC) for year in (1000, 9999))


@dataclass(frozen=True, slots=True)
class Ref:
    """A signed text: where it stands, and its digest, by which either end finds it again."""

    kind: str
    program: str
    thread: str
    revision: int
    message_id: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Trace:
    """From the request to the readings: threads by name ("" = there is none), then every text that
    both ends hold, oldest first, and the names of the reports with readings by the minute.
    """

    request: str = ""
    offer: str = ""
    award: str = ""
    texts: tuple[Ref, ...] = ()
    readings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One dispatch, or one acceptance of an offer: energies in Wh in the direction asked.

    For availability `asked_wh` is what was offered, `accepted_wh` power x time, and nothing is
    metered. `counted_wh` is what is paid for. `price_minor` is per MWh, or per MW and hour; None
    where none was agreed. `minutes_s`, `half_hours_s` and `missing_s` are the seconds of what was
    accepted that readings of a minute or so, only half hours, or none are known of. `state` is of
    the moment of asking.
    """

    what: Literal["utilisation", "availability"]
    contract_id: str
    thread: str
    state: str
    start: str
    end: str
    assets: tuple[str, ...]
    asked_wh: int
    accepted_wh: int
    delivered_wh: int
    counted_wh: int
    currency: str
    price_minor: int | None
    paid_minor: int
    baseline: Literal["nominated", "in_part", "zero", ""]
    minutes_s: int
    half_hours_s: int
    missing_s: int
    trace: Trace

    @property
    def key(self) -> tuple[str, str, str]:
        """By what the other end knows it."""
        return self.what, self.contract_id, self.thread

    @property
    def readings(self) -> str:
        """Which readings it goes by, and what is missing, in words."""
        known = {
            "minute readings": self.minutes_s,
            "half hours": self.half_hours_s,
            "missing": self.missing_s,
        }
        there = {name: seconds for name, seconds in known.items() if seconds}
        if len(there) == 1 and not self.missing_s:
            return next(iter(there))
        return ", ".join(f"{name} {-(-seconds // 60)} min" for name, seconds in there.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """The lines of one currency, added up."""

    currency: str
    asked_wh: int
    accepted_wh: int
    delivered_wh: int
    counted_wh: int
    utilisation_minor: int
    availability_minor: int
    paid_minor: int


@dataclass(frozen=True, slots=True)
class Statement:
    """What a DSO pays an FSP for what began in `since <= t < until` ("" = without a limit)."""

    dso: str
    fsp: str
    since: str
    until: str
    rule: str
    lines: tuple[Line, ...]
    sums: tuple[Sums, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON has it. Numbers are whole: pence, watt-hours, seconds."""
        found: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return found


@dataclass(frozen=True, slots=True)
class Span:
    """What began in `since <= t < until`; None = without a limit."""

    since: datetime | None = None
    until: datetime | None = None

    def __contains__(self, when: datetime) -> bool:
        return (self.since or _EARLIEST) <= when < (self.until or _LATEST)

    @classmethod
    def read(cls, day: str = "", since: str = "", until: str = "") -> "Span":
        """A London day yyyy-mm-dd, or two instants with their offsets; "" = not given.

        Raises Refused BODY_VALUE naming the option and the form that is due.
        """
        if day and (since or until):
            raise _wrong("--day", "stands alone, without --from and --to")
        if day:
            try:
                found = date.fromisoformat(day)
                return cls(*local_day(datetime(found.year, found.month, found.day, 12, tzinfo=UTC)))
            except (ValueError, OverflowError):
                raise _wrong("--day", f"{day!r} is no day yyyy-mm-dd") from None
        first, last = _instant("--from", since), _instant("--to", until)
        if first is not None and last is not None and first >= last:
            raise _wrong("--to", "lies after --from")
        return cls(first, last)


def _instant(option: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise _wrong(option, f"{text!r} is no time: write 2026-11-24T16:30:00Z") from None
    if found.tzinfo is None:
        raise _wrong(option, f"{text!r} has no offset from UTC: add Z, or +01:00")
    try:
        return found.astimezone(UTC)
    except OverflowError:
        raise _wrong(option, f"{text!r} lies outside the calendar") from None


def _wrong(option: str, why: str) -> Refused:
    return Refused("BODY_VALUE", f"{option} {why}", security=False)


def utilisation(counted: Counted, price: Price | None, **about: Any) -> Line:
    """The line of a dispatch."""
    rate = None if price is None else price.utilisation_minor_per_mwh
    minutes_s, half_hours_s, missing_s = (counted.times[source] // _SECOND for source in SOURCES)
    return Line(
        what="utilisation",
        asked_wh=_wh(counted.asked),
        accepted_wh=_wh(counted.accepted),
        delivered_wh=_wh(counted.delivered),
        counted_wh=_wh(counted.counted),
        currency="" if price is None else price.currency,
        price_minor=rate,
        paid_minor=_pence(counted.counted, rate),
        baseline=_baseline(counted),
        minutes_s=minutes_s,
        half_hours_s=half_hours_s,
        missing_s=missing_s,
        **about,
    )


def availability(
    offered: Amount, accepted: Amount, price: Price | None, *, paid: bool, **about: Any
) -> Line:
    """The line of an acceptance, from watt-microseconds; `paid`: it stands."""
    rate = None if price is None else price.availability_minor_per_mw_h
    return Line(
        what="availability",
        asked_wh=_wh(offered),
        accepted_wh=_wh(accepted),
        delivered_wh=0,
        counted_wh=_wh(accepted) if paid else 0,
        currency="" if price is None else price.currency,
        price_minor=rate,
        paid_minor=_pence(accepted, rate) if paid else 0,
        baseline="",
        minutes_s=0,
        half_hours_s=0,
        missing_s=0,
        **about,
    )


def _wh(amount: Amount) -> int:
    return round(Fraction(amount, _WH))


def _pence(amount: Amount, rate: int | None) -> int:
    """`round` of a fraction goes to the even one of two that are as near."""
    return round(Fraction(amount * (rate or 0), _WH * _MW))


def _baseline(counted: Counted) -> Literal["nominated", "in_part", "zero", ""]:
    if counted.nominations:
        return "in_part" if counted.zero else "nominated"
    return "zero" if counted.zero else ""


def made_of(dso: str, fsp: str, span: Span, lines: Iterable[Line]) -> Statement:
    """The statement of these lines, in the order of time."""
    ordered = tuple(sorted(lines, key=lambda line: (line.start, *line.key)))
    currencies = sorted({line.currency for line in ordered if line.currency})
    return Statement(
        dso,
        fsp,
        "" if span.since is None else time_text(span.since),
        "" if span.until is None else time_text(span.until),
        RULE,
        ordered,
        tuple(_sums(currency, ordered) for currency in currencies),
    )


def _sums(currency: str, lines: Sequence[Line]) -> Sums:
    """Energies of dispatches only: an offer is a promise of power, not of energy."""
    mine = [line for line in lines if line.currency == currency]
    used = [line for line in mine if line.what == "utilisation"]
    paid = sum(line.paid_minor for line in mine)
    utilised = sum(line.paid_minor for line in used)
    return Sums(
        currency=currency,
        asked_wh=sum(line.asked_wh for line in used),
        accepted_wh=sum(line.accepted_wh for line in used),
        delivered_wh=sum(line.delivered_wh for line in used),
        counted_wh=sum(line.counted_wh for line in used),
        utilisation_minor=utilised,
        availability_minor=paid - utilised,
        paid_minor=paid,
    )
