"""What the DSO pays and the FSP is owed, each from its own books: a real VTN, a whole agent."""

import json

import pytest
from typer.testing import CliRunner

from tests.unit.ven.dso import ASSET, CONTRACT, FSP7, NOON
from tests.unit.ven.metered import agent_in
from tests.unit.ven.test_bid import END, START, market_at
from tests.unit.ven.test_respond import MINUTE
from ukprofile.errors import Refused
from ukprofile.flex.statement import Span
from ven.cli import app
from ven.device.simulated import Battery
from ven.errand import Nomination, Series
from ven.inbox import say
from ven.journal import backup as copy
from ven.settings import Asset, Place, Settings
from ven.statement import compared, statements
from vtn.commands import run
from vtn.domain.desk import InstructionOrder, PeriodOrder

DAY = "2026-11-24"
PRICE = {"currency": "GBP", "utilisation_minor_per_mwh": 21_337}


async def both(dso, journal, clock, **given):
    """The statement of the DSO, and that of the FSP, which must be the same in all."""
    theirs = await run(dso.running.vtn, "statement", {"day": DAY, "party": "FSP7", **given})
    now = clock.now()
    mine = await journal.read(lambda b: statements(b, "FSP7", Span.read(day=DAY), now))
    assert [one.to_json() for one in mine] == theirs
    return mine[0], theirs[0]


async def test_both_ends_make_the_same_of_minutes_nomination_and_a_cease_that_is_read_late(
    tmp_path,
):
    battery = Battery(baseline=((0, -250_000),), max_w=700_000)
    async with agent_in(tmp_path, battery, terms={"price": PRICE}) as agent:
        day = Series(NOON.replace(hour=0), 1800, (-200_000,) * 48)
        errand = Nomination((day,), (ASSET,), CONTRACT)
        await agent.journal.write(
            lambda book: say(book, voice=agent.voice, errand=errand, now=agent.clock.now())
        )
        await agent.dso.instruct(31 * MINUTE, 61 * MINUTE, 800_000)
        await agent.hears()
        for minute in (20, 30, 31, 32, 33, 50):
            await agent.live(NOON + minute * MINUTE)
        await agent.telemetry.tell()
        await agent.dso.cease("DSP-1", NOON + 61 * MINUTE)
        await agent.live(NOON + 65 * MINUTE)  # obeyed 4 minutes late: not paid for
        await agent.hears()
        await agent.live(NOON + 67 * MINUTE)
        before, _ = await both(agent.dso, agent.journal, agent.clock)
        await agent.telemetry.tell()
        mine, _ = await both(agent.dso, agent.journal, agent.clock)
    # 30 minutes of 800 kW accepted; the battery gives just that over -250 kW, 750 kW over -200 kW,
    # but for its ramp
    (line,) = mine.lines
    assert (line.state, line.baseline, line.readings) == ("ceased", "nominated", "minute readings")
    assert (line.asked_wh, line.accepted_wh, line.minutes_s) == (400_000, 400_000, 1800)
    assert 370_000 < line.delivered_wh == line.counted_wh < 375_000
    assert line.paid_minor == round(line.counted_wh * 21_337 / 1_000_000)
    assert line.trace.readings == (f"TELEMETRY-{ASSET}-{DAY}",)
    assert [ref.kind for ref in line.trace.texts][:2] == ["baseline", "instruction"]
    (early,) = before.lines
    assert (early.minutes_s, early.missing_s) == (19 * 60, 11 * 60)
    assert early.readings == "minute readings 19 min, missing 11 min"


async def test_an_award_is_paid_for_and_leads_from_the_request_to_the_half_hours(tmp_path):
    async with market_at(tmp_path) as table:
        await table.ask()
        await table.turn()
        await table.turn()
        await table.market.award("R1")
        await table.turn()
        period = PeriodOrder(start=START, end=END, delta_w=300_000)
        order = InstructionOrder(contract_id=CONTRACT, periods=(period,), thread="D1")
        await table.desk.instruct(order)
        for minute in (59, 60, 61, 90, 91, 119, 120, 490):
            table.clock.set(NOON + minute * MINUTE)
            await table.turn()
        mine, theirs = await both(table.dso, table.agent.journal, table.clock)
    reserved, used = mine.lines
    assert {used.readings, used.baseline} == {"half hours", "zero"}
    assert used.price_minor == 21_000
    assert used.paid_minor == round(used.counted_wh * 21_000 / 1_000_000) > 0
    kinds = [ref.kind for ref in used.trace.texts]
    assert kinds[:4] == ["request", "availability", "acceptance", "instruction"]
    assert kinds.count("post_action") == 1
    assert (used.trace.request, used.trace.award) == ("R1", reserved.thread)
    assert (reserved.what, reserved.trace.request) == ("availability", "R1")
    assert reserved.paid_minor == round(reserved.accepted_wh * 500 / 1_000_000) > 0
    (sums,) = mine.sums
    assert sums.paid_minor == reserved.paid_minor + used.paid_minor

    said = tmp_path / "dso.json"
    said.write_text(json.dumps([theirs]))
    assert compared([mine], said) == []
    theirs["lines"][1]["paid_minor"] += 1
    theirs["lines"][1]["trace"]["texts"].pop()
    del theirs["lines"][0]
    said.write_text(json.dumps(theirs))
    told = compared([mine], said)
    assert told[0] == f"availability {CONTRACT} {reserved.thread}: only here"
    paid = used.paid_minor
    assert told[1] == f"utilisation {CONTRACT} D1: paid_minor {paid} here, {paid + 1} there"
    assert told[2].startswith(f"utilisation {CONTRACT} D1: only here: post_action")
    assert len(told) == 3
    by_command(tmp_path, said, told, mine)
    said.write_text("[1]")
    with pytest.raises(Refused, match="no statement as --json prints it"):
        compared([mine], said)


def by_command(folder, said, told, mine):
    """The same by the commands, of a journal at rest."""
    place = Place(folder / "agent")
    place.make(Settings(party="FSP7", environment="sandbox", assets=(Asset.read(ASSET),)), FSP7)
    copy(folder / "journal.db", place.journal)

    def ukven(*words: object):
        return CliRunner(env={"COLUMNS": "200"}).invoke(
            app, ["statement", str(place.path), *map(str, words)]
        )

    differ = ukven("--day", DAY, "--compare", said)
    assert (differ.exit_code, differ.stdout.splitlines()) == (1, told)
    said.write_text(json.dumps([mine.to_json()]))
    assert ukven("--day", DAY, "--compare", said).exit_code == 0
    assert json.loads(ukven("--json", "--day", DAY).stdout) == [mine.to_json()]
    table = ukven().stdout
    assert "no performance factor" in table
    assert f"D1 < {mine.lines[0].thread}" in table
    assert ukven("--day", "today").exit_code == 2


async def test_of_a_party_without_a_contract_nothing_is_stated_but_why(tmp_path):
    async with market_at(tmp_path) as table:
        with pytest.raises(Refused, match="NOBODY has no contract here"):
            await run(table.dso.running.vtn, "statement", {"party": "NOBODY"})
        empty = await run(table.dso.running.vtn, "statement", {"from": "2026-11-24T00:00:00Z"})
        assert [(s["fsp"], s["lines"], s["sums"]) for s in empty] == [("FSP7", [], [])]
