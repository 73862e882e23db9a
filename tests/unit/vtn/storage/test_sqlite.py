"""The SQLite store on a disk that fails: nobody is told that something was stored that was not."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from tests.contract.test_store import ALARM, CLIENT, OUTCOME, entry, record
from tests.failing import Disk, failing_disk
from ukprofile.errors import Refused
from vtn.domain.live import Live
from vtn.domain.record import Kind
from vtn.domain.store import Transaction
from vtn.storage.sqlite import SqliteStore


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[tuple[SqliteStore, Disk]]:
    with failing_disk() as disk:
        store = await SqliteStore.open(path, "sandbox", "e1")
        try:
            yield store, disk
        finally:
            disk.fail_at(0)
            await store.close()


def everything(id: str) -> Any:
    def command(tx: Transaction) -> str:
        tx.put(record(id))
        tx.put(record(id, targets=("T2",)))
        tx.put_client(CLIENT)
        tx.put_setting("a", id)
        tx.keep(entry(id))
        tx.raise_alarm(ALARM)
        tx.forget_outcomes(OUTCOME.kept_at)
        tx.keep_outcome(OUTCOME)
        return id

    return command


def tables(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        names = ("objects", "targets", "outbox", "clients", "messages", "outcomes", "alarms")
        return {n: db.execute(f"SELECT count(*) FROM {n}").fetchone()[0] for n in names}


def held(live: Live) -> list[str]:
    return [one.id for one in live.find(Kind.EVENT)]


async def test_wherever_a_command_fails_nothing_of_it_is_there_and_the_next_is_taken(
    tmp_path: Path,
) -> None:
    path = tmp_path / "vtn.db"
    async with opened(path) as (store, disk):
        empty = tables(path)
        for n in range(1, 100):
            disk.fail_at(n)
            (said,) = await asyncio.gather(store.write(everything("e1")), return_exceptions=True)
            if not disk.failed:
                break
            assert isinstance(said, Refused)
            assert re.fullmatch("nothing was stored: (interrupted|not authorized)", said.detail)
            assert tables(path) == empty
            assert (held(store.live), dict(store.live.clients)) == ([], {})
            assert await store.read(lambda tx: tx.find(Kind.EVENT)) == []
        assert 10 < n < 99, "each write failed once"
        assert held(store.live) == ["e1"]
        assert tables(path) == {**dict.fromkeys(empty, 1), "outbox": 2}


@pytest.mark.parametrize("at", [1, 2, 4, 6])
async def test_a_group_that_fails_is_refused_whole_and_the_next_is_taken(
    tmp_path: Path, at: int
) -> None:
    async with opened(tmp_path / "vtn.db") as (store, disk):
        disk.fail_at(at)
        first, later = [f"a{n}" for n in range(20)], [f"b{n}" for n in range(20)]
        done = [
            answer
            for ids in (first, later)
            for answer in await asyncio.gather(
                *(store.write(lambda tx, one=one: tx.put(record(one)).id) for one in ids),
                return_exceptions=True,
            )
        ]
        told = [one for one in done if isinstance(one, str)]
        assert all(one.reason == "STORE_DOWN" for one in done if isinstance(one, Refused))
        assert len(told) < 40
        assert told[-20:] == later
        assert held(store.live) == sorted(told)
        assert await store.read(lambda tx: [r.id for r in tx.find(Kind.EVENT)]) == sorted(told)


async def test_a_command_that_breaks_the_tables_own_rules_hurts_no_other(tmp_path: Path) -> None:
    async with opened(tmp_path / "vtn.db") as (store, _):
        await store.write(lambda tx: tx.keep_outcome(OUTCOME))
        done = await asyncio.gather(
            store.write(lambda tx: tx.put(record("a"))),
            store.write(lambda tx: tx.keep_outcome(OUTCOME)),
            store.write(lambda tx: tx.put(record("b"))),
            return_exceptions=True,
        )
        assert isinstance(done[1], Exception)
        assert not isinstance(done[1], Refused)
        assert held(store.live) == ["a", "b"]


async def test_a_full_file_is_said_and_is_over_with_its_cause(tmp_path: Path) -> None:
    """SQLite's own limit: no page may be added to the file, so it is full as a disk is."""
    path = tmp_path / "vtn.db"
    async with opened(path) as (store, _):

        def fill(tx: Any) -> None:
            (pages,) = tx._db.exec_driver_sql("PRAGMA page_count").one()
            tx._db.exec_driver_sql(f"PRAGMA max_page_count={pages}")

        def empty(tx: Any) -> None:
            tx._db.exec_driver_sql("PRAGMA max_page_count=1000000")

        await store.write(lambda tx: tx.put(record("a")))
        await store.write(fill)
        big = record("b", body=b"x" * 100_000)
        for _ in range(3):
            with pytest.raises(Refused, match="database or disk is full"):
                await store.write(lambda tx: tx.put(big))
        assert held(store.live) == ["a"]
        assert await store.read(lambda tx: tx.get(Kind.EVENT, "b")) is None
        await store.write(empty)
        await store.write(lambda tx: tx.put(big))
        assert held(store.live) == ["a", "b"]


async def test_a_database_that_was_moved_takes_nothing_until_it_is_back(tmp_path: Path) -> None:
    path, away = tmp_path / "vtn.db", tmp_path / "away.db"
    async with opened(path) as (store, _):
        await store.write(lambda tx: tx.put(record("a")))
        path.rename(away)
        for _ in range(2):
            with pytest.raises(Refused, match="not the file that was opened"):
                await store.write(lambda tx: tx.put(record("b")))
            with pytest.raises(Refused, match="STORE_DOWN"):
                await store.read(lambda tx: tx.find(Kind.EVENT))
        assert not path.exists(), "no empty one was made in its place"
        assert held(store.live) == ["a"]
        away.rename(path)
        await store.write(lambda tx: tx.put(record("b")))
        assert await store.read(lambda tx: [r.id for r in tx.find(Kind.EVENT)]) == ["a", "b"]


async def test_a_database_in_its_place_is_another_and_is_neither_written_nor_read(
    tmp_path: Path,
) -> None:
    path, other = tmp_path / "vtn.db", tmp_path / "other.db"
    async with opened(other) as (store, _):
        await store.write(lambda tx: tx.put(record("theirs")))
    before = other.read_bytes()
    async with opened(path) as (store, _):
        await store.write(lambda tx: tx.put(record("a")))
        other.replace(path)
        with pytest.raises(Refused, match="not the file that was opened"):
            await store.write(lambda tx: tx.put(record("b")))
        with pytest.raises(Refused, match="not the file that was opened"):
            await store.read(lambda tx: tx.find(Kind.EVENT))
        assert held(store.live) == ["a"]
    assert path.read_bytes() == before


async def test_a_log_that_was_removed_takes_nothing_more_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "vtn.db"
    async with opened(path) as (store, _):
        await store.write(lambda tx: tx.put(record("a")))
        (tmp_path / "vtn.db-wal").unlink()
        for _ in range(2):
            with pytest.raises(Refused, match="removed while in use"):
                await store.write(lambda tx: tx.put(record("b")))
    async with opened(path) as (store, _):
        assert held(store.live) == ["a"]


async def test_a_path_may_hold_whatever_a_file_name_may(tmp_path: Path) -> None:
    folder = tmp_path / "a b?c#d%20e"
    folder.mkdir()
    for there in ([], ["a"]):
        async with opened(folder / "vtn.db") as (store, _):
            assert held(store.live) == there
            await store.write(lambda tx: tx.put(record("a")))
