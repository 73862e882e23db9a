"""What is paid to each FSP, from what the VTN holds: signed texts, and reports of readings.

    live   contracts ─▶ their event ─▶ reports of telemetry ─┐ the bytes, as they were stored
    tables signed texts ─▶ account: which days are wanted ───┴─▶ read, counted ─▶ Statement

It is worked out beside the writer, in a reader's thread: a year of dispatches holds up nobody.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from ukprofile.errors import Refused
from ukprofile.flex.statement import Span, Statement
from ukprofile.mapping.telemetry import name_of, readings_of
from ukprofile.openadr import Report
from ukprofile.receiving.statement import Day, Minutes, account
from vtn.domain.live import Field, Live
from vtn.domain.record import Kind, Record
from vtn.domain.store import Store, Transaction


@dataclass(frozen=True, slots=True)
class Provider:
    """An FSP: its contracts, and the reports of telemetry that it posted, by name."""

    party: str
    contracts: tuple[str, ...]
    telemetry: Mapping[str, tuple[Record, ...]]


async def statements(
    store: Store, dso: str, contracts: Iterable[Record], party: str, span: Span, now: datetime
) -> list[Statement]:
    """What `dso` pays each FSP for what began in `span`; just `party` unless that is "".

    `contracts` are the programs. Raises Refused NOT_FOUND for a party that has none.
    """
    found = [one for one in providers(store.live, contracts) if party in ("", one.party)]
    if party and not found:
        raise Refused("NOT_FOUND", f"{party} has no contract here: ukvtn clients list")
    asked = (partial(_statement, dso=dso, one=one, span=span, now=now) for one in found)
    return [await store.read(question) for question in asked]


def providers(live: Live, contracts: Iterable[Record]) -> list[Provider]:
    """Every FSP with a contract, by name."""
    mine = dict[str, list[Record]]()
    for program in contracts:
        for ven in live.under(Kind.VEN, program.targets):
            mine.setdefault(ven.name, []).append(program)
    return [_provider(live, party, programs) for party, programs in sorted(mine.items())]


def _provider(live: Live, party: str, programs: Iterable[Record]) -> Provider:
    (ven, *_) = live.find(Kind.VEN, Field.NAME, party)
    telemetry = dict[str, tuple[Record, ...]]()
    for program in programs:
        for event in live.find(Kind.EVENT, Field.PROGRAM, program.id):
            for report in live.find(Kind.REPORT, Field.EVENT, event.id):
                if report.name.startswith("TELEMETRY-") and report.client_id == ven.client_id:
                    telemetry[report.name] = (*telemetry.get(report.name, ()), report)
    return Provider(party, tuple(program.name for program in programs), telemetry)


def _statement(tx: Transaction, dso: str, one: Provider, span: Span, now: datetime) -> Statement:
    held = account(
        tx,
        "dso",
        dso,
        one.party,
        one.contracts,
        tx.said(dso, "acceptance"),
        tx.said(one.party, "baseline"),
        span,
        now,
    )
    return held.statement([m for day in held.wanted for m in _minutes(day, one.telemetry)])


def _minutes(day: Day, telemetry: Mapping[str, tuple[Record, ...]]) -> Iterator[Minutes]:
    """The readings of an asset and a day, from every report that has them."""
    name = name_of(day.asset_id, day.start)
    for record in telemetry.get(name, ()):
        shown = Report.read(json.loads(record.body))
        for resource in shown.resources:
            if resource.resource_name == day.asset_id:
                inside = (r for r in readings_of(resource) if day.start <= r.start < day.end)
                yield Minutes(day.asset_id, name, tuple(inside))
