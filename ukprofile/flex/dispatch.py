"""Periods of a dispatch, and one signed thread seen whole: head, plan, stops.

    revisions held            1 schedule   2 instruction   4 variation (less)   5 cease 16:40
    by kind                   proposed     confirmed       confirmed            stop
                                           └── effective ──┴── effective ──┐
    plan                                                                   └─ cut at 16:40

State, not deltas: every revision states the whole desired state, so the plan is that of the
newest confirmed revision, never a sum of changes. A variation that asks for more takes effect
only once a response accepted it; until then the level before it runs on. Of what a response
accepted in part nothing is in force until an instruction confirms those very periods (profile 5).

A thread knows no clock: what its texts confirmed may be refused, expired or over. Whether it runs
is its state, `ukprofile.flex.course`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from ukprofile.flex.header import Header
from ukprofile.flex.times import checked_time, read_time, time_text

CONFIRMING = ("instruction", "variation")
"""Kinds that leave a dispatch confirmed."""


@dataclass(frozen=True, slots=True)
class Period:
    """One stretch of a dispatch: `start <= t < end`, aware UTC, and its power.

    Either `delta_w` (watts against the baseline, + = more export or less import, the total over
    the dispatch's assets) or `setpoint_w` (absolute watts, + = export). A period as received may
    break that rule; POWER_FORM refuses it.
    """

    id: int
    start: datetime
    end: datetime
    delta_w: int | None = None
    setpoint_w: int | None = None

    @property
    def level_w(self) -> int:
        """The number that states its power, whichever form it has."""
        return self.delta_w if self.delta_w is not None else self.setpoint_w or 0

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> "Period":
        """Read a period of a body that has been checked. An offered period may have no id."""
        start, end = checked_time(value["start"]), checked_time(value["end"])
        return cls(value.get("id", 0), start, end, value.get("delta_w"), value.get("setpoint_w"))

    def to_json(self) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": self.id,
            "start": time_text(self.start),
            "end": time_text(self.end),
        }
        if self.delta_w is not None:
            shown["delta_w"] = self.delta_w
        if self.setpoint_w is not None:
            shown["setpoint_w"] = self.setpoint_w
        return shown


def read_periods(body: Mapping[str, Any]) -> tuple[Period, ...]:
    """The periods of a checked body, in the order they stand there."""
    return tuple(Period.read(period) for period in body.get("periods", ()))


def level_at(periods: Iterable[Period], when: datetime) -> int:
    """The magnitude in watts that the periods ask for at `when`; 0 outside all of them."""
    return next((abs(p.level_w) for p in periods if p.start <= when < p.end), 0)


def edges(*plans: Iterable[Period]) -> list[datetime]:
    """Every instant at which a level may change, in order."""
    return sorted({edge for plan in plans for p in plan for edge in (p.start, p.end)})


def asks_more(old: Sequence[Period], new: Sequence[Period], since: datetime) -> bool:
    """Whether `new` asks for a higher level than `old` at any time from `since` on."""
    instants = [since, *(edge for edge in edges(old, new) if edge >= since)]
    return any(level_at(new, at) > level_at(old, at) for at in instants)


def cut(periods: Iterable[Period], end: datetime) -> tuple[Period, ...]:
    """What is left of `periods` when everything ends at `end`."""
    return tuple(p if p.end <= end else replace(p, end=end) for p in periods if p.start < end)


@dataclass(frozen=True, slots=True)
class Held:
    """One text of a thread as a receiver holds it.

    `counts` is False for texts that were refused, late or expired; `void` marks a first
    acceptance that came too late. What a response did to it: `accepted` an increase, so that it is
    in force, or `declined` it; `countered` what was confirmed, so that nothing is any more.
    """

    sha256: str
    header: Header
    body: Mapping[str, Any]
    received_at: datetime
    counts: bool = True
    void: bool = False
    accepted: bool = False
    declined: bool = False
    countered: bool = False

    @property
    def order(self) -> tuple[bool, int]:
        """Its place in the slot: any stop after every non-stop, then by revision."""
        return self.header.stop, self.header.revision


@dataclass(frozen=True, slots=True)
class Stop:
    """A cease or a cancellation: `stated` is what is compared between stops, None = at once;
    `effective` is when the dispatch really ends, never before the stop was received.
    """

    held: Held
    stated: datetime | None
    effective: datetime

    @classmethod
    def read(cls, held: Held) -> "Stop":
        """A cancellation read after the start acts as a cease at receipt (profile 3)."""
        stated = read_time(held.body.get("cease_at")) if held.header.kind == "cease" else None
        effective = held.received_at if stated is None else max(stated, held.received_at)
        return cls(held, stated, effective)

    def ends_before(self, other: "Stop") -> bool:
        """Whether it ends something earlier than `other`: of two stops the earlier counts."""
        if self.stated is None or other.stated is None:
            return self.stated is None and other.stated is not None
        return self.stated < other.stated


@dataclass(frozen=True)
class Thread:
    """Everything held of one slot, in the order it was kept."""

    held: tuple[Held, ...] = ()

    @cached_property
    def standing(self) -> tuple[Held, ...]:
        """The texts that count, in slot order."""
        return tuple(sorted((h for h in self.held if h.counts), key=lambda h: h.order))

    @property
    def head(self) -> Held | None:
        """The newest text that counts."""
        return self.standing[-1] if self.standing else None

    @cached_property
    def stops(self) -> tuple[Stop, ...]:
        return tuple(Stop.read(h) for h in self.standing if h.header.stop)

    @property
    def first_stop(self) -> Stop | None:
        """The stop that counts: the one with the earliest stated end."""
        first: Stop | None = None
        for stop in self.stops:
            if first is None or stop.ends_before(first):
                first = stop
        return first

    @property
    def void(self) -> bool:
        """Whether its first acceptance was late: nothing of it may run until a newer thread."""
        return any(h.void for h in self.held)

    @cached_property
    def confirmed(self) -> Held | None:
        """The revision whose level is in force, stops aside; None while nothing is confirmed."""
        return self._walk[0]

    @cached_property
    def pending(self) -> Held | None:
        """A newer variation that asks for more and waits for a response; None = nothing waits."""
        return self._walk[1]

    @cached_property
    def plan(self) -> tuple[Period, ...]:
        """The periods in force: those of the confirmed revision, cut by the stops."""
        if self.confirmed is None:
            return ()
        return self.cut_by_stops(read_periods(self.confirmed.body))

    def cut_by_stops(self, periods: tuple[Period, ...]) -> tuple[Period, ...]:
        """What the stops leave of `periods`."""
        if not self.stops:
            return periods
        return cut(periods, min(stop.effective for stop in self.stops))

    @property
    def valid_until(self) -> datetime | None:
        """The latest `valid_until` held: how long the thread must be remembered."""
        return max((h.header.valid_until for h in self.standing), default=None)

    @property
    def last_end(self) -> datetime | None:
        """The latest end any non-stop of the thread ever stated."""
        ends = (p.end for h in self.standing if not h.header.stop for p in read_periods(h.body))
        return max(ends, default=None)

    def completed(self, now: datetime) -> bool:
        """Whether a confirmed dispatch ran to its end, or would have."""
        return bool(self.plan) and now >= self.plan[-1].end

    @cached_property
    def _walk(self) -> tuple[Held | None, Held | None]:
        confirmed: Held | None = None
        pending: Held | None = None
        for held in self.standing:
            if held.header.kind not in CONFIRMING or held.declined:
                continue
            if confirmed is not None and self._waits(confirmed, held):
                pending = held
            else:
                confirmed, pending = None if held.countered else held, None
        return confirmed, pending

    @staticmethod
    def _waits(confirmed: Held, held: Held) -> bool:
        return (
            held.header.kind == "variation"
            and not held.accepted
            and asks_more(
                read_periods(confirmed.body), read_periods(held.body), held.header.issued_at
            )
        )
