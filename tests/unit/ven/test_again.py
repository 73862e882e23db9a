"""A VTN that goes back: what the agent answered since is queued again, and nothing else is."""

import pytest

from tests.golden import life
from tests.shared import needs_shared
from tests.unit.ven.scene import Agent, event
from ven.journal import Journal

pytestmark = needs_shared
READ_AT = "2026-03-29T16:10:30Z"


@pytest.fixture
async def agent(tmp_path):
    """Instruction and variation of the golden life were read from E1, and both answers sent."""
    journal = await Journal.open(tmp_path / "journal.db")
    made = Agent(journal)
    await made.hold("05")
    for number, now in (("12", "2026-03-29T12:30:00Z"), ("15", READ_AT)):
        received = await made.read(event(life(number)), now)
        assert received.decision.verdict == "act"
    for post in await journal.read(lambda book: book.posts()):
        await journal.write(
            lambda book, seq=post.seq: book.posted(seq, "SENT", made.clock.now(), f"R{seq}")
        )
    yield made
    await journal.close()


async def queued(agent):
    return [(p.kind, p.report_id) for p in await agent.journal.read(lambda b: b.posts("QUEUED"))]


async def test_an_older_text_where_a_newer_one_stood_lets_it_say_again_what_it_answered(agent):
    received = await agent.read(event(life("12")), READ_AT)
    assert (received.decision.reason, received.again) == ("REPEAT", True)
    assert await queued(agent) == [("acknowledgement", "R2")]  # to the variation only


async def test_it_is_said_again_once_and_not_at_every_look(agent):
    for again in (True, False, False):
        assert (await agent.read(event(life("12")), READ_AT)).again is again
    assert len(await queued(agent)) == 1


async def test_the_plan_and_what_was_said_stay_as_they_were(agent):
    before = await agent.journal.read(lambda b: (b.entries(), b.commands(), b.alarms()))
    await agent.read(event(life("12")), READ_AT)
    assert await agent.journal.read(lambda b: (b.entries(), b.commands(), b.alarms())) == before


async def test_the_newest_text_again_and_an_old_one_elsewhere_are_no_way_back(agent):
    assert not (await agent.read(event(life("15")), READ_AT)).again
    assert not (await agent.read(event(life("12"), "E2"), READ_AT)).again
    assert await queued(agent) == []
