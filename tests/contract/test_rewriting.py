"""A VTN that passes objects on in its own words changes no outcome, at either end.

The same life is lived twice: at our VTN, and through the stand-in, which stands before the DSO's
business logic as well as before the agent.
"""

import json
from contextlib import AsyncExitStack
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.agent import Agent, agent_at
from tests.posting import Poster
from tests.rewriting import Rejected, rewriting_before, shown, stored, written
from tests.unit.ven.dso import NOON, Dso, dso_with_fsp7
from ukprofile.clock import ManualClock
from ukprofile.flex.dispatch import Period
from ukprofile.openadr import EventRequest, ProgramRequest, ReportRequest
from ukprofile.openadr.client import Client, Credentials, VtnProblem
from ukprofile.receiving import Entry, parse_text
from ven.journal import Book
from vtn.domain.record import Role

MW = 1_000_000


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def relative(number: int, start: int, end: int, watts: int = MW) -> Period:
    return Period(number, at(start), at(end), delta_w=watts)


async def live(post: Poster, agent: Agent, clock: ManualClock) -> None:
    """A schedule confirmed, varied, ceased; one that lapses, one cancelled, one of set-points."""

    async def turn(minutes: float) -> None:
        clock.set(at(minutes))
        await agent.turn()

    await turn(0)
    await post.schedule("D1", relative(0, 40, 100), confirm_by=at(20))
    await post.schedule("D2", relative(0, 60, 120, 1), confirm_by=at(50))
    await turn(1)
    await post.instruct("D1", relative(0, 40, 100))
    await post.instruct("D3", relative(0, 140, 200))
    await turn(2)
    await post.cancel("D3")
    await turn(41)
    await turn(43)
    less = (relative(0, 40, 60), relative(1, 60, 100, 600_000))
    await post.vary("D1", *less)
    more = (relative(0, 40, 60), relative(2, 60, 100, 1_400_000))
    await turn(44)
    clock.set(at(45))
    await post.vary("D1", *more)  # an increase: held, until its response says yes
    await turn(46)
    await turn(61)
    await post.cease("D1", at(70), *more)
    await turn(62)
    await turn(70)
    await turn(73)
    await post.instruct("D4", Period(0, at(80), at(120), setpoint_w=-250_001))
    for minutes in (74, 80, 82, 121):
        await turn(minutes)


async def outcome(folder: Path, *, rewritten: bool) -> dict[str, Any]:
    """What is left of the life at both ends, but for names and keys that chance makes."""
    clock = ManualClock(NOON)
    async with AsyncExitStack() as stack:
        dso = await stack.enter_async_context(dso_with_fsp7(clock))
        url, stand_in = dso.url, None
        if rewritten:
            stand_in, url = await stack.enter_async_context(rewriting_before(dso.url))
        desk = Credentials(*await dso.running.client("desk", Role.BL))
        bl = await stack.enter_async_context(client_at(url, desk, dso))
        mine = Credentials(dso.client_id, dso.secret)
        ven = await stack.enter_async_context(client_at(url, mine, dso))
        agent = await stack.enter_async_context(agent_at(ven, folder, clock, dso.register))
        await live(Poster(bl, dso.running.vtn.keys, clock), agent, clock)
        assert stand_in is None or stand_in.rewritten > 20
        return {
            "entries": await agent.ask(_by_thread),
            "standings": [asdict(s) for s in await dso.standings()],
            "told": agent.told(),
            "alarms": await agent.alarms(),
            "said": sorted(_said(report.dump()) for report in dso.reports()),
            "commands": await agent.ask(lambda book: [asdict(p) for p in book.commands()]),
            "beat": dso.ven()["attributes"],
        }


def client_at(url: str, credentials: Credentials, dso: Dso) -> Client:
    hosts = [dso.url.partition("//")[2]]
    return Client(url, credentials, attempts=1, allow_token_hosts=hosts)


def _by_thread(book: Book) -> list[tuple[Any, ...]]:
    """Every entry, in the order of its thread; those of one poll come in the order of a list."""
    return sorted((_entry(e) for e in book.entries()), key=lambda e: e[:3])


def _entry(entry: Entry) -> tuple[Any, ...]:
    # the thread of contract terms is made by chance
    thread = "terms" if "CT-" in entry.slot.thread else entry.slot.thread
    verdict = (entry.verdict, entry.reason, entry.alarm, entry.answer)
    return (thread, entry.revision, entry.kind, *verdict, parse_text(entry.text)["body"])


def _said(report: Any) -> list[str]:
    """The draft's payloads of a report: what it reads back, and the status."""
    return [
        f"{p['type']} {p['values']}"
        for resource in report["resources"]
        for interval in resource["intervals"]
        for p in interval["payloads"]
        if not p["type"].startswith("UKFLEX_")
    ]


async def test_a_vtn_that_rewrites_objects_changes_no_outcome(tmp_path):
    for folder in ("plain", "rewritten"):
        (tmp_path / folder).mkdir()
    plain = await outcome(tmp_path / "plain", rewritten=False)
    there = await outcome(tmp_path / "rewritten", rewritten=True)
    for name, found in plain.items():
        assert there[name] == found, name
    assert [(e[0], e[2], e[3]) for e in plain["entries"] if e[3] != "sent"] == [
        ("D1", "schedule", "act"),
        ("D1", "instruction", "act"),
        ("D1", "variation", "act"),
        ("D1", "variation", "hold"),
        ("D1", "cease", "act"),
        ("D2", "schedule", "act"),
        ("D3", "instruction", "act"),
        ("D3", "cancellation", "act"),
        ("D4", "instruction", "act"),
        ("terms", "contract_terms", "act"),
    ]
    assert [(line["delta_w"], line["setpoint_w"], *line["threads"]) for line in plain["told"]] == [
        (MW, None, "D1"),
        (MW, None, "D3"),
        (None, None, "D3"),
        (MW, None, "D1"),
        (600_000, None, "D1"),
        (1_400_000, None, "D1"),
        (1_400_000, None, "D1"),
        (None, -250_001, "D4"),
    ]
    assert plain["alarms"] == []


