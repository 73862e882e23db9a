"""Each day's baseline from the devices: today and tomorrow, once each, never over a person's."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.ven.dso import ASSET, NOON
from tests.unit.ven.metered import agent_in
from ven.device.simulated import Battery
from ven.errand import Nomination, Series
from ven.inbox import say
from ven.nominate import Nominator

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TODAY = NOON - 16 * HOUR
KIND = Battery(baseline=((0, -100_000), (6, -250_000)))


@pytest.fixture
async def agent(tmp_path):
    async with agent_in(tmp_path, KIND) as made:
        yield made


def nominator(agent, devices=None) -> Nominator:
    return Nominator(
        agent.journal, agent.alarms, agent.voice, devices or agent.devices,
        agent.clock, agent.bell, timeout_s=0.05, rest_s=0.0,
    )  # fmt: skip


async def nominate(agent, devices=None) -> list[tuple[str, int, int]]:
    """One look; every nomination that stands: its start, how many half hours, the watts at 6."""
    await nominator(agent, devices).look()
    await agent.sender.flush()
    found = [text["body"]["series"] for text in agent.texts("baseline")]
    return sorted((s["start"], len(s["baseline_w"]), s["baseline_w"][12]) for s in found)


async def test_today_and_tomorrow_are_nominated_once(agent):
    due = [("2026-11-24T00:00:00Z", 48, -250_000), ("2026-11-25T00:00:00Z", 48, -250_000)]
    assert await nominate(agent) == due
    assert await nominate(agent) == due
    agent.clock.advance(DAY)
    assert [start for start, *_ in await nominate(agent)][2:] == ["2026-11-26T00:00:00Z"]
    assert {text["body"]["assets"][0]["asset_id"] for text in agent.texts("baseline")} == {ASSET}


async def test_what_a_person_nominated_stands(agent):
    own = Nomination((Series(TODAY + DAY, 1800, (7,) * 48),))
    await agent.journal.write(lambda b: say(b, agent.voice, own, NOON))
    assert await nominate(agent) == [
        ("2026-11-24T00:00:00Z", 48, -250_000),
        ("2026-11-25T00:00:00Z", 48, 7),
    ]


@pytest.mark.parametrize(("day", "count"), [((2026, 3, 29), 46), ((2026, 10, 25), 50)])
async def test_days_on_which_the_clocks_change_have_as_many_half_hours_as_they_have(
    tmp_path, day, count
):
    terms = {"valid_from": "2026-01-01T00:00:00Z"}
    async with agent_in(tmp_path, KIND, terms=terms) as agent:
        agent.clock.set(datetime(*day, 12, tzinfo=UTC))
        await nominator(agent).look()
        found = await agent.journal.read(lambda b: b.spoken("UKPN:FLEX-1", "baseline"))
    lengths = [entry.text.count("-250000") + entry.text.count("-100000") for entry in found]
    assert lengths == [count, 48]


async def test_a_device_that_does_not_answer_is_asked_again(agent):
    class Shy:
        answers = False

        async def baseline(self, start, interval_s, count):
            if not self.answers:
                raise ConnectionResetError("cable")
            return (5,) * count

        async def apply(self, command): ...

        async def measure(self): ...

    shy = Shy()
    assert await nominate(agent, {ASSET: shy}) == []
    standing = await agent.journal.read(lambda b: b.alarms())
    assert [(a.reason, a.over_at) for a in standing] == [("DEVICE_FAILED", None)]
    shy.answers = True
    assert len(await nominate(agent, {ASSET: shy})) == 2
    assert all(a.over_at for a in await agent.journal.read(lambda b: b.alarms()))
