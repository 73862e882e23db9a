"""The readings of the day, as one report that stands at a real VTN."""

from datetime import timedelta

import pytest
import structlog
from structlog.testing import capture_logs

from tests.unit.ven.dso import ASSET, NOON
from tests.unit.ven.gate import gate_before
from tests.unit.ven.test_listen import Ears, listening
from ukprofile.flex.energy import Reading
from ukprofile.mapping.telemetry import resource
from ven.device.simulated import Battery, SimulatedBattery
from ven.meter import Meter
from ven.telemetry import Telemetry


def minute(n: int, power_w: int, quality="actual") -> Reading:
    return Reading(NOON + timedelta(minutes=n), 60, power_w * 60, 0, quality)


def shown(read) -> list[dict[str, object]]:
    return [
        {p.type: p.values[0] for p in interval.payloads}
        for interval in resource(ASSET, read).intervals
    ]


def test_demand_is_what_is_used_and_a_gap_has_no_value():
    read = [minute(0, -2_050_123), minute(2, 1_000, "estimated"), minute(3, 0)]
    assert shown(read) == [
        {"DEMAND": 2050.123},
        {"DATA_QUALITY": "MISSING"},
        {"DEMAND": -1.0, "DATA_QUALITY": "ESTIMATED"},
        {"DEMAND": 0.0},
    ]
    made = resource(ASSET, read)
    assert made.resource_name == ASSET
    assert str(made.interval_period.start) == "2026-11-24T16:00:00Z"
    assert made.interval_period.duration.seconds == 60


def test_only_the_newest_intervals_are_shown():
    made = resource(ASSET, [minute(0, 0), minute(2000, 0)])
    assert len(made.intervals) == 1500
    assert str(made.interval_period.start) == "2026-11-25T00:21:00Z"


class Scene:
    """FSP7, which has heard of its contract, and its battery."""

    def __init__(self, ears: Ears, folder) -> None:
        self.dso, self.journal, self.clock = ears.dso, ears.journal, ears.clock
        kind = Battery(baseline=((0, -250_000),))
        self.device = SimulatedBattery(ASSET, kind, self.clock, folder / "device.jsonl")
        devices = {ASSET: self.device}
        self.meter = Meter(
            self.journal, devices, self.clock, reading_s=60, timeout_s=1.0, rest_s=0.0
        )

    def telemetry(self, client) -> Telemetry:
        return Telemetry(
            client, self.journal, self.clock, "FSP7", (ASSET, "NOT-IN-IT"),
            structlog.get_logger(), reading_s=60, rest_s=0.0,
        )  # fmt: skip

    async def minutes(self, *minutes: int) -> None:
        for minute in minutes:
            self.clock.set(NOON + timedelta(minutes=minute))
            await self.meter.look()

    def standing(self):
        return [r for r in self.dso.reports() if str(r.report_name).startswith("TELEMETRY")]

    def counts(self) -> list[tuple[str, int]]:
        return [(r.report_name, len(r.resources[0].intervals)) for r in self.standing()]


@pytest.fixture
async def scene(tmp_path):
    async with listening(tmp_path) as ears:
        await ears.look()
        yield Scene(ears, tmp_path)


TODAY = f"TELEMETRY-{ASSET}-2026-11-24"


async def test_one_report_for_each_day_is_written_in_place(scene):
    async with gate_before(scene.dso) as (gate, client):
        telemetry = scene.telemetry(client)
        await telemetry.tell()
        assert scene.counts() == []  # nothing has been read yet
        await scene.minutes(0, 1, 2)
        await telemetry.tell()
        (report,) = scene.standing()
        await scene.minutes(3)
        await telemetry.tell()
        await telemetry.tell()
    assert scene.counts() == [(TODAY, 3)]
    (again,) = scene.standing()
    assert again.id == report.id
    assert gate.order == [TODAY]  # one POST
    (terms,) = scene.dso.event_ids()
    assert (again.event_id, again.resources[0].resource_name) == (terms, ASSET)
    values = [p.values for i in again.resources[0].intervals for p in i.payloads]
    assert values == [(250.0,)] * 3
    assert [(d.payload_type, d.units) for d in again.payload_descriptors] == [
        ("DEMAND", "KW"), ("DATA_QUALITY", None),
    ]  # fmt: skip


async def test_the_next_day_has_a_report_of_its_own_and_the_last_minute_reaches_the_first(scene):
    async with gate_before(scene.dso) as (_, client):
        telemetry = scene.telemetry(client)
        await scene.minutes(478, 479)
        await telemetry.tell()
        await scene.minutes(480, 481)
        await telemetry.tell()
    assert scene.counts() == [(TODAY, 2), (f"TELEMETRY-{ASSET}-2026-11-25", 1)]


async def test_a_new_agent_finds_the_report_of_the_one_before_it(scene):
    async with gate_before(scene.dso) as (gate, client):
        await scene.minutes(0, 1)
        await scene.telemetry(client).tell()
        await scene.minutes(2)
        await scene.telemetry(client).tell()
    assert (scene.counts(), gate.order) == ([(TODAY, 2)], [TODAY])


@pytest.mark.parametrize("status", [404, 409, 412])
async def test_what_has_changed_or_gone_meanwhile_is_read_again(scene, status):
    async with gate_before(scene.dso) as (gate, client):
        telemetry = scene.telemetry(client)
        await scene.minutes(0, 1)
        await telemetry.tell()
        await scene.minutes(2)
        (report,) = scene.standing()
        gate.says[f"PUT /reports/{report.id}"] = [(status, {})]
        await telemetry.tell()
    assert scene.counts() == [(TODAY, 2)]


async def test_a_report_that_is_gone_is_made_anew(scene):
    async with gate_before(scene.dso) as (_, client):
        telemetry = scene.telemetry(client)
        await scene.minutes(0, 1)
        await telemetry.tell()
        (report,) = scene.standing()
        await client.reports.delete(report.id)
        await scene.minutes(2)
        await telemetry.tell()
    assert scene.counts() == [(TODAY, 2)]


async def test_a_round_that_fails_is_made_up_for_by_the_next(scene):
    async with gate_before(scene.dso) as (gate, client):
        telemetry = scene.telemetry(client)
        await scene.minutes(0, 1)
        gate.says["POST /reports"] = [(500, {})]
        with capture_logs() as logs:
            telemetry = scene.telemetry(client)
            await telemetry.tell()
        assert [line["event"] for line in logs] == ["no telemetry"]
        assert scene.counts() == []
        await telemetry.tell()
    assert scene.counts() == [(TODAY, 1)]
    assert await scene.journal.read(lambda b: b.alarms()) == ()


async def test_a_contract_whose_event_is_gone_is_shown_nothing(scene):
    await scene.minutes(0, 1)
    (terms,) = await scene.journal.read(lambda b: b.sightings())
    await scene.journal.write(lambda b: b.miss(terms.event_id, NOON))
    async with gate_before(scene.dso) as (gate, client):
        await scene.telemetry(client).tell()
    assert (scene.counts(), gate.order) == ([], [])
