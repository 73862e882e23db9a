"""What is watched, in memory: of each dispatch what was found last, and when to look again.

    found ────┬─▶ put ─▶ its claim against those of its neighbours, who share an asset with it
    absences ─┘      └─▶ concerns, when to look next

Only what changed is thought about again, with its neighbours: a change costs the same whether ten
dispatches are remembered or ten thousand. It holds no texts, and forgets what needs no more looks.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from ukprofile.receiving import Slot
from vtn.domain.alarm import Concern
from vtn.domain.clashes import Absence, Claim, overlaps, touched
from vtn.domain.concerns import Found

Absences = tuple[Absence, ...]


class Board:
    """What was found of every dispatch that may still be of concern. Pure: no clock, no store."""

    def __init__(self) -> None:
        self._found: dict[Slot, Found] = {}
        self._on: defaultdict[str, set[Slot]] = defaultdict(set)
        self._pairs: defaultdict[Slot, dict[Slot, Found]] = defaultdict(dict)
        self._touched: dict[Slot, Found] = {}
        self._absences: dict[str, Absences] = {}

    # -- being told ------------------------------------------------------------------------

    def put(
        self, found: Mapping[Slot, Found], absences: Mapping[str, Absences], now: datetime
    ) -> None:
        """Take what was found at `now`, and what whole FSPs said they cannot run."""
        self._absences.update(absences)
        for slot, new in found.items():
            self._take(slot, new)
        for slot in found:
            self._pair(slot, now)
        for slot in {*found, *(s for s in self._found if s.recipient in absences)}:
            self._touch(slot, now)

    def _take(self, slot: Slot, new: Found) -> None:
        for asset in _assets(self._found.pop(slot, Found())):
            self._on[asset].discard(slot)
            if not self._on[asset]:
                del self._on[asset]
        if new != Found():
            self._found[slot] = new
        for asset in _assets(new):
            self._on[asset].add(slot)

    def _pair(self, slot: Slot, now: datetime) -> None:
        """Its overlaps with whoever shares an asset with it, known at both ends."""
        for other in self._pairs.pop(slot, {}):
            self._pairs[other].pop(slot, None)
        claim = self._claim(slot)
        if claim is None:
            return
        for other in {other for asset in claim.asset_ids for other in self._on[asset]}:
            theirs = self._claim(other)
            if theirs is None or other == slot:
                continue
            concerns = (*overlaps(claim, [theirs], now), *overlaps(theirs, [claim], now))
            if concerns:
                pair = Found(concerns, _next_end((claim, theirs), (), now))
                self._pairs[slot][other] = self._pairs[other][slot] = pair

    def _touch(self, slot: Slot, now: datetime) -> None:
        self._touched.pop(slot, None)
        claim, absences = self._claim(slot), self._absences.get(slot.recipient, ())
        if claim is None:
            return
        concerns = tuple(touched(claim, absences, now))
        if concerns:
            self._touched[slot] = Found(concerns, _next_end((claim,), absences, now))

    def _claim(self, slot: Slot) -> Claim | None:
        return self._found.get(slot, Found()).claim

    # -- being asked -----------------------------------------------------------------------

    def concerns(self) -> dict[str, Concern]:
        """Everything of concern, by key."""
        return {concern.key: concern for _, found in self._all() for concern in found.concerns}

    def due(self, now: datetime) -> set[Slot]:
        """The dispatches that must be looked at again by `now`."""
        return {slot for slot, when in self._moments() if when <= now}

    def next(self) -> datetime | None:
        """When the next of them must be."""
        return min((when for _, when in self._moments()), default=None)

    def knows(self, provider: str) -> bool:
        """Whether it was ever told what that FSP cannot run."""
        return provider in self._absences

    def of(self, program: str) -> set[Slot]:
        """The dispatches of a contract."""
        return {slot for slot in self._found if slot.program == program}

    def _all(self) -> Iterator[tuple[Slot, Found]]:
        yield from self._found.items()
        yield from self._touched.items()
        for slot, pairs in self._pairs.items():
            yield from ((slot, pair) for pair in pairs.values())

    def _moments(self) -> Iterator[tuple[Slot, datetime]]:
        for slot, found in self._all():
            if found.look_at is not None:
                yield slot, found.look_at


def _assets(found: Found) -> frozenset[str]:
    return frozenset() if found.claim is None else found.claim.asset_ids


def _next_end(claims: Iterable[Claim], absences: Absences, now: datetime) -> datetime | None:
    """When the first of the times that may be shared is over."""
    ends = [period.end for claim in claims for period in claim.periods]
    ends += [end for absence in absences for _, end in absence.spans]
    return min((end for end in ends if end > now), default=None)
