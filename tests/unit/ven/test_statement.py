"""What the DSO pays and the FSP is owed, each from its own books: a real VTN, a metering agent."""

import json
from datetime import timedelta

from tests.unit.ven.dso import NOON
from tests.unit.ven.metered import agent_in
from ukprofile.flex.statement import Span
from ukprofile.flex.statement_text import differences
from ven.device.simulated import Battery
from ven.statement import statements
from vtn.commands import run

PRICE = {"currency": "GBP", "utilisation_minor_per_mwh": 21_337}
DAY = Span.read(day="2026-11-24")


async def at_the_dso(agent, **given):
    return (await run(agent.dso.running.vtn, "statement", {"day": "2026-11-24", **given}))[0]


async def at_the_fsp(agent):
    now = agent.clock.now()
    (found,) = await agent.journal.read(lambda book: statements(book, "FSP7", DAY, now))
    return found


async def lives(agent, *minutes):
    """One look of every part at each of these minutes after 16:00."""
    for minute in minutes:
        await agent.live(NOON + timedelta(minutes=minute))


async def test_both_ends_make_the_same_statement_to_the_penny(tmp_path):
    battery = Battery(baseline=((0, -250_000),), max_w=700_000)
    async with agent_in(tmp_path, battery, terms={"price": PRICE}) as agent:
        await agent.dso.instruct(timedelta(minutes=31), timedelta(minutes=31), 900_000)
        await agent.hears()
        await lives(agent, 0, 20, 30, 31, 32, 33, 40, 50)
        await agent.telemetry.tell()
        await lives(agent, 60, 61, 62, 63)
        await agent.telemetry.tell()
        theirs, mine = await at_the_dso(agent), await at_the_fsp(agent)
        print(json.dumps(theirs, indent=1))
        assert differences(mine.to_json(), theirs) == []
