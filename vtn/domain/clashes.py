"""What lies across a confirmed dispatch: other dispatches, and what its FSP cannot or will not run.

    D1 of the DSO    ├──── A1 ────┤
    D2 of NESO              ├──── A1 ────┤     overlap: a concern of the younger one (D2)
    unavailable           ├─ A1 ─┤             unavailable: of each that it touches

Two confirmed dispatches on one asset add up (profile 5, contract rule `sum`): that is a notice.
It is an alarm where they do not simply add up: where they need it for different parties (A12,
primacy), pull in opposite directions, or where one is a set-point, which hides all others. Pure.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from ukprofile.flex.common import Asset
from ukprofile.flex.dispatch import Held, Period
from ukprofile.flex.times import checked_time, time_text
from ukprofile.receiving import Slot
from vtn.domain.alarm import Cause, Concern, Severity, concern


@dataclass(frozen=True, slots=True)
class Claim:
    """What a confirmed dispatch has of its assets: `periods` are what is left to run.

    `origin` is who needs it ("DSO", "NESO"), `priority` 1 before 2, None = not stated;
    `first_revision` tells which of two dispatches is the older one, whatever became of them since;
    `confirmed_at` is when the text in force was issued.
    """

    slot: Slot
    first_revision: int
    assets: tuple[Asset, ...]
    periods: tuple[Period, ...]
    origin: str
    priority: int | None
    confirmed_at: datetime

    @property
    def asset_ids(self) -> frozenset[str]:
        return frozenset(asset.asset_id for asset in self.assets)

    @property
    def names(self) -> frozenset[str]:
        """Its assets and asset groups: whatever an unavailability may call them."""
        groups = (asset.asset_group_id for asset in self.assets)
        return self.asset_ids | {group for group in groups if group is not None}

    @property
    def label(self) -> str:
        """Itself, as a person says it: who needs it, and how urgently, belongs to the name."""
        priority = "" if self.priority is None else f", priority {self.priority}"
        return f"{self.slot.thread} ({self.slot.program}, {self.origin}{priority})"


@dataclass(frozen=True, slots=True)
class Absence:
    """What an FSP cannot or will not run: `names` (assets, groups, units), in each of `spans`.

    An unavailability, or an offer that was withdrawn; `said_at` is when it said so.
    """

    cause: Cause
    slot: Slot
    revision: int
    contract_id: str
    names: frozenset[str]
    spans: tuple[tuple[datetime, datetime], ...]
    reason: str
    said_at: datetime


# -- overlaps --------------------------------------------------------------------------------------


def overlaps(mine: Claim, others: Iterable[Claim], now: datetime) -> Iterator[Concern]:
    """The older claims that `mine` overlaps from `now` on: of each pair, one finds the other."""
    for other in others:
        shared = mine.asset_ids & other.asset_ids
        pair = _first_shared(mine.periods, other.periods, now) if shared else None
        if pair is not None and _rank(other) < _rank(mine):
            yield _overlap(mine, other, sorted(shared), pair)


def _rank(claim: Claim) -> tuple[int, str, str]:
    return claim.first_revision, claim.slot.program, claim.slot.thread


def _first_shared(
    mine: Sequence[Period], others: Sequence[Period], now: datetime
) -> tuple[Period, Period] | None:
    """The first two periods that share time which is still to come."""
    for one in mine:
        for other in others:
            end = min(one.end, other.end)
            if max(one.start, other.start, now) < end:
                return one, other
    return None


def _overlap(
    mine: Claim, other: Claim, assets: Sequence[str], pair: tuple[Period, Period]
) -> Concern:
    one, two = pair
    start, end = max(one.start, two.start), min(one.end, two.end)
    absolute = one.setpoint_w is not None or two.setpoint_w is not None
    if absolute:
        effect = "the newer set-point hides the other"
    elif one.level_w * two.level_w < 0:
        effect = f"they pull in opposite directions, {one.level_w + two.level_w:+,} W in all"
    else:
        effect = f"they add up to {one.level_w + two.level_w:+,} W"
    serious = absolute or one.level_w * two.level_w < 0 or mine.origin != other.origin
    text = (
        f"{mine.label} and {other.label} both have {', '.join(assets)} from {time_text(start)} "
        f"to {time_text(end)}: {effect}{_primacy(mine, other)}"
    )
    severity = Severity.ALARM if serious else Severity.NOTICE
    about = f"{other.slot.program}/{other.slot.thread}/{severity}"  # told again if it gets worse
    return concern(mine.slot, Cause.OVERLAP, about, mine.confirmed_at, text, severity)


def _primacy(mine: Claim, other: Claim) -> str:
    """Which comes first, where two parties need it; by priority alone (A12)."""
    if mine.origin == other.origin:
        return ""
    if mine.priority is None or other.priority is None or mine.priority == other.priority:
        return "; no priority decides between them: settle it, and vary or cease one"
    first, second = sorted((mine, other), key=lambda c: c.priority or 0)
    return f"; {first.slot.thread} comes first: vary or cease {second.slot.thread}"


# -- what is not available ------------------------------------------------------------------------


def touched(claim: Claim, absences: Iterable[Absence], now: datetime) -> Iterator[Concern]:
    """The absences that touch what is left of a claim."""
    for absence in absences:
        span = _first_touched(claim, absence, now)
        if span is None or absence.contract_id != claim.slot.program:
            continue
        withdrawn = absence.cause is Cause.WITHDRAWN
        if withdrawn and absence.said_at < claim.confirmed_at:
            continue  # the desk knew when it dispatched
        start, end = (time_text(when) for when in span)
        because = f" ({absence.reason})" if absence.reason else ""
        what = "withdrew the offer of" if withdrawn else "cannot run"
        yield concern(
            claim.slot,
            absence.cause,
            f"{absence.slot.thread}/{absence.revision}",
            absence.said_at,
            f"{claim.slot.recipient} {what} {', '.join(sorted(absence.names))} from {start} to "
            f"{end}{because}, but {claim.label} is confirmed: vary or cease it, or telephone",
        )


def _first_touched(
    claim: Claim, absence: Absence, now: datetime
) -> tuple[datetime, datetime] | None:
    if not absence.names & claim.names:
        return None
    for start, end in absence.spans:
        if end > now and any(p.start < end and start < p.end for p in claim.periods):
            return start, end
    return None


def absences(texts: Iterable[tuple[Slot, Held]]) -> tuple[Absence, ...]:
    """What an FSP said it cannot or will not run: from its unavailabilities and its offers.

    Of a thread the newest text that counts; of offers only those that a stop withdrew.
    """
    counting = [(slot, held) for slot, held in texts if held.counts]
    counting.sort(key=lambda pair: (pair[0].family, pair[0].program, pair[0].thread))
    found = []
    for slot, group in groupby(counting, key=lambda pair: pair[0]):
        thread = sorted((held for _, held in group), key=lambda held: held.order)
        if slot.family == "unavailability":
            found.append(_unavailability(slot, thread[-1]))
        elif thread[-1].header.stop and not thread[0].header.stop:
            offer = next(held for held in reversed(thread) if not held.header.stop)
            found.append(_withdrawn(slot, offer, thread[-1]))
    return tuple(found)


def _unavailability(slot: Slot, held: Held) -> Absence:
    body = held.body
    return Absence(
        Cause.UNAVAILABLE,
        slot,
        held.header.revision,
        body["contract_id"],
        _named(held) | {body["unit"]},
        ((checked_time(body["from"]), checked_time(body["to"])),),
        body["reason"],
        held.header.issued_at,
    )


def _withdrawn(slot: Slot, offer: Held, stop: Held) -> Absence:
    periods = offer.body["periods"]
    return Absence(
        Cause.WITHDRAWN,
        slot,
        stop.header.revision,
        offer.body["contract_id"],
        _named(offer),
        tuple((checked_time(p["start"]), checked_time(p["end"])) for p in periods),
        str(stop.body.get("reason", "")),
        stop.header.issued_at,
    )


def _named(held: Held) -> frozenset[str]:
    return frozenset(asset["asset_id"] for asset in held.body["assets"])
