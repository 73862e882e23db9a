"""The agent answers a real desk: schedules, increases, requests; once each, by what devices can do."""

import asyncio
import threading
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
import structlog

from tests.agent import Agent, agent_at
from tests.unit.ven.dso import ASSET, CONTRACT, FSP7, NOON, Dso, dso_with_fsp7
from tests.waiting import until
from ukprofile.clock import ManualClock
from ukprofile.flex.answer import Unavailability
from ukprofile.flex.common import Asset, Price
from ukprofile.openadr.client import Client, Credentials
from ukprofile.receiving import Slot, parse_text
from ven.answer import Voice, declare
from ven.device.ability import read_forecast
from ven.device.simulated import Battery, SimulatedBattery
from ven.offer import Terms
from ven.policy import Asked, Reply
from vtn.domain.desk import (
    CancellationOrder,
    ConfirmationOrder,
    InstructionOrder,
    PeriodOrder,
    ScheduleOrder,
    VariationOrder,
)

MINUTE = timedelta(minutes=1)
START, END = NOON + 60 * MINUTE, NOON + 120 * MINUTE
SMALL = Battery(capacity_wh=2_000_000, energy_wh=600_000, max_w=1_500_000, min_w=-1_500_000,
                ramp_w_per_s=100_000)  # fmt: skip


class Table:
    """A desk and an agent at their VTN."""

    def __init__(self, dso: Dso, agent: Agent, clock: ManualClock) -> None:
        self.dso, self.agent, self.clock = dso, agent, clock
        self.desk = dso.running.vtn.desk

    async def schedule(self, thread: str = "D1", delta_w: int = 500_000, **more):
        await self.propose(thread, delta_w, **more)
        await self.turn()

    async def propose(
        self, thread: str = "D1", delta_w: int = 500_000, contract: str = CONTRACT, **more
    ):
        """A schedule at the VTN, of which the agent knows nothing yet."""
        period = PeriodOrder(start=START, end=END, delta_w=delta_w)
        await self.desk.schedule(
            ScheduleOrder(contract_id=contract, periods=(period,), thread=thread, **more)
        )

    async def turn(self) -> None:
        self.clock.advance(timedelta(seconds=2))
        await self.agent.turn()

    async def state(self, thread: str = "D1") -> str:
        return next(s.state for s in await self.desk.dispatches() if s.thread == thread)

    async def said(self, kind: str = "response") -> list[dict]:
        """The bodies that the agent queued of one kind, in order."""
        entries = await self.agent.ask(lambda book: book.entries())
        return [
            parse_text(e.text)["body"] for e in entries if e.kind == kind and e.verdict == "sent"
        ]

    async def unavailable(self, start, end) -> None:
        body = Unavailability(contract_id=CONTRACT, zone="HENDON-WAY", assets=(Asset(ASSET),),
                              unit=ASSET, start=start, end=end, reason="MAINTENANCE")  # fmt: skip
        slot = Slot("FSP7", "UKPN", "sandbox", CONTRACT, "unavailability", "UN-1")
        voice = Voice(FSP7, 1, "sandbox", lambda n: b"u" * n)
        (event_id,) = self.dso.event_ids()
        await self.agent.journal.write(
            lambda book: declare(book, voice, slot, body, event_id, end, self.clock.now())
        )


@asynccontextmanager
async def table_at(folder, battery: Battery = SMALL, offers: Terms | None = None, **terms):
    clock = ManualClock(NOON)
    async with (
        dso_with_fsp7(clock, min_power_w=100_000, **terms) as dso,
        Client(dso.url, Credentials(dso.client_id, dso.secret)) as client,
        agent_at(client, folder, clock, dso.register, battery, offers) as agent,
    ):
        yield Table(dso, agent, clock)


async def test_a_schedule_it_can_do_is_accepted_once_and_runs_when_confirmed(tmp_path):
    async with table_at(tmp_path) as table:
        await table.schedule()
        assert await table.state() == "agreed"
        await table.turn()
        assert [r["answer"] for r in await table.said()] == ["accept"]
        assert table.agent.told() == []
        await table.desk.confirm(ConfirmationOrder(thread="D1"))
        await table.turn()
        assert await table.state() == "confirmed"
        assert [(t["delta_w"], t["from"]) for t in table.agent.told()] == [
            (500_000, "2026-11-24T17:00:00Z")
        ]


async def test_what_is_too_much_is_accepted_in_part_and_confirmed_so(tmp_path):
    async with table_at(tmp_path) as table:
        await table.schedule(delta_w=800_000)
        (response,) = await table.said()
        assert (response["answer"], response["reason"]) == ("partial", "CAPACITY")
        assert [p["delta_w"] for p in response["periods"]] == [600_000]
        assert await table.state() == "countered"
        await table.desk.confirm(ConfirmationOrder(thread="D1"))
        await table.turn()
        assert [t["delta_w"] for t in table.agent.told()] == [600_000]


