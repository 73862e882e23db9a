"""What `ukven status` and `ukven journal` show, from a journal as it is left behind."""

import asyncio
from datetime import timedelta

import pytest

from tests.golden import at, life
from tests.shared import needs_shared
from tests.unit.ven.scene import event
from tests.unit.ven.test_act import ASSET, INSTRUCTED
from tests.unit.ven.test_report import END, START, Reporting
from ukprofile.flex.dispatch import Period
from ven import show
from ven.device.simulated import Battery, SimulatedBattery
from ven.journal import Journal, look
from ven.promises import missed, outlook
from ven.settings import Asset, Settings

pytestmark = needs_shared
LESS = Period(0, at("2026-03-29T15:30:00Z"), at("2026-03-29T17:00:00Z"), 800_000)
SETTINGS = Settings(party="FSP7", environment="sandbox", assets=(Asset(ASSET),))


@pytest.fixture
async def scene(tmp_path):
    journal = await Journal.open(tmp_path / "journal.db")
    made = Reporting(journal, tmp_path / "device.jsonl")
    await made.agent.hold("05")
    task = asyncio.create_task(made.actor().run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await journal.close()


async def state(scene, tmp_path, when) -> str:
    return str((await shown(scene, tmp_path, when))["state"])


async def shown(scene, tmp_path, when) -> dict:
    await scene.look(when)
    devices = {ASSET: SimulatedBattery(ASSET, Battery(), scene.agent.clock, scene.log)}
    with look(tmp_path / "journal.db") as book:
        found = await show.status(book, SETTINGS, devices, scene.agent.clock)
    (dispatch,) = found["dispatches"]
    return dispatch


async def test_a_dispatch_from_proposed_to_completed(scene, tmp_path):
    await scene.read("09", "2026-03-29T12:00:15Z")
    assert await state(scene, tmp_path, at("2026-03-29T12:00:20Z")) == "proposed"
    await scene.read("12", INSTRUCTED)
    await scene.settled()
    assert await state(scene, tmp_path, at(INSTRUCTED)) == "confirmed"
    assert await state(scene, tmp_path, START + timedelta(minutes=5)) == "running"
    assert await state(scene, tmp_path, END) == "completed"


async def test_a_dispatch_that_was_called_off(scene, tmp_path):
    await scene.agent.read(event(life("21"), "E9"), "2026-03-29T13:00:15Z")
    await scene.agent.responds("UKPN-DSP-0089", "accept")
    await scene.agent.read(event(life("22"), "E9"), "2026-03-29T14:00:15Z")
    assert await state(scene, tmp_path, at("2026-03-29T14:01:00Z")) == "cancelled"


@pytest.mark.parametrize(
    ("answer", "when", "state", "then"),
    [
        (None, "2026-03-29T12:30:00Z", "proposed", "respond_by"),
        (None, "2026-03-29T12:30:01Z", "expired", None),
        ("accept", "2026-03-29T15:29:59Z", "agreed", "start"),
        ("accept", "2026-03-29T15:30:00Z", "lapsed", None),
        ("refuse", "2026-03-29T12:00:20Z", "refused", None),
    ],
)
async def test_what_was_never_confirmed_does_nothing_and_shows_why(
    scene, tmp_path, answer, when, state, then
):
    await scene.read("09", "2026-03-29T12:00:15Z")
    if answer is not None:
        await scene.agent.responds("UKPN-DSP-0088", answer)
    found = await shown(scene, tmp_path, at(when))
    assert (found["state"], found["periods"]) == (state, [])
    assert (found["next"] and found["next"]["timer"]) == then
    assert not await scene.agent.journal.read(lambda book: book.commands())


@pytest.mark.parametrize("answer", [None, "accept", "partial"])
async def test_what_was_not_confirmed_has_lapsed_while_its_event_is_gone(scene, tmp_path, answer):
    """N121c: nothing is answered, nothing kept free; seen again it stands where it stood."""
    await scene.read("09", "2026-03-29T12:00:15Z")
    if answer is not None:
        await scene.agent.responds(
            "UKPN-DSP-0088", answer, *((LESS,) if answer == "partial" else ())
        )
    now = at("2026-03-29T12:20:00Z")
    before, owed = await shown(scene, tmp_path, now), await owes(scene, now)
    assert before["next"] is not None
    await scene.agent.journal.write(lambda book: book.miss("E1", now))
    found = await shown(scene, tmp_path, now)
    assert (found["state"], found["next"], found["periods"]) == ("lapsed", None, [])
    assert await owes(scene, now) == (0, 0)
    late = at("2026-03-29T15:00:00Z")
    assert await scene.agent.journal.read(lambda book: missed(book, late)) == []
    await scene.read("09", "2026-03-29T12:20:15Z")
    assert await shown(scene, tmp_path, now) == before
    assert await owes(scene, now) == owed


async def owes(scene, now) -> tuple[int, int]:
    waiting, promised = await scene.agent.journal.read(lambda book: outlook(book, now))
    return len(waiting), len(promised)


async def test_a_dispatch_that_breaks_a_rule_is_shown_as_refused(scene, tmp_path):
    await scene.agent.read(event(life("12")), "2026-03-29T12:10:00Z")  # before it was issued
    assert await state(scene, tmp_path, at(INSTRUCTED)) == "refused"


async def test_the_lines_are_in_the_order_it_happened(scene, tmp_path):
    await scene.read("12", INSTRUCTED)
    await scene.settled()
    await scene.read("17", "2026-03-29T16:50:00Z")
    await scene.settled()
    with look(tmp_path / "journal.db") as book:
        found = show.lines(book)
    assert [line.at for line in found] == sorted(line.at for line in found)
    texts = [f"{line.what} {line.text}" for line in found]
    assert any(text.startswith("decided instruction UKPN-DSP-0088 ") for text in texts)
    assert any(f"told {ASSET} +1300000 W, 2026-03-29T16:00:00Z until" in text for text in texts)
    assert any(f"confirmed {ASSET} release, 2026-03-29T16:50:00Z" in text for text in texts)
