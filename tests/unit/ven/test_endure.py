"""A full disk: parts wait for room, a person is told once, and what was kept is carried out."""

import asyncio

import pytest
import structlog
from structlog.testing import capture_logs

from tests.unit.ven.test_journal import NOW, entry
from tests.waiting import until
from ukprofile.clock import ManualClock
from ven.endure import Endurance
from ven.journal import Book, Journal, JournalDamaged


class Writer:
    """A part that writes one large entry, and is done."""

    def __init__(self, journal: Journal, sha: str, clock: ManualClock) -> None:
        self.journal, self.sha, self.clock = journal, sha, clock
        self.begun = 0

    async def run(self) -> None:
        self.begun += 1
        made = entry(self.sha, text="x" * 50_000, received_at=self.clock.now())
        async with asyncio.TaskGroup() as group:  # as the actor has its devices
            group.create_task(self.journal.write(lambda book: book.keep(made)))


class Broken:
    async def run(self) -> None:
        raise JournalDamaged("torn")


@pytest.fixture
async def journal(tmp_path):
    opened = await Journal.open(tmp_path / "journal.db")
    yield opened
    await opened.close()


def cramped(pages: int):
    """No more than so many pages, as SQLite itself has it."""
    return lambda book: book._db.execute(f"PRAGMA max_page_count={pages}").fetchone()


async def test_parts_wait_for_room_and_decide_by_the_time_there_is_then(journal):
    clock = ManualClock(NOW)
    endurance = Endurance(journal, clock, structlog.get_logger(), retry_s=0.01)
    parts = [Writer(journal, c * 64, clock) for c in "ab"]
    await journal.read(cramped(1))
    with capture_logs() as logs:
        tasks = [asyncio.create_task(endurance.run(part)) for part in parts]
        await until(lambda: [p.begun for p in parts] == [1, 1], why="both tried")
        await until(lambda: logs, why="told")
        clock.set(NOW.replace(hour=20))
        assert await journal.read(Book.entries) == []
        await journal.read(cramped(2**30))
        await asyncio.gather(*tasks)
    kept = await journal.read(Book.entries)
    assert [(e.sha256[0], e.received_at.hour) for e in kept] == [("a", 20), ("b", 20)]
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("alarm", "error"),
        ("alarm over", "info"),
    ]
    assert "free space" in logs[0]["detail"]
    (alarm,) = await journal.read(Book.alarms)
    assert (alarm.reason, alarm.at.hour, alarm.over_at.hour) == ("STORE_DOWN", 15, 20)


async def test_anything_else_is_not_endured(journal):
    endurance = Endurance(journal, ManualClock(NOW), structlog.get_logger(), retry_s=0.01)
    with pytest.raises(JournalDamaged):
        await endurance.run(Broken())
