"""The plan in the journal, made anew whenever something may have changed it.

    entries ─▶ dispatches ─▶ commands due ─┐
                                           ├─ owed ─▶ PLANNED, each with an id of its own
    commands that went to the device ──────┘          whatever was open and is replaced: WITHDRAWN

One transaction with what changed: a message, a device that refused. The same journal gives the
same plan, so making it once too often does no harm.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from ukprofile.flex.contract import ContractTerms
from ukprofile.flex.dispatch import cut
from ukprofile.receiving import parse_text
from ven.device import Command
from ven.journal import Book, Planned, Sighting, time_text
from ven.plan import Dispatch, commands, dispatches, in_effect, owed

ERA = "era"
"""The note that tells apart the commands of a journal that was put back: devices may have had ids
that it does not know.
"""


def replan(book: Book, weights: Mapping[str, int], now: datetime) -> None:
    """Write down what each device is still to be told, and call off the rest."""
    due = _due(book, weights, now)
    assets = {c.asset_id for c in due} | {p.command.asset_id for p in _alive(book, now)}
    for asset_id in sorted(assets):
        told = book.told(asset_id, now)
        mine = [c for c in due if c.asset_id == asset_id]
        new = [_issue(book, command) for command in owed(mine, told, now)]
        for key, command in new:
            book.plan(key, command, now)
        kept = in_effect([*told, *(command for _, command in new)], now)
        book.withdraw_others(asset_id, kept, now)


def in_force(book: Book, since: datetime) -> tuple[Dispatch, ...]:
    """Every confirmed dispatch that is remembered at `since`, ended ones too.

    One whose event is gone ends there if its contract says so, and else runs on (profile 2).
    """
    sightings = book.sightings()
    found = []
    for one in dispatches(book, book.programs(), since):
        gone_at = gone_since(sightings, one.slot.program, one.slot.family, one.slot.thread)
        if gone_at is not None and withdrawal_stops(book, one.slot.program):
            cut_short = cut(one.periods, gone_at)
            found += [replace(one, periods=cut_short)] if cut_short else []
        else:
            found.append(one)
    return tuple(found)


def gone_since(
    sightings: Iterable[Sighting], program: str, family: str, thread: str
) -> datetime | None:
    """When the event of a thread was missed; None while any event carries it: of a text that was
    shown in two places, the copy may go.
    """
    times = [
        s.gone_at for s in sightings if (s.program, s.family, s.thread) == (program, family, thread)
    ]
    gone = [at for at in times if at is not None]
    return max(gone) if gone and len(gone) == len(times) else None


def _due(book: Book, weights: Mapping[str, int], now: datetime) -> tuple[Command, ...]:
    """What is asked for, but for what a device has refused: asking again would not help."""
    refused = {p.key for p in _alive(book, now) if p.state == "FAILED"}
    return tuple(c for c in commands(in_force(book, now), weights) if c.id not in refused)


def _alive(book: Book, now: datetime) -> tuple[Planned, ...]:
    return book.commands("valid_to > ? OR state IN ('PLANNED', 'SENT')", time_text(now))


def _issue(book: Book, command: Command) -> tuple[str, Command]:
    """Its key, and the command under an id that no device has seen."""
    before, era = book.issued(command.id), book.noted(ERA)
    parts = (command.id, era, str(before + 1) if before else "")
    return command.id, replace(command, id="-".join(filter(None, parts)))


def withdrawal_stops(book: Book, program: str) -> bool:
    """Whether the contract says that a withdrawn event stops its dispatch."""
    held = book.terms(program)
    if held is None:
        return False
    terms = ContractTerms.read(parse_text(held.text)["body"])
    return terms.on_unsigned_withdrawal == "stop"