async def test_what_was_accepted_before_it_was_confirmed_is_promised_already(tmp_path):
    async with table_at(tmp_path) as table:
        await table.schedule("D1", 500_000)
        await table.schedule("D2", 500_000)
        assert [r["answer"] for r in await table.said()] == ["accept", "partial"]
        assert (await table.said())[1]["periods"][0]["delta_w"] == 100_000


async def test_what_is_unavailable_is_refused(tmp_path):
    async with table_at(tmp_path) as table:
        await table.unavailable(START + 10 * MINUTE, END)
        await table.schedule()
        (response,) = await table.said()
        assert (response["answer"], response["reason"]) == ("refuse", "UNAVAILABLE")
        assert await table.state() == "refused"


async def test_what_was_declared_available_again_is_accepted(tmp_path):
    async with table_at(tmp_path) as table:
        await table.unavailable(START + 10 * MINUTE, END)
        table.clock.advance(MINUTE)
        await table.unavailable(START - 30 * MINUTE, START)
        await table.schedule()
        assert [r["answer"] for r in await table.said()] == ["accept"]


async def test_a_forecast_file_is_read_anew_and_a_broken_one_answers_nothing(tmp_path):
    path = tmp_path / "forecast.csv"
    path.write_text("broken")
    async with table_at(tmp_path) as table:
        table.agent.responder._forecaster._told = lambda: read_forecast(path)
        await table.propose()
        await table.agent.listener.look()
        assert not await table.agent.responder.look()
        assert await table.said() == []
        path.write_text(
            f"asset_id,start,end,delta_w\n{ASSET},{START.isoformat()},{END.isoformat()},300000\n"
        )
        assert await table.agent.responder.look()
        ((period,),) = [r["periods"] for r in await table.said()]
        assert period["delta_w"] == 300_000


async def test_what_comes_while_the_devices_are_asked_is_answered_by_what_they_say_next(tmp_path):
    async with table_at(tmp_path) as table:
        await table.propose("D1", 100_000)
        await table.agent.listener.look()
        device = table.agent.responder._forecaster._devices[ASSET]
        ask = device.forecast

        async def forecast(until):
            device.forecast = ask
            later = PeriodOrder(start=START, end=END + 30 * MINUTE, delta_w=100_000)
            await table.desk.schedule(
                ScheduleOrder(contract_id=CONTRACT, periods=(later,), thread="D2")
            )
            await table.agent.listener.look()
            return await ask(until)

        device.forecast = forecast
        await table.agent.responder.look()
        assert await table.state("D2") == "proposed"
        await table.turn()
        assert [r["answer"] for r in await table.said()] == ["accept", "accept"]


async def test_an_increase_waits_for_its_acceptance_and_then_runs(tmp_path):
    async with table_at(tmp_path) as table:
        period = PeriodOrder(start=START, end=END, delta_w=200_000)
        await table.desk.instruct(
            InstructionOrder(contract_id=CONTRACT, periods=(period,), thread="D1")
        )
        await table.turn()
        assert await table.said() == []
        table.clock.set(START + 5 * MINUTE)
        await table.turn()
        change = START + 30 * MINUTE
        await table.desk.vary(VariationOrder(thread="D1", since=change, delta_w=400_000))
        await table.turn()
        assert [r["answer"] for r in await table.said()] == ["accept"]
        assert [(t["delta_w"], t["from"]) for t in table.agent.told()][-1] == (
            400_000, "2026-11-24T17:30:00Z"
        )  # fmt: skip
        assert await table.state() == "running"


async def test_an_increase_it_cannot_do_is_refused_and_the_old_level_runs_on(tmp_path):
    async with table_at(tmp_path) as table:
        period = PeriodOrder(start=START, end=END, delta_w=200_000)
        await table.desk.instruct(
            InstructionOrder(contract_id=CONTRACT, periods=(period,), thread="D1")
        )
        await table.turn()
        before = table.agent.told()
        await table.desk.vary(VariationOrder(thread="D1", since=START + MINUTE, delta_w=1_400_000))
        await table.turn()
        assert [r["answer"] for r in await table.said()] == ["refuse"]
        assert table.agent.told() == before


async def test_nothing_is_answered_after_respond_by(tmp_path):
    async with table_at(tmp_path) as table:
        period = PeriodOrder(start=START, end=END, delta_w=200_000)
        await table.desk.schedule(
            ScheduleOrder(contract_id=CONTRACT, periods=(period,), thread="D1",
                          respond_by=NOON + 10 * MINUTE, confirm_by=NOON + 30 * MINUTE)
        )  # fmt: skip
        table.clock.set(NOON + 11 * MINUTE)
        await table.agent.turn()
        assert await table.said() == []
        assert len(await table.said("acknowledgement")) == 2
        assert await table.state() == "expired"


