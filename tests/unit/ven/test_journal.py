"""The journal: the ledger it is, what survives, who may open it."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from os import getpid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dying import Doom
from ukprofile.receiving import Entry, MemoryLedger, Slot
from ven.device import Command
from ven.journal import (
    NEW,
    OLDER,
    RECALL,
    Alarm,
    Book,
    Journal,
    JournalDamaged,
    JournalError,
    JournalFull,
    in_use,
    look,
)
from ven.journal.lock import Lock, lock_of
from ven.journal.schema import MIGRATIONS, VERSION

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
SLOT = Slot("UKPN", "FSP7", "sandbox", "UKPN:C1", "dispatch", "DSP-1")


def entry(sha: str = "a" * 64, **changes: object) -> Entry:
    fields: dict[str, object] = {
        "sha256": sha,
        "slot": SLOT,
        "kind": "instruction",
        "stop": False,
        "revision": 1,
        "text": "{}",
        "signatures": ("x..y",),
        "verdict": "act",
        "reason": "",
        "alarm": "",
        "answer": "received",
        "issued_at": NOW,
        "valid_until": NOW + timedelta(hours=3),
        "received_at": NOW,
        "in_reply_to": "",
        "verified_at": NOW,
    }
    return Entry(**(fields | changes))  # type: ignore[arg-type]  # the table above


def command(id: str, **changes: object) -> Command:
    fields: dict[str, object] = {
        "asset_id": "A",
        "valid_from": NOW,
        "valid_to": NOW + timedelta(hours=1),
        "delta_w": 5,
        "threads": ("DSP-1",),
    }
    return Command(id, **(fields | changes))  # type: ignore[arg-type]  # the table above


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.db"


@pytest.fixture
async def journal(path):
    opened = await Journal.open(path)
    yield opened
    await opened.close()


@contextmanager
def memory_book() -> Iterator[Book]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        for script in MIGRATIONS:
            db.executescript(script)
        yield Book(db)


@pytest.fixture
def book() -> Iterator[Book]:
    with memory_book() as made:
        yield made


THREADS = st.sampled_from(["DSP-1", "DSP-2"])
PROGRAMS = st.sampled_from(["UKPN:C1", "UKPN:C2"])
TIMES = st.integers(0, 6).map(lambda h: NOW + timedelta(hours=h))
ENTRIES = st.builds(
    entry,
    sha=st.sampled_from([c * 64 for c in "abcdef"]),
    slot=st.builds(
        Slot,
        st.sampled_from(["UKPN", "FSP7"]),
        st.just("FSP7"),
        st.just("sandbox"),
        PROGRAMS,
        st.sampled_from(["dispatch", "contract_terms"]),
        THREADS,
    ),
    kind=st.sampled_from(["instruction", "contract_terms", "cease"]),
    revision=st.integers(0, 2**53 - 1),
    verdict=st.sampled_from(["act", "refused", "sent", "late", "alarm+act"]),
    valid_until=TIMES,
    in_reply_to=st.sampled_from(["", "a" * 64, "b" * 64]),
    verified_at=st.none() | TIMES,
    stop=st.booleans(),
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(ENTRIES, max_size=8), TIMES)
def test_it_is_the_same_ledger_as_the_plainest_one(entries, since):
    memory = MemoryLedger()
    with memory_book() as book:
        for one in entries:
            book.keep(one)
            memory.keep(one)
        for one in entries:
            assert book.entry(one.sha256) == memory.entry(one.sha256)
            assert list(book.thread(one.slot)) == list(memory.thread(one.slot))
            assert list(book.replies(one.sha256)) == list(memory.replies(one.sha256))
        for program in ("UKPN:C1", "UKPN:C2", "UKPN:C3"):
            assert list(book.dispatches(program, since)) == list(memory.dispatches(program, since))
            assert book.terms(program) == memory.terms(program)
        for issuer in ("UKPN", "FSP7", "SSEN"):
            assert book.verified_time(issuer) == memory.verified_time(issuer)
        assert book.entry("9" * 64) is None


async def test_what_was_written_is_there_after_reopening(path):
    first = await Journal.open(path)
    await first.write(lambda book: book.keep(entry()))
    await first.close()
    second = await Journal.open(path)
    assert await second.read(lambda book: book.entry("a" * 64)) == entry()
    await second.close()


async def test_a_transaction_that_raises_leaves_nothing(journal):
    def half(book: Book) -> None:
        book.keep(entry())
        book.post("r1", "acknowledgement", "E1", b"{}", NOW)
        raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        await journal.write(half)
    assert await journal.read(lambda book: (book.entries(), book.posts())) == ([], ())


async def test_a_second_agent_is_refused_and_told_who_the_first_is(journal, path):
    with pytest.raises(JournalError, match=f"another agent is running on .*: process {getpid()}$"):
        await Journal.open(path)


async def test_whoever_asks_whether_an_agent_runs_keeps_none_from_starting(path):
    probe = Lock.take(path)
    asyncio.get_running_loop().call_later(0.01, probe.release)
    await (await Journal.open(path)).close()


async def test_a_journal_without_room_says_so_and_is_as_it_was(journal, path):
    def cramped(pages: int) -> None:
        def command(book: Book) -> None:
            book._db.execute(f"PRAGMA max_page_count={pages}")

        return command

    await journal.write(lambda book: book.keep(entry()))
    await journal.read(cramped(1))
    large = entry("b" * 64, text="x" * 100_000)
    with pytest.raises(JournalFull, match=f"no room to write {path} .*: free space"):
        await journal.write(lambda book: book.keep(large))
    assert await journal.read(lambda book: len(book.entries())) == 1
    await journal.read(cramped(2**30))
    await journal.write(lambda book: book.keep(large))
    assert await journal.read(lambda book: len(book.entries())) == 2


async def test_a_commit_that_fails_leaves_the_next_one_free(path):
    journal = await Journal.open(path, connection=Doom(["full"]).connection())
    with pytest.raises(JournalFull):
        await journal.write(lambda book: book.keep(entry()))
    await journal.write(lambda book: book.keep(entry("b" * 64)))
    assert [e.sha256[0] for e in await journal.read(Book.entries)] == ["b"]
    await journal.close()


async def test_a_mistake_of_ours_is_not_told_as_one_of_the_disk(journal):
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await journal.read(lambda book: book._db.execute("SELECT * FROM absent"))


async def grown(path) -> None:
    """A journal of some pages, closed."""
    journal = await Journal.open(path)
    for n in range(40):
        await journal.write(lambda book, n=n: book.keep(entry(f"{n:064}", text="x" * 2000)))
    await journal.close()


@pytest.mark.parametrize("rot", ["a page", "the first page", "cut in half", "another file"])
async def test_a_damaged_journal_is_named_and_left_alone(path, rot):
    await grown(path)
    raw = bytearray(path.read_bytes())
    match rot:
        case "a page":
            raw[4096 * 9 : 4096 * 10] = bytes(range(256)) * 16
        case "the first page":
            raw[:100] = bytes(100)
        case "cut in half":
            raw = raw[: len(raw) // 2]
        case "another file":
            raw = bytearray(b"a letter to somebody else " * 1000)
    path.write_bytes(raw)
    with pytest.raises(JournalDamaged, match=f"{path} is damaged .* ukven restore"):
        await Journal.open(path)
    assert path.read_bytes() == raw
    with pytest.raises(JournalDamaged), look(path, thorough=True) as book:
        book.entries()


@pytest.mark.parametrize("left", ["nothing", "an empty file"])
async def test_a_journal_that_is_gone_is_not_begun_anew(path, left):
    await grown(path)
    path.unlink()
    if left == "an empty file":
        path.touch()
    with pytest.raises(JournalDamaged, match="gone or empty"):
        await Journal.open(path)
    lock_of(path).unlink()  # as the error says
    journal = await Journal.open(path)
    assert await journal.read(lambda book: (book.entries(), book.noted(RECALL))) == ([], NEW)
    await journal.close()


async def test_an_agent_killed_while_it_opens_its_journal_knows_it_for_its_own(path):
    await grown(path)
    for others in (["the next"], ["the last"]):  # before, and after the journal had the new one
        (mark,) = json.loads(lock_of(path).read_text())["marks"]
        lock_of(path).write_text(json.dumps({"pid": 1, "marks": [*others, mark]}))
        journal = await Journal.open(path)
        assert await journal.read(lambda book: book.noted(RECALL)) == NEW  # as on the first day
        await journal.close()
    lock_of(path).write_text(json.dumps({"pid": 1, "marks": ["another"]}))
    journal = await Journal.open(path)
    assert await journal.read(lambda book: book.noted(RECALL)) == OLDER
    await journal.close()


async def test_it_may_be_looked_at_while_an_agent_runs(journal, path):
    await journal.write(lambda book: book.keep(entry()))
    with look(path) as book:
        assert book.entries() == [entry()]
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            book.note("a", "b")


async def test_it_may_be_looked_at_when_no_agent_runs(path):
    await (await Journal.open(path)).close()
    with look(path) as book:
        assert book.alarms() == ()


def test_looking_at_none_says_so(tmp_path):
    with pytest.raises(JournalError, match="no journal"), look(tmp_path / "journal.db"):
        pass


async def test_a_newer_version_is_left_alone(path):
    await (await Journal.open(path)).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(JournalError, match="version 99"):
        await Journal.open(path)
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version={VERSION}")
    db.close()
    await (await Journal.open(path)).close()  # the lock was let go


async def test_every_transaction_is_synced(journal):
    def pragmas(book: Book) -> tuple[object, object]:
        db = book._db
        return db.execute("PRAGMA journal_mode").fetchone()[0], db.execute(
            "PRAGMA synchronous"
        ).fetchone()[0]

    assert await journal.read(pragmas) == ("wal", 2)


def test_what_is_withdrawn_may_be_planned_again(book):
    for name in ("c1", "c2", "c3", "c4"):
        book.plan(name, command(name, asset_id="B" if name == "c4" else "A"), NOW)
    book.send("c1", NOW)
    assert [p.command.id for p in book.open_commands("A")] == ["c1", "c2", "c3"]
    book.withdraw_others("A", {"c1", "c2"}, NOW)
    states = {p.command.id: p.state for p in book.commands()}
    assert states == {"c1": "SENT", "c2": "PLANNED", "c3": "WITHDRAWN", "c4": "PLANNED"}
    for name in ("c1", "c3"):
        book.plan(name, command(name), NOW)
    states = {p.command.id: p.state for p in book.commands()}
    assert states == {"c1": "SENT", "c2": "PLANNED", "c3": "PLANNED", "c4": "PLANNED"}
    assert book.commands("id = ?", "c1")[0].command == command("c1")


def test_what_a_device_may_hold(book):
    """Nothing from before the oldest that still lasts; nothing it refused; the unknown too."""
    ends = {"old": 0.5, "long": 5, "short": 0.6, "refused": 5, "unknown": 5, "planned": 5}
    for name, hours in ends.items():
        book.plan(name, command(name, valid_to=NOW + timedelta(hours=hours)), NOW)
    for name in ("old", "long", "short", "refused", "unknown"):
        book.send(name, NOW)
    book.settle("refused", "FAILED", NOW, "no")
    book.settle("unknown", "WITHDRAWN", NOW)
    told = book.told("A", NOW + timedelta(hours=1))
    assert [c.id for c in told] == ["long", "short", "unknown"]
    assert book.told("A", NOW + timedelta(hours=9)) == ()


def test_what_was_told_keeps_the_order_of_sending_not_of_time(book):
    book.plan(
        "k",
        command("late", valid_from=NOW + timedelta(hours=5), valid_to=NOW + timedelta(hours=6)),
        NOW,
    )
    book.plan("k", command("early"), NOW)
    book.send("late", NOW)
    book.send("early", NOW)
    book.send("late", NOW)  # sent again after a crash: its place in the order stays
    assert [c.id for c in book.told("A", NOW)] == ["late", "early"]
    assert book.told("B", NOW) == ()
    book.plan("k", command("third"), NOW)
    assert book.issued("k") == 2


def test_posts_keep_their_order_and_their_names(book):
    for name in ("r1", "r2", "r1"):
        book.post(name, "status", "E1", name.encode(), NOW)
    first, second = book.posts("QUEUED")
    assert (first.name, second.name) == ("r1", "r2")
    book.attempted(first.seq)
    book.attempted(first.seq, "no answer")
    book.posted(first.seq, "SENT", NOW, "id-1")
    sent, _ = book.posts()
    assert (sent.state, sent.attempts, sent.report_id) == ("SENT", 1, "id-1")
    assert [p.name for p in book.posts("QUEUED")] == ["r2"]


def test_an_alarm_is_told_once_until_it_is_over(book):
    alarm = Alarm("k", "FORM", "NOT_ASCII", "", "E1", True, NOW, None)
    assert book.alarm(alarm)
    assert not book.alarm(alarm)
    assert book.alarm_over("k", NOW)
    assert not book.alarm_over("k", NOW)
    assert book.alarm(alarm)
    assert [a.over_at for a in book.alarms()] == [NOW, None]


def test_an_event_may_go_and_come_back(book):
    book.see("E1", entry(), NOW)
    book.miss("E1", NOW)
    assert book.sightings()[0].gone_at == NOW
    book.see("E1", entry(), NOW + timedelta(hours=1))
    (seen,) = book.sightings()
    assert (seen.gone_at, seen.thread) == (None, "DSP-1")


def test_what_was_said_keeps_its_order_and_may_be_said_again(book):
    for state in ("executing", "suspended", "resumed", "suspended"):
        book.say("UKPN:C1", "DSP-1", state, NOW)
    assert book.said("UKPN:C1", "DSP-1") == ("executing", "suspended", "resumed", "suspended")
    assert book.said("UKPN:C2", "DSP-1") == ()


async def test_a_journal_of_version_1_keeps_all_it_holds(path):
    with closing(sqlite3.connect(path)) as db:
        db.executescript(MIGRATIONS[0])
        for state in ("executing", "failed"):
            db.execute("INSERT INTO said VALUES ('UKPN:C1', 'DSP-1', ?, '')", (state,))
        db.execute("PRAGMA user_version=1")
        db.commit()
    journal = await Journal.open(path)
    assert await journal.read(lambda b: b.said("UKPN:C1", "DSP-1")) == ("executing", "failed")
    assert await journal.read(lambda b: b.readings.mark("A")) is None
    await journal.close()


async def test_whether_an_agent_is_running_can_be_asked(path):
    assert not in_use(path)
    journal = await Journal.open(path)
    assert in_use(path)
    await journal.close()
    assert not in_use(path)


def test_programs_are_those_of_which_something_stands(book):
    book.keep(entry())
    book.keep(
        entry(
            "b" * 64, slot=Slot("UKPN", "FSP7", "sandbox", "UKPN:C2", "x", "y"), verdict="refused"
        )
    )
    assert book.programs() == ("UKPN:C1",)
