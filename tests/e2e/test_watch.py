"""The watch in a served VTN, on a shared clock: alarms come by the business time, and once."""

import json
from datetime import timedelta

import pytest

from tests.e2e.test_ukvtn import json_of, told
from tests.ukvtn import Server
from tests.unit.ven.dso import CONTRACT, FSP7, NOON, terms
from tests.waiting import until
from ukprofile.clock import SharedClock

pytestmark = pytest.mark.e2e

MINUTE = timedelta(minutes=1)


async def run_to(clock, when):
    """Let the business clock run, an hour in a second, until `when`; then stop it."""
    clock.set_rate(3600)
    await clock.until(when)
    clock.set_rate(0)


async def alarms(data, *more):
    return (await json_of("desk", "alarms", *more, "-d", data))["alarms"]


def lines(server, event):
    found = [json.loads(line) for line in (server.data / "vtn.log").read_text().splitlines()]
    return [(line["alarm"], line["thread"]) for line in found if line["event"] == event]


async def test_an_alarm_is_raised_by_the_clock_once_and_survives_a_kill(tmp_path):
    clock = SharedClock.create(tmp_path / "clock", NOON)
    server = Server(tmp_path)
    serving = ("--sandbox", "--dso", "UKPN", "--clock", tmp_path / "clock")
    try:
        await server.start(*serving)
        to = ("-d", server.data)
        await json_of("clients", "add", "FSP7", "--role", "ven", *to)
        await json_of("keys", "add", "-", *to, stdin=json.dumps(FSP7.public().to_json()))
        contract = json.dumps(terms())
        await json_of("contracts", "add", "-", "--provider", "FSP7", *to, stdin=contract)
        times = ("--start", "2026-11-24T16:30:00Z", "--end", "2026-11-24T17:30:00Z")
        order = (*times, "--delta-w", "1000000", "--thread", "D1")
        await json_of("desk", "instruct", CONTRACT, *order, *to)
        assert await alarms(server.data) == []
        assert (await json_of("status", *to))["alarms"] == 0

        await run_to(clock, NOON + 2 * MINUTE)
        (alarm,) = await until(lambda: alarms(server.data), why="D1 is overdue")
        assert (alarm["code"], alarm["cause"]) == ("OVERDUE", "unacknowledged")
        assert (alarm["since"], alarm["over_at"]) == ("2026-11-24T16:01:00Z", None)
        shown = (await told("desk", "alarms", *to)).stdout
        assert "telephone" in shown
        assert "1 to look at: ukvtn desk alarms" in (await told("status", *to)).stdout

        await server.kill()
        assert await alarms(server.data) == [alarm]  # without a server too
        await server.start(*serving)
        await until(lambda: lines(server, "alarm stands") == [("OVERDUE", "D1")])
        assert await alarms(server.data) == [alarm]

        await run_to(clock, NOON + 37 * MINUTE)  # ramp and grace have passed since 16:30
        await until(lambda: len(lines(server, "alarm")) == 2, why="D1 has not started")
        await run_to(clock, NOON + 91 * MINUTE)
        await until(lambda: alarms_are_over(server.data), why="D1 has ended")
        assert [a["cause"] for a in await alarms(server.data, "--all")] == [
            "unacknowledged",
            "not_started",
        ]
        assert lines(server, "alarm") == [("OVERDUE", "D1")] * 2
        assert await server.stop() == 0
    finally:
        await server.kill()


async def alarms_are_over(data):
    return await alarms(data) == []
