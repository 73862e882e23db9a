"""A journal that was lived in is whole; each thing that is changed in it is named."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.agent import agent_at
from tests.unit.ven.dso import NOON, dso_with_fsp7
from tests.unit.ven.test_recall import HALF, HOUR
from ukprofile.clock import ManualClock
from ukprofile.openadr.client import Client, Credentials
from ven.audit import audit
from ven.journal import JournalDamaged, JournalError

SPOILT = {
    "its text has another digest": "UPDATE entries SET text = replace(text, '1000000', '2000000')",
    "its text says": "UPDATE entries SET revision = revision + 1 WHERE kind = 'instruction'",
    "its text is no message": "UPDATE entries SET text = '{}', sha256 = '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a' WHERE kind = 'instruction'",
    "is used 2 times": "UPDATE entries SET revision = 7, thread = 'T' WHERE verdict = 'sent'",
    "was never queued": "DELETE FROM outbox WHERE seq = 1",
    "something else than its key": "UPDATE commands SET delta_w = 2000000",
    "nobody asked for DSP-9": "UPDATE commands SET threads = '[\"DSP-9\"]'",
    "and never sent": "UPDATE commands SET sent_at = NULL",
    "nobody knows when": "UPDATE commands SET settled_at = NULL",
    "nobody can read it": "UPDATE outbox SET body = substr(body, 1, 100)",
    "it says": "UPDATE outbox SET name = 'x' WHERE seq = 1",
    "what I never said": "DELETE FROM entries WHERE kind = 'acknowledgement'",
    "nobody knows as what": "UPDATE outbox SET report_id = ''",
    "a row that nobody can read": "UPDATE commands SET valid_to = 'soon'",
}


async def live(folder: Path) -> Path:
    clock = ManualClock(NOON)
    async with dso_with_fsp7(clock) as dso:
        mine = Credentials(dso.client_id, dso.secret)
        async with (
            Client(dso.url, mine, attempts=1) as client,
            agent_at(client, folder, clock, dso.register) as agent,
        ):
            await dso.instruct(HALF, HOUR)
            await agent.turn()
            clock.set(NOON + HALF + HALF)
            await agent.turn()
            assert audit(folder / "journal.db") == []  # beside a running agent
    return folder / "journal.db"


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of an agent with a dispatch that runs."""
    return asyncio.run(live(tmp_path_factory.mktemp("lived")))


@pytest.fixture
def path(lived, tmp_path) -> Path:
    return Path(shutil.copy(lived, tmp_path / "journal.db"))


def test_what_an_agent_left_is_whole(path):
    assert audit(path) == []


@pytest.mark.parametrize(("named", "change"), SPOILT.items())
def test_what_does_not_follow_is_named(path, named, change):
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(change)
    found = audit(path)
    assert any(named in line for line in found), found


def test_none_and_a_damaged_one_are_named(path, tmp_path):
    with pytest.raises(JournalError, match="no journal"):
        audit(tmp_path / "no.db")
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(JournalDamaged, match="is damaged"):
        audit(path)
