"""How much of what was accepted was delivered, by the provisional rule of statements. Pure.

    accepted   ┌──────── 1.0 MW ────────┐       at every instant, by the readings that hold there:
    metered  ──┘▔▔╲_╱▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔└──     delivered  the change against the baseline, in the
    counted    ░░░░ ░░░░░░░░░░░░░░░░░░░░                   direction asked, never negative
                                                counted    min(accepted, delivered)

The baseline is what the FSP nominated before the dispatch began, else zero. Readings are of a
minute or so where there are any, else of the half hours that were signed; of an asset without a
reading nothing was delivered.

Dispatches that share an asset at a time are measured together, over all their assets, so that no
watt counts twice: each has what it asked for, and what was too little or too much is shared out by
their size (as `ukprofile.flex.energy` does for one asset). Of set-points among them the newest
counts alone, as devices are told.

Powers are watts, + = export; amounts are watt-microseconds, whole or a fraction, never rounded.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import islice, pairwise
from typing import Literal, TypeAlias

from ukprofile.flex.dispatch import Period, edges
from ukprofile.flex.energy import Reading
from ukprofile.flex.metering import Baseline

Amount: TypeAlias = Fraction | int
"""Exact: whole wherever it can be, since whole numbers are ten times as fast."""
Source = Literal["minutes", "half_hours", "missing"]
SOURCES: tuple[Source, ...] = ("minutes", "half_hours", "missing")
"""From the best to the worst."""
_MICRO = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Run:
    """A dispatch as the signed texts leave it: what was asked of its assets together, and what of
    that was in force. It was to begin at `start`; of two set-points the higher `revision` counts.
    """

    thread: str
    revision: int
    start: datetime
    assets: frozenset[str]
    asked: tuple[Period, ...]
    accepted: tuple[Period, ...]

    @property
    def spans(self) -> tuple[Period, ...]:
        return (*self.asked, *self.accepted)


@dataclass(frozen=True, slots=True)
class Nomination:
    """A baseline, the digest of its text, and when that was issued."""

    sha256: str
    issued_at: datetime
    body: Baseline

    @property
    def assets(self) -> frozenset[str]:
        return frozenset(asset.asset_id for asset in self.body.assets)

    def at(self, when: datetime) -> int:
        """Watts, within its series."""
        place = (when - self.body.start) // timedelta(seconds=self.body.interval_s)
        return self.body.baseline_w[place]


@dataclass(frozen=True, slots=True)
class Metered:
    """The readings of one asset, in order, one after another or with gaps.

    Only what was exported is looked at: the baseline in a reading is the device's own.
    """

    minutes: tuple[Reading, ...] = ()
    half_hours: tuple[Reading, ...] = ()

    def edges(self, begin: datetime, end: datetime) -> Iterator[datetime]:
        """Where a reading begins or ends between two instants."""
        for readings in (self.minutes, self.half_hours):
            first = bisect_right(readings, begin, key=lambda reading: reading.end)
            for reading in islice(readings, first, None):
                if reading.start >= end:
                    break
                yield from (at for at in (reading.start, reading.end) if begin < at < end)

    def at(self, when: datetime) -> tuple[Amount, Source]:
        """Mean watts of the reading that holds then, and which one it is."""
        for readings, source in ((self.minutes, SOURCES[0]), (self.half_hours, SOURCES[1])):
            place = bisect_right(readings, when, key=lambda reading: reading.start)
            if place and when < readings[place - 1].end:
                found = readings[place - 1]
                watts, rest = divmod(found.exported_ws, found.seconds)
                return (Fraction(found.exported_ws, found.seconds) if rest else watts), source
        return 0, "missing"


@dataclass(slots=True)
class Counted:
    """What one dispatch comes to, in watt-microseconds.

    `times` are the microseconds of what was accepted, by the worst reading of any asset;
    `nominations` the texts whose baseline was used, `zero` whether any asset had none.
    """

    asked: Amount = 0
    accepted: Amount = 0
    delivered: Amount = 0
    counted: Amount = 0
    times: dict[Source, int] = field(default_factory=lambda: dict.fromkeys(SOURCES, 0))
    nominations: set[str] = field(default_factory=set)
    zero: bool = False


def count(
    runs: Sequence[Run], metered: Mapping[str, Metered], nominations: Iterable[Nomination]
) -> list[Counted]:
    """What each of `runs` comes to, in their order."""
    found = [Counted() for _ in runs]
    by_asset = defaultdict[str, list[Nomination]](list)
    for one in sorted(nominations, key=lambda n: (n.issued_at, n.sha256), reverse=True):
        for asset_id in one.assets:
            by_asset[asset_id].append(one)
    for group in _groups(runs):
        assets = frozenset[str]().union(*(runs[n].assets for n in group))
        spans = [period for n in group for period in runs[n].spans]
        begin, end = min(p.start for p in spans), max(p.end for p in spans)
        known = {
            one.sha256: one
            for asset_id in assets
            for one in by_asset[asset_id]
            if one.body.start < end and begin < one.body.end
        }
        base = tuple(sorted(known.values(), key=lambda n: (n.issued_at, n.sha256), reverse=True))
        meters = {asset_id: metered.get(asset_id, Metered()) for asset_id in assets}
        for first, last in _slices(edges(spans), meters, base):
            read = {asset_id: meter.at(first) for asset_id, meter in meters.items()}
            _add(found, runs, group, _Slice(first, (last - first) // _MICRO, read, base))
    return found


def _groups(runs: Sequence[Run]) -> list[list[int]]:
    """The runs that hang together: by an asset that they share while both are in force."""
    leader = list(range(len(runs)))

    def first_of(n: int) -> int:
        while leader[n] != n:
            n = leader[n] = leader[leader[n]]
        return n

    spans = defaultdict[str, list[tuple[datetime, datetime, int]]](list)
    for n, run in enumerate(runs):
        if run.spans:
            start, end = min(p.start for p in run.spans), max(p.end for p in run.spans)
            for asset_id in run.assets:
                spans[asset_id].append((start, end, n))
    for taken in spans.values():
        taken.sort()
        until, last = taken[0][1], taken[0][2]
        for start, end, n in taken[1:]:
            if start < until:
                leader[max(first_of(n), first_of(last))] = min(first_of(n), first_of(last))
            until, last = max(until, end), n
    found = defaultdict[int, list[int]](list)
    for n, run in enumerate(runs):
        if run.spans:
            found[first_of(n)].append(n)
    return list(found.values())


def _slices(
    levels: Sequence[datetime], meters: Mapping[str, Metered], base: Sequence[Nomination]
) -> Iterator[tuple[datetime, datetime]]:
    """The stretches in which nothing changes: no level, no reading, no baseline."""
    begin, end = levels[0], levels[-1]
    changes = {edge for meter in meters.values() for edge in meter.edges(begin, end)}
    for one in base:
        step = timedelta(seconds=one.body.interval_s)
        starts = (one.body.start + n * step for n in range(len(one.body.baseline_w) + 1))
        changes |= {at for at in starts if begin < at < end}
    yield from pairwise(sorted({*levels, *changes}))


@dataclass(frozen=True, slots=True)
class _Slice:
    """One such stretch: when it begins, its microseconds, and what is known of it."""

    at: datetime
    micros: int
    read: Mapping[str, tuple[Amount, Source]]
    base: Sequence[Nomination]

    def baselines(
        self, assets: frozenset[str], before: datetime
    ) -> list[tuple[frozenset[str], int, Nomination | None]]:
        """The assets, split into those that were nominated together, each part with its watts.

        Of nominations the newest counts that was made by `before`; an asset without one has 0.
        """
        left, found = set(assets), list[tuple[frozenset[str], int, Nomination | None]]()
        for one in self.base:
            inside = one.body.start <= self.at < one.body.end
            if inside and one.issued_at <= before and one.assets and one.assets <= left:
                found.append((one.assets, one.at(self.at), one))
                left -= one.assets
        return [*found, *((frozenset({asset_id}), 0, None) for asset_id in sorted(left))]

    def wanted(self, run: Run, period: Period | None) -> int:
        """The change that a period asks for, in watts."""
        if period is None:
            return 0
        if period.setpoint_w is None:
            return period.delta_w or 0
        parts = self.baselines(run.assets, run.start)
        return period.setpoint_w - sum(watts for _, watts, _ in parts)

    def gain(self, assets: frozenset[str], before: datetime) -> Amount:
        """The metered change of all of them; of a part with an unknown asset nothing is known."""
        found: Amount = 0
        for part, watts, _ in self.baselines(assets, before):
            read = [self.read[asset_id] for asset_id in part]
            if all(source != "missing" for _, source in read):
                found += sum(power for power, _ in read) - watts
        return found

    def source(self, assets: frozenset[str]) -> Source:
        """The worst reading of any."""
        return max((self.read[asset_id][1] for asset_id in assets), key=SOURCES.index)


def _add(found: Sequence[Counted], runs: Sequence[Run], group: Sequence[int], now: _Slice) -> None:
    """What a stretch adds to each dispatch of a group."""
    lit = list[tuple[int, Period]]()
    for n in group:
        asked, period = _lit(runs[n].asked, now.at), _lit(runs[n].accepted, now.at)
        found[n].asked += abs(now.wanted(runs[n], asked)) * now.micros
        if period is None:
            continue
        lit.append((n, period))
        found[n].accepted += abs(now.wanted(runs[n], period)) * now.micros
        found[n].times[now.source(runs[n].assets)] += now.micros
        for _, _, nomination in now.baselines(runs[n].assets, runs[n].start):
            if nomination is None:
                found[n].zero = True
            else:
                found[n].nominations.add(nomination.sha256)
    for together in _together(runs, lit):
        counting = _counting(runs, together)
        assets = frozenset[str]().union(*(runs[n].assets for n, _ in counting))
        before = min(runs[n].start for n, _ in counting)
        wanted = {n: now.wanted(runs[n], period) for n, period in counting}
        for n, watts in _shares(wanted, now.gain(assets, before)).items():
            found[n].delivered += watts * now.micros
            found[n].counted += min(watts, abs(wanted[n])) * now.micros


def _lit(periods: Iterable[Period], at: datetime) -> Period | None:
    return next((p for p in periods if p.start <= at < p.end), None)


def _together(
    runs: Sequence[Run], lit: Iterable[tuple[int, Period]]
) -> list[list[tuple[int, Period]]]:
    """Those in force, split into parts that share no asset."""
    parts = list[list[tuple[int, Period]]]()
    for one in lit:
        mine = [p for p in parts if any(runs[n].assets & runs[one[0]].assets for n, _ in p)]
        parts = [p for p in parts if p not in mine] + [[x for p in mine for x in p] + [one]]
    return parts


def _counting(
    runs: Sequence[Run], together: Sequence[tuple[int, Period]]
) -> Sequence[tuple[int, Period]]:
    """A set-point cannot be added to anything: the newest hides whatever else is in force."""
    absolute = [one for one in together if one[1].setpoint_w is not None]
    if not absolute:
        return together
    return [max(absolute, key=lambda one: (runs[one[0]].revision, runs[one[0]].thread))]


def _shares(wanted: Mapping[int, int], gain: Amount) -> dict[int, Amount]:
    """What each delivered of the gain, in the direction that it asked for, never negative."""
    size = sum(map(abs, wanted.values()))
    over = gain - sum(wanted.values())
    found = dict[int, Amount]()
    for n, watts in wanted.items():
        # one alone has all of it
        more = over if abs(watts) == size else over * Fraction(abs(watts), size)
        credit = watts + more if watts else 0
        found[n] = max(0, credit if watts > 0 else -credit)
    return found
