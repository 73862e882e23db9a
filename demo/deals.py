"""What was agreed with whom, worked out from the rows of a history. Pure.

    rows of one unit and product         one deal each
    17:00-21:00  40 kW held at £19  ┐
    18:00-19:00  40 kW used at £270 ┴──▶ £19 a MW h, £270 a MWh, 40 kW, 17:00-21:00
    17:00-21:00  40 kW held at £25  ───▶ £25 a MW h: the same again in all but price

A deal has one price of each kind, and at any time holds at most one power ready and uses at most
one. What is used under a deal that holds power ready is used within that.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ukprofile.flex.history import HistoryRow

TIME_ZONE = "Europe/London"
_PRODUCTS = {"Peak Reduction": "PR", "Scheduled Availability": "SA+OU"}
"""Names of products as published that the profile has a word for; others stay the DSO's own."""
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONGEST = 44
_SECOND, _MINUTE = timedelta(seconds=1), timedelta(minutes=1)
_LONDON = ZoneInfo(TIME_ZONE)


@dataclass(slots=True)
class Deal:
    """A contract with one FSP for one flexible unit: the rows that it covers.

    Of `held` rows the availability counts, of `used` ones the utilisation; a row may be both.
    """

    name: str
    party: str
    first: HistoryRow
    held: list[HistoryRow] = field(default_factory=list)
    used: list[HistoryRow] = field(default_factory=list)

    @property
    def zone(self) -> str:
        return word(self.first.zone)

    @property
    def product(self) -> str:
        """Nothing is offered in the market of a product under a deal that only uses."""
        product = _PRODUCTS.get(self.first.product, word(self.first.product))
        return product if self.held else product.removeprefix("SA+")

    @property
    def capacity_w(self) -> int:
        return max(_watts(self.held, self.used))

    @property
    def sign(self) -> int:
        """+ = more export or less import at the connection point (profile 3)."""
        return 1 if self.first.dispatch_type in ("demand_turn_down", "generation_turn_up") else -1

    @property
    def held_ws(self) -> int:
        """What is held ready, in watt-seconds."""
        return sum(row.availability_w * row.seconds for row in self.held)

    def holds(self, row: HistoryRow) -> bool:
        """Whether this deal can hold ready what `row` does."""
        return self._fits(row, self.held) and all(
            (one.availability_w, one.availability_minor_per_mw_h)
            == (row.availability_w, row.availability_minor_per_mw_h)
            for one in self.held
        )

    def uses(self, row: HistoryRow) -> bool:
        """Whether `row` can be used under this deal."""
        ready = not self.held or any(
            one.start <= row.start
            and row.end <= one.end
            and row.utilisation_w <= one.availability_w
            for one in self.held
        )
        prices = {one.utilisation_minor_per_mwh for one in self.used}
        return ready and self._fits(row, self.used) and prices <= {row.utilisation_minor_per_mwh}

    def _fits(self, row: HistoryRow, beside: Sequence[HistoryRow]) -> bool:
        return row.dispatch_type == self.first.dispatch_type and not any(
            one.start < row.end and row.start < one.end for one in beside
        )

    def terms(self, asset_id: str) -> dict[str, Any]:
        """What of the contract is not the same for all."""
        rows = [*self.held, *self.used]
        price: dict[str, str | int] = {"currency": "GBP"}
        for row in self.held[:1]:
            price["availability_minor_per_mw_h"] = row.availability_minor_per_mw_h
        for row in self.used[:1]:
            price["utilisation_minor_per_mwh"] = row.utilisation_minor_per_mwh
        windows = [window for row in rows for window in windows_of(row.start, row.end)]
        return {
            "contract_id": self.name,
            "zone": self.zone,
            "product": self.product,
            "capacity_w": self.capacity_w,
            "min_run_s": min(1800, *(row.seconds for row in rows)),
            "windows": [w for n, w in enumerate(windows) if w not in windows[:n]],
            "price": price,
            "assets": [asset_id],
        }


def deals_of(rows: Iterable[HistoryRow], dso: str) -> list[Deal]:
    """Every deal that the rows tell of, in the order of their names."""
    rows = sorted(rows, key=lambda row: (row.company, row.unit, row.product, row.start, row.line))
    parties = names([row.company for row in rows], taken=(dso, "VTN", "CLOCK"), upper=True)
    found: dict[tuple[str, str, str, str], list[Deal]] = {}
    taken: set[str] = set()

    def deals_for(row: HistoryRow) -> list[Deal]:
        return found.setdefault((row.company, row.unit, row.product, row.zone), [])

    def made(row: HistoryRow) -> Deal:
        name = unused(f"{dso}:{word(row.unit)}", taken)
        deals_for(row).append(Deal(name, parties[row.company], row))
        return deals_for(row)[-1]

    for row in rows:
        if row.availability_w:
            fitting = (deal for deal in deals_for(row) if deal.holds(row))
            (next(fitting, None) or made(row)).held.append(row)
    for row in rows:
        if row.utilisation_w:
            fitting = (deal for deal in deals_for(row) if deal.uses(row))
            (next(fitting, None) or made(row)).used.append(row)
    return sorted((deal for deals in found.values() for deal in deals), key=lambda d: d.name)


def windows_of(start: datetime, end: datetime) -> Iterator[dict[str, Any]]:
    """The windows of a contract that are just that time, on its day of the week.

    Cut where the clocks change, so that each has one first and one second half past one.
    """
    begins = start
    for edge in (*_changes(start, end), end):
        first = begins.astimezone(_LONDON)
        last = (edge - _SECOND).astimezone(_LONDON).replace(tzinfo=None) + _SECOND
        last += -timedelta(seconds=last.second) % _MINUTE
        yield {
            "days": [_DAYS[first.weekday()]],
            "start": first.strftime("%H:%M"),
            "end": last.strftime("%H:%M"),
            "time_zone": TIME_ZONE,
            "fold": first.fold,
        }
        begins = edge


def _changes(start: datetime, end: datetime) -> Iterator[datetime]:
    """The whole hours at which the clocks change within `start < t < end`."""
    hour = start.replace(minute=0, second=0, microsecond=0)
    while (hour := hour + timedelta(hours=1)) < end:
        before = (hour - _SECOND).astimezone(_LONDON).utcoffset()
        if hour > start and hour.astimezone(_LONDON).utcoffset() != before:
            yield hour


def _watts(held: Iterable[HistoryRow], used: Iterable[HistoryRow]) -> Iterator[int]:
    yield from (row.availability_w for row in held)
    yield from (row.utilisation_w for row in used)


def word(text: str) -> str:
    """A name as messages have them: what it may not hold becomes -."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", text)[:_LONGEST].strip("-") or "x"


def unused(name: str, taken: set[str]) -> str:
    """`name`, or the first of name-2, name-3 ... that is not taken; it is taken then."""
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    taken.add(found)
    return found


def names(texts: Iterable[str], *, taken: Iterable[str], upper: bool = False) -> Mapping[str, str]:
    """A name for each text, as messages have them; no two get the same."""
    used, found = set(taken), dict[str, str]()
    for text in texts:
        if text not in found:
            found[text] = unused(word(text).upper() if upper else word(text), used)
    return found