async def test_a_restart_answers_nothing_twice(tmp_path):
    clock = ManualClock(NOON)
    async with (
        dso_with_fsp7(clock, min_power_w=100_000) as dso,
        Client(dso.url, Credentials(dso.client_id, dso.secret)) as client,
    ):
        for _ in range(2):
            async with agent_at(client, tmp_path, clock, dso.register, SMALL) as agent:
                table = Table(dso, agent, clock)
                if not await table.desk.dispatches():
                    await table.schedule()
                await table.turn()
                assert len(await table.said()) == 1


class Own:
    """An FSP's own policy, which says what a test tells it to."""

    def __init__(self, says) -> None:
        self.says = says

    def answer(self, asked: Asked) -> Reply:
        return self.says(asked)


class Mute(SimulatedBattery):
    """A battery that does not say what it could do."""

    async def forecast(self, until):
        raise ConnectionResetError("cable")


def more_than_asked(asked: Asked) -> Reply:
    return Reply("partial", (replace(asked.periods[0], delta_w=9_000_000),), "GREED")


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (lambda _asked: 1 // 0, "modulo by zero"),
        (lambda _asked: None, "has no attribute"),
        (lambda _asked: Reply("perhaps"), "answer"),
        (lambda _asked: Reply("refuse", reason="Wärme"), "0x20-0x7E"),
        (lambda asked: Reply("accept", asked.periods), "periods go with partial"),
        (more_than_asked, "more than was asked for"),
    ],
)
async def test_a_policy_that_fails_signs_nothing_and_a_person_is_told_until_it_works(
    tmp_path, says, why
):
    async with table_at(tmp_path) as table:
        table.agent.responder._policy = Own(says)
        await table.propose()
        await table.agent.listener.look()
        for _ in range(2):
            assert not await table.agent.responder.look()
        (told,) = await table.agent.ask(lambda b: [a for a in b.alarms() if a.over_at is None])
        assert (told.reason, why in told.detail) == ("POLICY_FAILED", True)
        assert await table.said() == []
        table.agent.responder._policy = Own(lambda _asked: Reply("refuse", reason="OWN_REASON"))
        await table.turn()
        assert [(r["answer"], r["reason"]) for r in await table.said()] == [
            ("refuse", "OWN_REASON")
        ]
        assert ("POLICY_FAILED", False) in await table.agent.alarms()


async def undecided(table: Table, thread: str, kind: str) -> None:
    """Asked, to be answered within ten minutes, and nobody can decide it."""
    by = NOON + 10 * MINUTE
    if kind == "schedule":
        await table.propose(thread, respond_by=by)
    else:
        period = PeriodOrder(start=START, end=END, delta_w=500_000)
        order = {"contract_id": CONTRACT, "periods": (period,), "thread": thread}
        await table.desk.instruct(InstructionOrder(**order, respond_by=by))
    await table.agent.listener.look()


