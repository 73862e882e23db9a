"""From what the journal holds to the commands that devices get. Pure.

    journal ──▶ states ──▶ dispatches in force ──▶ each asset's share ──▶ timeline ──▶ commands
                           DSP-0001  1.0 MW        A 0.6   B 0.4          levels       "A: +0.6 MW,
                                                                                     16:30-18:00"

Only what the state table calls confirmed is in force: nothing that was refused or countered, that
expired or lapsed (profile 5). The same journal gives the same commands with the same keys, after a
restart as before it. A dispatch over several assets states their total; it is shared out by
weight, to the watt.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ukprofile.flex.course import Course, dispatch_state, in_force
from ukprofile.flex.dispatch import Held, Period, Thread
from ukprofile.receiving import Ledger, Slot
from ukprofile.receiving.thread import answers_to, other_threads, terms_of
from ukprofile.timeline import Plan, timeline
from ven.device import Command
from ven.device import in_force as held_at
from ven.draft import ISSUER, newest_state


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One thread in force: by which text, where it stands, what it asks, and of which assets."""

    slot: Slot
    thread: Thread
    confirmed: Held
    assets: tuple[str, ...]
    periods: tuple[Period, ...]

    @property
    def start(self) -> datetime:
        return self.periods[0].start

    @property
    def end(self) -> datetime:
        return self.periods[-1].end

    @property
    def sha256(self) -> str:
        """The text whose level is in force."""
        return self.confirmed.sha256


def dispatches(ledger: Ledger, programs: Sequence[str], since: datetime) -> tuple[Dispatch, ...]:
    """Every confirmed dispatch of `programs` that is remembered at `since`, ended ones too.

    `since` is at most now. It moves no state that matters here: at the VEN's end, what is confirmed
    expires no more, and what is not runs neither before it lapses nor after.
    """
    found = []
    for slot, thread, course in courses(ledger, programs, since, since):
        periods = in_force(course, thread)
        if course.confirmed is not None and periods:
            assets = tuple(sorted({a["asset_id"] for a in course.confirmed.body["assets"]}))
            found.append(Dispatch(slot, thread, course.confirmed, assets, periods))
    return tuple(found)


def courses(
    ledger: Ledger, programs: Sequence[str], since: datetime, now: datetime
) -> Iterator[tuple[Slot, Thread, Course]]:
    """Every dispatch of `programs` that is remembered at `since`, with its state at `now`."""
    for program in programs:
        terms = terms_of(ledger, program)
        for slot, held in other_threads(ledger, program, since):
            thread = newest_state(held) if slot.issuer == ISSUER else held
            answers = answers_to(ledger, thread)
            yield slot, thread, dispatch_state(thread, answers, now, terms, "ven")


def commands(found: Sequence[Dispatch], weights: Mapping[str, int]) -> tuple[Command, ...]:
    """What the devices are to be told, by asset and time; ids are keys (`command_key`).

    `weights` says how assets share a dispatch; one that is not in it weighs 1.
    """
    told = []
    for asset_id in sorted({asset for one in found for asset in one.assets}):
        plans = [part_of(one, asset_id, weights) for one in found if asset_id in one.assets]
        for level in timeline(plans, asset_id):
            bare = Command(
                "",
                asset_id,
                level.start,
                level.end,
                level.setpoint_w,
                level.delta_w,
                level.threads,
            )
            told.append(replace(bare, id=command_key(bare)))
    return tuple(told)


def command_key(command: Command) -> str:
    """32 hex digits made from everything a command says; equal commands have equal keys."""
    said = [
        command.asset_id,
        command.valid_from.isoformat(),
        command.valid_to.isoformat(),
        command.setpoint_w,
        command.delta_w,
        list(command.threads),
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]


def owed(due: Sequence[Command], told: Sequence[Command], now: datetime) -> tuple[Command, ...]:
    """What one device is still to be told, in this order, so that from `now` on it does `due`.

        told   c1 ├── 1.0 ──┤├── 1.4 ──┤ c2         a cease at 16:40 shortened c1 and dropped c2
        due    c3 ├ 1.0 ┤
        owed   c3, from when it begins; nothing after it, since a newer command hides c2 as well

    `told` are the commands it was sent, in that order. A newer command hides all that older ones
    say from its own start on, so whatever is still due after it is told again. Where something
    is in force that nobody asks for, the device is released.
    """
    book, new = list(told), []
    for at in _instants((*due, *told), now):
        want = next((c for c in due if c.valid_from <= at < c.valid_to), None)
        have = held_at(book, at)
        if want is not None and (have is None or command_key(have) != want.id):
            new.append(want)
        elif want is None and have is not None and not have.releases:
            new.append(_release(have, at))
        else:
            continue
        book.append(new[-1])
    return tuple(new)


def in_effect(told: Sequence[Command], now: datetime) -> frozenset[str]:
    """The ids of those that count at some time from `now` on; the others were replaced."""
    found = (held_at(told, at) for at in _instants(told, now))
    return frozenset(c.id for c in found if c is not None)


def _instants(commands: Sequence[Command], now: datetime) -> list[datetime]:
    """From `now` on, every instant at which something may change."""
    changes = {at for c in commands for at in (c.valid_from, c.valid_to) if at > now}
    return [now, *sorted(changes)]


def _release(held: Command, at: datetime) -> Command:
    bare = replace(held, id="", valid_from=at, setpoint_w=None, delta_w=None)
    return replace(bare, id=command_key(bare))


def share(total: int, weights: Sequence[int]) -> tuple[int, ...]:
    """`total` split by `weights` (each above 0) into whole parts that add up to it exactly.

    What rounding leaves over goes to the first ones: share(-100, (1, 1, 1)) is (-34, -33, -33).
    """
    whole = abs(total)
    parts = [whole * weight // sum(weights) for weight in weights]
    for n in range(whole - sum(parts)):
        parts[n] += 1
    return tuple(parts) if total >= 0 else tuple(-part for part in parts)


def part_of(one: Dispatch, asset_id: str, weights: Mapping[str, int]) -> Plan:
    """What one asset of a dispatch is to do: its share of every period."""
    weight = [weights.get(asset, 1) for asset in one.assets]
    mine = one.assets.index(asset_id)
    periods = tuple(
        replace(
            period,
            delta_w=None if period.delta_w is None else share(period.delta_w, weight)[mine],
            setpoint_w=(
                None if period.setpoint_w is None else share(period.setpoint_w, weight)[mine]
            ),
        )
        for period in one.periods
    )
    revision = one.confirmed.header.revision
    return Plan(one.slot.thread, revision, frozenset({asset_id}), periods)
