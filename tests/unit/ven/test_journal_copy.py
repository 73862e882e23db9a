"""Copies of a journal: of one moment, beside a running agent, and back in its place."""

import sqlite3
from contextlib import closing

import pytest

from tests.unit.ven.test_journal import NOW, entry
from ven.journal import (
    OLDER,
    RECALL,
    Book,
    Journal,
    JournalDamaged,
    JournalError,
    backup,
    look,
    restore,
)

OTHER = "b" * 64


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.db"


@pytest.fixture
def kept(tmp_path):
    return tmp_path / "kept.db"


async def grown(path, sha: str = "a" * 64) -> None:
    journal = await Journal.open(path)
    await journal.write(lambda book: book.keep(entry(sha)))
    await journal.close()


def held(path) -> list[str]:
    with look(path) as book:
        return [one.sha256[0] for one in book.entries()]


async def test_a_running_agent_is_copied_as_it_is_at_one_moment(path, kept):
    journal = await Journal.open(path)
    await journal.write(lambda book: book.keep(entry()))
    backup(path, kept)
    await journal.write(lambda book: book.keep(entry(OTHER)))
    assert held(kept) == ["a"]
    assert kept.stat().st_mode & 0o777 == 0o600
    assert sorted(p.name for p in path.parent.iterdir() if "kept" in p.name) == ["kept.db"]
    await journal.close()


async def test_no_copy_replaces_another(path, kept):
    await grown(path)
    kept.write_text("mine")
    with pytest.raises(JournalError, match="choose another name"):
        backup(path, kept)
    assert kept.read_text() == "mine"


async def test_a_copy_put_back_is_known_for_an_older_journal(path, kept):
    await grown(path)
    backup(path, kept)
    await grown(path, OTHER)
    aside = restore(path, kept)
    assert (held(path), held(aside)) == (["a"], ["a", "b"])
    journal = await Journal.open(path)
    assert await journal.read(lambda book: book.noted(RECALL)) == OLDER
    await journal.close()
    again = await Journal.open(path)  # nobody was asked yet
    assert await again.read(lambda book: book.noted(RECALL)) == OLDER
    await again.close()


async def test_a_copy_is_older_in_a_new_directory_too(path, kept, tmp_path):
    await grown(path)
    backup(path, kept)
    (tmp_path / "new").mkdir()
    assert restore(tmp_path / "new" / "journal.db", kept) is None
    journal = await Journal.open(tmp_path / "new" / "journal.db")
    assert await journal.read(lambda book: book.noted(RECALL)) == OLDER
    await journal.close()


async def test_what_is_queued_in_an_older_journal_is_looked_for_before_it_is_sent(path, kept):
    journal = await Journal.open(path)
    await journal.write(lambda book: book.post("r", "status", "E", b"{}", NOW))
    await journal.close()
    backup(path, kept)
    restore(path, kept)
    journal = await Journal.open(path)
    (post,) = await journal.read(Book.posts)
    assert post.attempts == 1
    await journal.close()


async def test_nothing_is_put_back_under_a_running_agent(path, kept):
    await grown(path)
    backup(path, kept)
    journal = await Journal.open(path)
    with pytest.raises(JournalError, match="another agent is running"):
        restore(path, kept)
    await journal.close()
    assert held(path) == ["a"]


@pytest.mark.parametrize("wrong", ["no", "text", "rotten", "strange"])
async def test_what_is_no_whole_copy_is_not_put_back(path, kept, wrong):
    await grown(path, OTHER)
    match wrong:
        case "text":
            kept.write_text("a letter, long enough to be taken for a database" * 100)
        case "rotten":
            backup(path, kept)
            raw = bytearray(kept.read_bytes())
            raw[4096:8192] = bytes(4096)
            kept.write_bytes(raw)
        case "strange":
            with closing(sqlite3.connect(kept)) as db:
                db.execute("CREATE TABLE t (x)")
    with pytest.raises(JournalError):
        restore(path, kept)
    assert held(path) == ["b"]


async def test_a_restore_that_was_cut_short_is_done_again(path, kept):
    await grown(path)
    backup(path, kept)
    await grown(path, OTHER)
    path.replace(path.with_name("journal.db.replaced"))  # cut here
    with pytest.raises(JournalDamaged, match="gone or empty"):
        await Journal.open(path)
    restore(path, kept)
    assert held(path) == ["a"]
    assert held(path.with_name("journal.db.replaced")) == ["a", "b"]
