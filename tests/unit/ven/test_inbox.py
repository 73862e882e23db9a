"""Errands for the agent: said once, whatever happens in between, or set aside."""

import json
from datetime import timedelta

import pytest

from tests.unit.ven.dso import ASSET, NOON
from tests.unit.ven.metered import agent_in
from ukprofile.flex.answer import Unavailability
from ven.errand import Nomination, Series, Unavailable
from ven.inbox import Inbox, drop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GONE = Unavailable(ASSET, NOON + HOUR, NOON + 2 * HOUR, "MAINTENANCE", "a1")
TOMORROW = Series(NOON + timedelta(hours=8), 1800, (-100_000,) * 48)


class Scene:
    def __init__(self, agent, folder) -> None:
        self.agent, self.folder = agent, folder
        self.inbox = Inbox(
            folder, agent.journal, agent.alarms, agent.voice, agent.clock, agent.bell
        )

    async def look(self) -> None:
        await self.inbox.look()
        await self.agent.sender.flush()

    async def alarms(self) -> list[str]:
        found = await self.agent.journal.read(lambda b: b.alarms())
        return [a.reason for a in found]

    def waiting(self) -> list[str]:
        return [path.name for path in self.folder.glob("*.json")]

    def refused(self) -> list[str]:
        return [path.name for path in self.folder.glob("refused/*.json")]


@pytest.fixture
async def scene(tmp_path):
    async with agent_in(tmp_path) as agent:
        yield Scene(agent, tmp_path / "inbox")


async def test_without_an_inbox_there_is_nothing_to_do(scene):
    await scene.look()
    assert not scene.folder.exists()


async def test_an_unavailability_is_declared_on_the_contracts_event(scene):
    drop(scene.folder, GONE)
    await scene.look()
    (text,) = scene.agent.texts("unavailability")
    said = Unavailability.read(text["body"])
    assert (said.unit, said.start, said.end) == (ASSET, GONE.start, GONE.end)
    assert (text["thread"], text["valid_until"]) == ("UN-a1", "2026-11-24T18:00:00Z")
    (report,) = [r for r in scene.agent.dso.reports() if r.report_name == text["message_id"]]
    assert [report.event_id] == scene.agent.dso.event_ids()
    assert (scene.waiting(), await scene.alarms()) == ([], [])


async def test_a_crash_before_the_file_is_gone_says_nothing_twice(scene):
    drop(scene.folder, GONE)
    (name,) = scene.waiting()
    kept = (scene.folder / name).read_text()
    await scene.look()
    (scene.folder / name).write_text(kept)
    await scene.look()
    assert len(scene.agent.texts("unavailability")) == 1
    assert scene.waiting() == []


async def test_a_day_that_is_nominated_again_is_a_newer_revision(scene):
    drop(scene.folder, Nomination((TOMORROW,)))
    await scene.look()
    scene.agent.clock.advance(HOUR)
    drop(scene.folder, Nomination((Series(TOMORROW.start, 1800, (0,) * 48),)))
    await scene.look()
    first, second = scene.agent.texts("baseline")
    assert first["thread"] == second["thread"]
    assert (first["body"]["series"]["baseline_w"][0], second["body"]["series"]["baseline_w"][0]) == (
        -100_000, 0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "BODY_INVALID"),
        ('{"say": "x"}', "BODY_INVALID"),
        (json.dumps(GONE.to_json() | {"asset": "X"}), "ASSET_UNKNOWN"),
        (json.dumps(GONE.to_json() | {"to": "2026-11-24T15:00:00Z"}), "TIME_INVALID"),
        (json.dumps(GONE.to_json() | {"reason": "x" * 1_100_000}), "BODY_TOO_LARGE"),
    ],
)
async def test_what_cannot_be_said_is_set_aside_and_a_person_hears_of_it(scene, text, reason):
    scene.folder.mkdir()
    (scene.folder / "bad.json").write_text(text)
    drop(scene.folder, GONE)
    await scene.look()
    await scene.look()
    assert (scene.waiting(), scene.refused()) == ([], ["bad.json"])
    assert await scene.alarms() == [reason]
    assert len(scene.agent.texts("unavailability")) == 1


async def test_a_file_that_is_still_being_written_is_left_alone(scene):
    scene.folder.mkdir()
    (scene.folder / ".half.json.77").write_text("{")
    (scene.folder / ".half.json").write_text("{")
    await scene.look()
    assert (scene.refused(), await scene.alarms()) == ([], [])


async def test_bytes_that_are_no_text_are_set_aside(scene):
    scene.folder.mkdir()
    (scene.folder / "bad.json").write_bytes(b"\xff\xfe\x00")
    await scene.look()
    assert (scene.refused(), await scene.alarms()) == (["bad.json"], ["ENCODING"])


async def test_while_the_contracts_event_is_gone_nothing_is_said(scene):
    (terms,) = await scene.agent.journal.read(lambda b: b.sightings())
    await scene.agent.journal.write(lambda b: b.miss(terms.event_id, NOON))
    drop(scene.folder, GONE)
    await scene.look()
    assert await scene.alarms() == ["CONTRACT_NOT_IN_FORCE"]
    assert len(scene.refused()) == 1