# -- the stand-in itself: every line of digest 2.2 -------------------------------------------------

EVENT = {
    "programID": "P1",
    "eventName": "SCHEDULED_DISPATCH",
    "targets": ["CONTRACT_ID-UKPN-1"],
    "colour": "blue",
    "payloadDescriptors": [
        {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": "DISPATCH_SETPOINT"}
    ],
    "reportDescriptors": [{"payloadType": "READ_BACK", "frequency": 0}],
    "intervals": [
        {
            "id": 0,
            "colour": "blue",
            "intervalPeriod": {"start": "2026-11-24T17:30:00+01:00", "duration": "P1DT90M"},
            "payloads": [
                {"type": "DISPATCH_SETPOINT", "values": [0.000001], "colour": "blue"},
                {"type": "UKFLEX_X", "values": [1, 2.0, True, "1e3", {"x": 1, "y": 2, "z": 3}]},
            ],
        }
    ],
}


def with_values(kind: str, *values: Any) -> dict[str, Any]:
    return with_interval(payloads=[{"type": kind, "values": list(values)}])


def with_interval(**changes: Any) -> dict[str, Any]:
    return {**EVENT, "intervals": [{**EVENT["intervals"][0], **changes}]}


def test_an_event_is_shown_in_other_words():
    stamps = dict.fromkeys(("createdDateTime", "modificationDateTime"), "2026-11-24T16:00:00Z")
    body = {**EVENT, **stamps, "id": "E1", "objectType": "EVENT"}
    text = written(shown("events", body)).decode()
    assert text.startswith('{"id": "E1", "targets": ["CONTRACT_ID-UKPN-1"], "priority": null, ')
    assert "objectType" not in text
    assert "colour" not in text
    assert '"createdDateTime": "2026-11-24T16:00:00+00:00"' in text
    assert '"start": "2026-11-24T16:30:00+00:00", "duration": "P0Y0M1DT0H90M0S"' in text
    assert '"values": [0.000001]' in text
    assert '"values": [1, 2.0, true, "1e3", {"x": 1.0, "y": 2.0}]' in text
    (descriptor,) = json.loads(text)["reportDescriptors"]
    assert descriptor["frequency"] == 0
    assert (descriptor["historical"], descriptor["reportIntervals"]) == (True, "INTERVALS")
    assert shown("events", json.loads(text)) == json.loads(text)


@pytest.mark.parametrize(
    "body",
    [
        with_values("DISPATCH_SETPOINT", 1),
        with_values("UKFLEX_X", None),
        with_values("UKFLEX_X", [1]),
        with_values("UKFLEX_X", "\0"),
        with_interval(payloads=[]),
        with_interval(intervalPeriod={"duration": "PT1H"}),
        with_interval(intervalPeriod={"start": "0001-01-01T00:00:00"}),
        with_interval(intervalPeriod={"start": "0001-01-01"}),
        {**EVENT, "targets": ["market:UKPN"]},
        {**EVENT, "targets": ["null"]},
        {**EVENT, "priority": -1},
        {name: value for name, value in EVENT.items() if name != "programID"},
    ],
)
def test_what_its_types_do_not_admit_is_refused(body):
    with pytest.raises(Rejected):
        stored("events", body)


def test_long_lengths_and_big_numbers_lose_digits():
    big = with_interval(intervalPeriod={"start": "2026-11-24T16:30:00Z", "duration": "PT16777217S"})
    (interval,) = stored("events", big)["intervals"]
    assert interval["intervalPeriod"]["duration"] == "P0Y0M0DT0H0M16777216S"
    (interval,) = stored("events", with_values("UKFLEX_X", 2**64))["intervals"]
    assert interval["payloads"][0]["values"] == [float(2**64)]


async def test_a_report_name_counts_once_and_an_event_with_reports_stays(tmp_path):
    clock = ManualClock(NOON)
    async with AsyncExitStack() as stack:
        dso = await stack.enter_async_context(dso_with_fsp7(clock))
        _, url = await stack.enter_async_context(rewriting_before(dso.url))
        desk = Credentials(*await dso.running.client("desk", Role.BL))
        bl = await stack.enter_async_context(client_at(url, desk, dso))
        ven = await stack.enter_async_context(
            client_at(url, Credentials(dso.client_id, dso.secret), dso)
        )
        program = await bl.programs.create(
            ProgramRequest(program_name="plain", targets=("CONTRACT_ID-UKPN-FLEX-1",))
        )
        order = []
        for priority in (None, 3, 1):
            clock.advance(timedelta(seconds=1))
            fields = {} if priority is None else {"priority": priority}
            made = await bl.events.create(
                EventRequest(program_id=program.value.id, targets=program.value.targets, **fields)
            )
            order.append(made.value.id)
        listed = await ven.events.list(program_id=program.value.id)
        assert [e.id for e in listed.items] == list(reversed(order))
        assert listed.etags == ("",)
        report = ReportRequest(
            event_id=order[0], client_name="FSP7", report_name="once", resources=()
        )
        await ven.reports.create(report)
        for again in (ven.reports.create(report), bl.events.delete(order[0])):
            with pytest.raises(VtnProblem) as refused:
                await again
            assert refused.value.status == 409
        await bl.events.delete(order[1])
