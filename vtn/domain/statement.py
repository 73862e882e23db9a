"""What is paid to each FSP, from what the VTN holds: signed texts, and reports of readings.

    tables signed texts ─▶ account: which days are wanted ─┐
    live   reports of telemetry by their names ◀───────────┘─▶ read, counted ─▶ Statement

It is worked out beside the writer, in a reader's thread: a year of dispatches holds up nobody.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial

from ukprofile.errors import Refused
from ukprofile.flex.statement import Span, Statement
from ukprofile.mapping.telemetry import name_of, readings_of
from ukprofile.openadr import Report
from ukprofile.receiving.dispatched import Day
from ukprofile.receiving.statement import Account, Minutes, account
from vtn.domain.live import Field, Live
from vtn.domain.record import Kind, Record
from vtn.domain.store import Store, Transaction

Shown = Mapping[Day, tuple[Record, ...]]
"""The reports of telemetry of each asset and day; of an asset in two contracts there are two."""


async def statements(
    store: Store, dso: str, contracts: Iterable[Record], party: str, span: Span, now: datetime
) -> list[Statement]:
    """What `dso` pays each FSP for what began in `span`; just `party` unless that is "".

    `contracts` are the programs. Raises Refused NOT_FOUND for a party that has none.
    """
    found = [one for one in _providers(store.live, contracts) if party in ("", one[0].name)]
    if party and not found:
        raise Refused("NOT_FOUND", f"{party} has no contract here: ukvtn clients list")
    made = []
    for ven, programs in found:
        asked = partial(_account, dso=dso, fsp=ven.name, programs=programs, span=span, now=now)
        held = await store.read(asked)
        shown = {day: _shown(store.live, ven.client_id, day) for day in held.wanted}
        made.append(await store.read(partial(_statement, held=held, shown=shown)))
    return made


def _providers(live: Live, contracts: Iterable[Record]) -> list[tuple[Record, list[str]]]:
    """The ven of every FSP with a contract, by name, and its contracts."""
    found = dict[str, tuple[Record, list[str]]]()
    for program in contracts:
        for ven in live.under(Kind.VEN, program.targets):
            found.setdefault(ven.name, (ven, []))[1].append(program.name)
    return [found[name] for name in sorted(found)]


def _shown(live: Live, client_id: str, day: Day) -> tuple[Record, ...]:
    """What the FSP itself posted under that name."""
    named = live.find(Kind.REPORT, Field.NAME, name_of(day.asset_id, day.start))
    return tuple(report for report in named if report.client_id == client_id)


def _account(
    tx: Transaction, dso: str, fsp: str, programs: Iterable[str], span: Span, now: datetime
) -> Account:
    awards, baselines = tx.said(dso, "acceptance"), tx.said(fsp, "baseline")
    return account(tx, "dso", dso, fsp, programs, awards, baselines, span, now)


def _statement(_tx: Transaction, held: Account, shown: Shown) -> Statement:
    """In a reader's thread, for the reports are long."""
    return held.statement([m for day, reports in shown.items() for m in _minutes(day, reports)])


def _minutes(day: Day, reports: Iterable[Record]) -> Iterator[Minutes]:
    for record in reports:
        for resource in Report.read(json.loads(record.body)).resources:
            if resource.resource_name == day.asset_id:
                inside = (r for r in readings_of(resource) if day.start <= r.start < day.end)
                yield Minutes(day.asset_id, record.name, tuple(inside))
