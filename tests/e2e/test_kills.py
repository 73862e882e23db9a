"""A sample of the kill campaigns; `make soak` runs a hundred kills of each."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.soak import server_kills
from tests.soak.kills import campaign


@pytest.mark.timeout(600)
@pytest.mark.soak
@pytest.mark.e2e
def test_nothing_acknowledged_is_lost_when_the_writer_is_killed(tmp_path: Path) -> None:
    said: list[str] = []
    campaign(tmp_path / "kills", said.append, kills=2, seed=7)
    assert len(said) == 3
    # cut here, and taken up again: the same database, and only what is left
    campaign(tmp_path / "kills", said.append, kills=3, seed=7)
    assert said[3] == "seed 7: 1 of 3 kills under write load left"
    assert len(said) == 5
    before, after = (int(line.split()[4]) for line in (said[2], said[4]))
    assert after > before


@pytest.mark.timeout(600)
@pytest.mark.soak
@pytest.mark.e2e
def test_nothing_answered_is_lost_when_the_server_is_killed(tmp_path: Path) -> None:
    said: list[str] = []
    server_kills.campaign(tmp_path / "server-kills", said.append, kills=2, seed=7)
    assert [line.partition(":")[0] for line in said[1:]] == ["kill 1 of 2", "kill 2 of 2"]
    database = tmp_path / "server-kills" / "vtn" / "vtn.db"
    assert server_kills.examine(database, {}) == ""
    assert "1 answered writes lost" in server_kills.examine(database, {"no-such-object": 0})


SPOILT = {
    "not each write of e once": "DELETE FROM outbox WHERE operation = 'CREATE'",
    "has not each write": "UPDATE outbox SET body = '{}'",
    "newest outbox row": "UPDATE objects SET version = 0",
    "without an object": "DELETE FROM objects WHERE kind = 'REPORT'",
    "answered writes lost": "UPDATE objects SET body = '{}'",
}


@pytest.mark.parametrize(("named", "fault"), SPOILT.items())
def test_the_examination_of_a_killed_server_sees_what_is_wrong(
    tmp_path: Path, named: str, fault: str
) -> None:
    database = tmp_path / "vtn.db"
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("CREATE TABLE objects (kind, id, version, body)")
        db.execute("CREATE TABLE outbox (sequence, operation, id, body)")
        for kind, key in (("EVENT", "e"), ("REPORT", "r")):
            second = '{"x-count": 1}'
            db.execute("INSERT INTO objects VALUES (?, ?, ?, ?)", (kind, key, 2, second))
            db.execute("INSERT INTO outbox VALUES (1, 'CREATE', ?, '{}')", (key,))
            db.execute("INSERT INTO outbox VALUES (2, 'UPDATE', ?, ?)", (key, second))
    assert server_kills.examine(database, {"e": 1, "r": 0}) == ""
    with closing(sqlite3.connect(database)) as db, db:
        db.execute(fault)
    assert named in server_kills.examine(database, {"e": 1})
