"""What is watched, in memory: of each dispatch what was found last, and when to look again.

    found ─▶ put ─┬─▶ its claim against those of its neighbours: who shares an asset with it
    absences ─────┘   └─▶ concerns, when to look next

Only what changed, and its neighbours, is thought about again: a change costs the same whether ten
dispatches are remembered or ten thousand. It holds no texts, and forgets what needs no more looks.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
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
        self._crossed: dict[Slot, Found] = {}
        self._on: defaultdict[str, set[Slot]] = defaultdict(set)
        self._absences: dict[str, Absences] = {}

    # -- being told ------------------------------------------------------------------------

    def put(
        self, found: Mapping[Slot, Found], absences: Mapping[str, Absences], now: datetime
    ) -> None:
        """Take what was found at `now`, and what whole FSPs said they cannot run."""
        self._absences.update(absences)
        affected = set(found)
        affected |= {s for s in self._found if s.recipient in absences}
        for slot, new in found.items():
            affected |= self._neighbours(slot)
            self._take(slot, new)
            affected |= self._neighbours(slot)
        for slot in affected:
            self._cross(slot, now)

    def _take(self, slot: Slot, new: Found) -> None:
        for asset in _assets(self._found.pop(slot, Found())):
            self._on[asset].discard(slot)
            if not self._on[asset]:
                del self._on[asset]
        if new != Found():
            self._found[slot] = new
        for asset in _assets(new):
            self._on[asset].add(slot)

    def _neighbours(self, slot: Slot) -> set[Slot]:
        """Who shares an asset with it; itself, too."""
        mine = _assets(self._found.get(slot, Found()))
        return {other for asset in mine for other in self._on[asset]}

    def _cross(self, slot: Slot, now: datetime) -> None:
        self._crossed.pop(slot, None)
        claim = self._found.get(slot, Found()).claim
        if claim is None:
            return
        others = [c for s in self._neighbours(slot) if (c := self._found[s].claim) is not None]
        absences = self._absences.get(slot.recipient, ())
        concerns = (*overlaps(claim, others, now), *touched(claim, absences, now))
        if concerns:
            ends = (end for end in _ends((claim, *others), absences) if end > now)
            self._crossed[slot] = Found(concerns, min(ends, default=None))

    # -- being asked -----------------------------------------------------------------------

    def concerns(self) -> dict[str, Concern]:
        """Everything of concern, by key."""
        both = (*self._found.values(), *self._crossed.values())
        return {concern.key: concern for found in both for concern in found.concerns}

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

    def _moments(self) -> Iterable[tuple[Slot, datetime]]:
        for some in (self._found, self._crossed):
            for slot, found in some.items():
                if found.look_at is not None:
                    yield slot, found.look_at


def _assets(found: Found) -> frozenset[str]:
    return frozenset() if found.claim is None else found.claim.asset_ids


def _ends(claims: Iterable[Claim], absences: Absences) -> Iterable[datetime]:
    yield from (period.end for claim in claims for period in claim.periods)
    yield from (end for absence in absences for _, end in absence.spans)
