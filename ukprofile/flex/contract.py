"""The terms of a contract, and its windows in local time.

    windows: every day 16:30-18:30 Europe/London      29 March 2026 (clocks go forward)
                                                      15:30Z ─────── 17:30Z
             sundays 00:30-02:30                      00:30Z ── 01:30Z       one hour long
             sundays 00:30-02:30, 25 October          23:30Z ───────── 02:30Z   three hours

An end is the first instant *after* its window, so 01:30-02:00 with fold 0 on the day the clocks
go back is 00:30Z to 01:00Z: the first time round. A local time that does not exist stands for the
moment of the change.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from ukprofile.flex.common import Asset, Price, common_json, given, read_common, read_price
from ukprofile.flex.dispatch import Period
from ukprofile.flex.times import checked_time, time_text

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

MIN_RUN_S = 1800
MAX_START_DELAY_S = 1800
MIN_POWER_W = 100_000
ACK_S = 900
RESPOND_S = 1800
REPORT_S = 86_400
DISPUTE_WORKING_DAYS = 10
RAMP_S = 300
"""Where the terms are silent (profile 5, Defaults)."""

GRACE_S = 60
"""Beside the ramp: how long a device may take to hold a new level."""


@dataclass(frozen=True, slots=True)
class Window:
    """When a contract may be dispatched: on `days`, from `start` to `end` local time.

    An `end` not after `start` is on the next day. `fold` says which of two equal local times is
    meant on the day the clocks go back: 0 the first, 1 the second.
    """

    days: tuple[str, ...]
    start: time
    end: time
    time_zone: str = "Europe/London"
    fold: int = 0

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> "Window":
        return cls(
            tuple(value["days"]),
            time.fromisoformat(value["start"]),
            time.fromisoformat(value["end"]),
            value["time_zone"],
            value["fold"],
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "days": list(self.days),
            "start": self.start.strftime("%H:%M"),
            "end": self.end.strftime("%H:%M"),
            "time_zone": self.time_zone,
            "fold": self.fold,
        }

    def on(self, day: date) -> tuple[datetime, datetime] | None:
        """The window that starts on that local day, in UTC; None where there is none."""
        if DAYS[day.weekday()] not in self.days:
            return None
        last = day if self.end > self.start else day + timedelta(days=1)
        start = self._instant(datetime.combine(day, self.start))
        end = self._end(datetime.combine(last, self.end))
        return (start, end) if start < end else None

    def _instant(self, local: datetime) -> datetime:
        zone = _zone(self.time_zone)
        there = local.replace(tzinfo=zone, fold=self.fold).astimezone(UTC)
        if there.astimezone(zone).replace(tzinfo=None) == local:
            return there
        return _change(local, zone)

    def _end(self, local: datetime) -> datetime:
        before = local - timedelta(seconds=1)
        zone = _zone(self.time_zone)
        there = before.replace(tzinfo=zone, fold=self.fold).astimezone(UTC)
        if there.astimezone(zone).replace(tzinfo=None) == before:
            return there + timedelta(seconds=1)
        return _change(before, zone)


def inside(period: Period, windows: Sequence[Window]) -> bool:
    """Whether `period` lies in the windows; touching windows count as one."""
    day = (period.start - timedelta(days=2)).date()
    last = (period.end + timedelta(days=1)).date()
    spans: list[tuple[datetime, datetime]] = []
    while day <= last:
        spans += [span for window in windows if (span := window.on(day)) is not None]
        day += timedelta(days=1)
    reached = period.start
    for start, end in sorted(spans):
        if start <= reached < end:
            reached = end
    return reached >= period.end


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractTerms:
    """The body of `contract_terms`: watts, seconds (`_s`), aware UTC times.

    What the message leaves out is None; the properties without `_s`-None give the defaults of
    profile 5.
    """

    contract_id: str
    zone: str
    assets: tuple[Asset, ...]
    product: str
    capacity_w: int
    windows: tuple[Window, ...]
    valid_from: datetime
    valid_to: datetime
    notice_s: int | None = None
    ramp_s: int | None = None
    min_run_s: int | None = None
    recovery_s: int | None = None
    min_power_w: int | None = None
    max_start_delay_s: int | None = None
    ack_s: int | None = None
    respond_s: int | None = None
    silence: str | None = None
    on_unsigned_withdrawal: str | None = None
    on_stale: str | None = None
    price: Price | None = None
    performance_curve: str | None = None
    baseline_method: str | None = None

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> "ContractTerms":
        """Read a body that has been checked against the field table."""
        return cls(
            **read_common(body),
            product=body["product"],
            capacity_w=body["capacity_w"],
            windows=tuple(Window.read(window) for window in body["windows"]),
            valid_from=checked_time(body["valid_from"]),
            valid_to=checked_time(body["valid_to"]),
            price=read_price(body),
            **{name: body[name] for name in _PLAIN if name in body},
        )

    def to_json(self) -> dict[str, Any]:
        """The body, ready to be signed."""
        return common_json(self) | given(
            product=self.product,
            capacity_w=self.capacity_w,
            windows=[window.to_json() for window in self.windows],
            valid_from=time_text(self.valid_from),
            valid_to=time_text(self.valid_to),
            price=None if self.price is None else self.price.to_json(),
            **{name: getattr(self, name) for name in _PLAIN},
        )

    @property
    def asset_ids(self) -> frozenset[str]:
        return frozenset(asset.asset_id for asset in self.assets)

    @property
    def notice(self) -> timedelta:
        """Least time from instruction to start."""
        return timedelta(seconds=self.notice_s or 0)

    @property
    def least_run(self) -> timedelta:
        """Least length of a whole run."""
        return timedelta(seconds=MIN_RUN_S if self.min_run_s is None else self.min_run_s)

    @property
    def most_start_delay(self) -> timedelta:
        """How much later than asked a partial acceptance may start."""
        delay = self.max_start_delay_s
        return timedelta(seconds=MAX_START_DELAY_S if delay is None else delay)

    @property
    def least_power_w(self) -> int:
        """Least power of a partial acceptance."""
        if self.min_power_w is not None:
            return self.min_power_w
        return min(MIN_POWER_W, self.capacity_w)

    @property
    def ramp(self) -> timedelta:
        """How long a device may take from one level to the next."""
        return timedelta(seconds=RAMP_S if self.ramp_s is None else self.ramp_s)

    def respond_by(self, issued_at: datetime, start: datetime) -> datetime:
        """When silence is taken for an answer, where the dispatch does not say so itself."""
        allowed = timedelta(seconds=RESPOND_S if self.respond_s is None else self.respond_s)
        half = max((start - issued_at) / 2, timedelta(0))
        return issued_at + min(allowed, half)

    def ack_by(self, issued_at: datetime, start: datetime) -> datetime:
        """When a missing acknowledgement is overdue: within a minute for starts in the hour."""
        if start - issued_at <= timedelta(hours=1):
            return issued_at + timedelta(seconds=60)
        return issued_at + timedelta(seconds=ACK_S if self.ack_s is None else self.ack_s)


_PLAIN = (
    "notice_s",
    "ramp_s",
    "min_run_s",
    "recovery_s",
    "min_power_w",
    "max_start_delay_s",
    "ack_s",
    "respond_s",
    "silence",
    "on_unsigned_withdrawal",
    "on_stale",
    "performance_curve",
    "baseline_method",
)


@lru_cache(maxsize=8)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _change(local: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the clocks jump over `local`."""
    after = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    before = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def local_day(when: datetime, time_zone: str = "Europe/London") -> tuple[datetime, datetime]:
    """Start and end, in UTC, of the local day that holds `when`: 23, 24 or 25 hours."""
    zone = _zone(time_zone)
    day = when.astimezone(zone).date()
    start, end = (
        datetime.combine(d, time(), tzinfo=zone).astimezone(UTC)
        for d in (day, day + timedelta(days=1))
    )
    return start, end


def overlapping(spans: Iterable[Period], period: Period) -> bool:
    """Whether any of `spans` shares an instant with `period`."""
    return any(p.start < period.end and period.start < p.end for p in spans)