def fails(table: Table, _folder) -> None:
    table.agent.responder._policy = Own(lambda _asked: 1 // 0)


def falls_mute(table: Table, folder) -> None:
    mute = Mute(ASSET, SMALL, table.clock, folder / "mute.jsonl")
    table.agent.responder._forecaster._devices = {ASSET: mute}


@pytest.mark.parametrize(
    ("broken", "why"), [(fails, "POLICY_FAILED"), (falls_mute, "DEVICE_FAILED")]
)
async def test_what_nobody_could_decide_is_refused_before_silence_accepts_it(tmp_path, broken, why):
    async with table_at(tmp_path, silence="accept") as table:
        broken(table, tmp_path)
        await undecided(table, "D1", "schedule")
        table.clock.set(NOON + 9 * MINUTE - timedelta(seconds=1))
        assert not await table.agent.responder.look()
        assert await table.said() == []
        table.clock.set(NOON + 9 * MINUTE)
        await table.agent.responder.look()
        assert [(r["answer"], r["reason"]) for r in await table.said()] == [("refuse", why)]
        assert await table.agent.sender.flush() == 0.0
        table.clock.set(NOON + 11 * MINUTE)
        assert await table.state() == "refused"
        assert (why, True) in await table.agent.alarms()


@pytest.mark.parametrize(
    ("silence", "kind", "state"),
    [("refuse", "schedule", "expired"), ("accept", "instruction", "confirmed")],
)
async def test_where_silence_promises_nothing_new_nothing_is_said_for_it(
    tmp_path, silence, kind, state
):
    async with table_at(tmp_path, silence=silence) as table:
        fails(table, tmp_path)
        await undecided(table, "D1", kind)
        for seconds in (540, 600, 601):
            table.clock.set(NOON + timedelta(seconds=seconds))
            await table.agent.responder.look()
        assert await table.said() == []
        assert await table.state() == state
        assert ("POLICY_FAILED", True) in await table.agent.alarms()


async def test_the_last_call_comes_by_the_business_clock_however_fast_it_runs(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("ven.respond.RETRY_S", 600.0)
    async with table_at(tmp_path, silence="accept") as table:
        fails(table, tmp_path)
        await undecided(table, "D1", "schedule")
        running = asyncio.create_task(table.agent.responder.run())
        try:
            await until(lambda: table.agent.responder._last_calls)
            table.clock.set(NOON + 9 * MINUTE)

            async def refused():
                return [r["answer"] for r in await table.said()] == ["refuse"]

            await until(refused)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_a_device_that_does_not_say_holds_up_only_what_is_asked_of_it(tmp_path):
    assets = [{"asset_id": ASSET}, {"asset_id": "MUTE"}]
    async with table_at(tmp_path, assets=assets) as table:
        mute = Mute("MUTE", SMALL, table.clock, tmp_path / "mute.jsonl")
        table.agent.responder._forecaster._devices = {
            **table.agent.responder._forecaster._devices,
            "MUTE": mute,
        }
        await table.propose("D1", assets=("MUTE",))
        await table.propose("D2", assets=(ASSET,))
        await table.agent.listener.look()
        assert not await table.agent.responder.look()
        answered = await table.said()
        assert [r["assets"] for r in answered] == [[{"asset_id": ASSET}]]
        table.agent.responder._forecaster._devices = {
            **table.agent.responder._forecaster._devices,
            "MUTE": SimulatedBattery("MUTE", SMALL, table.clock, tmp_path / "mute.jsonl"),
        }
        assert await table.agent.responder.look()
        assert len(await table.said()) == 2


async def test_a_stop_is_taken_while_the_policy_thinks_and_what_ended_is_not_answered(tmp_path):
    asked, go_on = threading.Event(), threading.Event()

    def ponders(_asked: Asked) -> Reply:
        asked.set()
        assert go_on.wait(20)
        return Reply("accept")

    async with table_at(tmp_path) as table:
        table.agent.responder._policy = Own(ponders)
        await table.propose()
        await table.agent.listener.look()
        look = asyncio.create_task(table.agent.responder.look())
        await until(asked.is_set, why="the policy was asked")
        await table.desk.cancel(CancellationOrder(thread="D1"))
        await table.agent.listener.look()
        kinds = await table.agent.ask(lambda b: [e.kind for e in b.entries()])
        assert "cancellation" in kinds
        go_on.set()
        assert await look
        assert await table.said() == []


async def test_what_was_not_answered_in_time_stands_in_the_log_once(tmp_path):
    async with table_at(tmp_path) as table:
        table.agent.responder._policy = Own(lambda _asked: None)
        await table.propose(respond_by=NOON + 10 * MINUTE, confirm_by=NOON + 30 * MINUTE)
        await table.agent.listener.look()
        with structlog.testing.capture_logs() as logs:
            table.agent.responder._log = structlog.get_logger()
            for minutes in (9, 11, 12):
                table.clock.set(NOON + minutes * MINUTE)
                await table.agent.responder.look()
        late = [line for line in logs if line["event"] == "not answered in time"]
        assert [(line["thread"], line["by"]) for line in late] == [
            ("D1", "2026-11-24 16:10:00+00:00")
        ]


@pytest.mark.parametrize("price", [Price("GBP", 21_000, 500)])
async def test_overlapping_dispatches_are_told_with_their_origin(tmp_path, price):
    async with table_at(tmp_path, Battery(energy_wh=4_000_000)) as table:
        for thread, origin, priority in (("D1", "DSO", 2), ("D2", "NESO", 1)):
            period = PeriodOrder(start=START, end=END, delta_w=300_000)
            await table.desk.instruct(
                InstructionOrder(contract_id=CONTRACT, periods=(period,), thread=thread,
                                 origin=origin, reference="NESO-7", priority=priority)
            )  # fmt: skip
        await table.turn()
        (told,) = await table.agent.ask(lambda b: [a for a in b.alarms() if a.reason == "OVERLAP"])
        assert "D1 (UKPN, priority 2) and D2 (NESO by UKPN, priority 1) overlap" in told.detail
        assert [t["delta_w"] for t in table.agent.told()][-1] == 600_000
        await table.desk.cancel(CancellationOrder(thread="D2"))
        await table.turn()
        assert ("OVERLAP", False) in await table.agent.alarms()
