"""One suite, every store; the SQLite one is closed and opened again after every step."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from ukprofile.errors import Refused
from ukprofile.flex.history import HistoryRow
from ukprofile.receiving import Entry, Slot
from ukprofile.signing import SigningKeys
from vtn.domain.alarm import Alarm, Cause, Concern, Severity
from vtn.domain.live import Field
from vtn.domain.past import DaySum, Import, Past, Totals
from vtn.domain.record import Client, Kind, Operation, Outcome, Record, Role
from vtn.domain.store import Store, Transaction
from vtn.storage.memory import MemoryStore
from vtn.storage.sqlite import SqliteStore

T0 = datetime(2026, 11, 24, 15, tzinfo=UTC)


class Bench:
    """A store that is opened again after every step, where that means anything."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.store: Store

    async def open(self) -> None:
        if self.path is not None:
            self.store = await SqliteStore.open(self.path, "sandbox", "e1")
        elif not hasattr(self, "store"):
            self.store = MemoryStore("sandbox", "e1")

    async def write(self, command: Callable[[Transaction], Any]) -> Any:
        try:
            return await self.store.write(command)
        finally:
            if self.path is not None:
                await self.store.close()
                await self.open()

    async def ask(self, question: Callable[[Transaction], Any]) -> Any:
        return await self.store.read(question)


@asynccontextmanager
async def opened(path: Path | None) -> AsyncIterator[Bench]:
    bench = Bench(path)
    await bench.open()
    try:
        yield bench
    finally:
        await bench.store.close()


@pytest.fixture(params=["memory", "sqlite"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    async with opened(tmp_path / "vtn.db" if request.param == "sqlite" else None) as made:
        yield made


def record(id: str = "e1", kind: Kind = Kind.EVENT, **over: Any) -> Record:
    base = Record(kind, id, T0, T0, b'{"id":"e1"}', targets=("T1",), has_targets=True)
    return replace(base, **over)


async def test_what_is_put_is_there_with_its_number_and_live(bench: Bench) -> None:
    made = await bench.write(lambda tx: tx.put(record(ends=T0, program_id="p1")))
    assert made == record(ends=T0, program_id="p1", version=made.version)
    assert made.version > 0
    assert await bench.ask(lambda tx: tx.get(Kind.EVENT, "e1")) == made
    assert bench.store.live.get(Kind.EVENT, "e1") == made
    assert bench.store.live.under(Kind.EVENT, ["T1"]) == [made]


async def test_a_second_put_replaces_and_moves_the_targets(bench: Bench) -> None:
    await bench.write(lambda tx: tx.put(record()))
    new = await bench.write(lambda tx: tx.put(record(targets=("T2",), body=b"{}")))
    assert await bench.ask(lambda tx: tx.find(Kind.EVENT, target="T1")) == []
    assert await bench.ask(lambda tx: tx.find(Kind.EVENT, target="T2")) == [new]
    assert bench.store.live.under(Kind.EVENT, ["T1"]) == []


async def test_what_is_deleted_is_gone_but_for_its_outbox_row(bench: Bench) -> None:
    made = await bench.write(lambda tx: tx.put(record()))
    assert await bench.write(lambda tx: tx.delete(Kind.EVENT, "e1")) == made
    assert await bench.ask(lambda tx: tx.get(Kind.EVENT, "e1")) is None
    assert bench.store.live.find(Kind.EVENT) == []
    changes = await bench.ask(lambda tx: tx.outbox())
    assert [c.operation for c in changes] == [Operation.CREATE, Operation.DELETE]
    with pytest.raises(KeyError):
        await bench.write(lambda tx: tx.delete(Kind.EVENT, "e1"))


async def test_objects_are_found_by_every_field_in_the_order_they_were_made(bench: Bench) -> None:
    later = T0 + timedelta(seconds=1)
    b = await bench.write(lambda tx: tx.put(record("b", created=later, event_id="x", name="n")))
    a = await bench.write(lambda tx: tx.put(record("a", client_id="c", event_id="x", ven_id="v")))
    other = record("a", Kind.REPORT, event_id="x")
    await bench.write(lambda tx: tx.put(other))
    assert await bench.ask(lambda tx: tx.find(Kind.EVENT)) == [a, b]
    assert await bench.ask(lambda tx: tx.find(Kind.EVENT, event_id="x")) == [a, b]
    assert await bench.ask(lambda tx: tx.find(Kind.EVENT, event_id="x", client_id="c")) == [a]
    assert await bench.ask(lambda tx: tx.find(Kind.EVENT, ven_id="v")) == [a]
    assert await bench.ask(lambda tx: tx.find(Kind.EVENT, name="n")) == [b]
    assert await bench.ask(lambda tx: tx.find(Kind.EVENT, program_id="none")) == []
    assert bench.store.live.find(Kind.EVENT, Field.EVENT, "x") == [a, b]


async def test_a_command_sees_its_own_writes(bench: Bench) -> None:
    def command(tx: Transaction) -> list[str]:
        tx.put(record("a"))
        tx.put(record("b"))
        tx.delete(Kind.EVENT, "a")
        assert tx.get(Kind.EVENT, "a") is None
        return [r.id for r in tx.find(Kind.EVENT, target="T1")]

    assert await bench.write(command) == ["b"]


async def test_what_a_refused_command_did_is_undone(bench: Bench) -> None:
    keys = SigningKeys.sandbox("A-sandbox-1", "A", "ven", T0, T0 + timedelta(days=1)).public()

    def command(tx: Transaction) -> None:
        tx.put(record())
        tx.put_client(CLIENT)
        tx.put_key_set(keys)
        tx.put_setting("a", "b")
        tx.keep(entry("1"))
        tx.raise_alarm(ALARM)
        tx.end_alarm("standing", T0)
        tx.keep_outcome(replace(OUTCOME, key="k9"))
        tx.forget_outcomes(T0 + timedelta(days=1))
        tx.put_import(Import(1, "h.csv", T0, finished_at=T0))
        tx.keep_past([past()])
        raise Refused("NOT_UNIQUE")

    standing = alarm("standing")
    await bench.write(lambda tx: tx.raise_alarm(standing))
    await bench.write(lambda tx: tx.keep_outcome(OUTCOME))

    with pytest.raises(Refused, match="NOT_UNIQUE"):
        await bench.write(command)
    assert await bench.ask(lambda tx: tx.find(Kind.EVENT)) == []
    assert await bench.ask(lambda tx: tx.outbox()) == []
    assert await bench.ask(lambda tx: (tx.client("c1"), tx.setting("a"))) == (None, None)
    assert await bench.ask(lambda tx: tx.entry("1")) is None
    assert await bench.ask(lambda tx: tx.outcome("c1", "k1")) == OUTCOME
    assert await bench.ask(lambda tx: tx.outcome("c1", "k9")) is None
    assert await bench.ask(lambda tx: tx.alarms(all=True)) == [standing]
    assert await bench.ask(lambda tx: (tx.imports(), tx.past_days())) == ([], [])
    assert await bench.ask(lambda tx: tx.ordinals([past().key])) == {}
    assert not list(bench.store.live.register)
    assert not bench.store.live.clients


async def test_delivered_changes_leave_the_outbox_and_their_numbers_are_not_used_again(
    bench: Bench,
) -> None:
    first = await bench.write(lambda tx: tx.put(record("a")))
    second = await bench.write(lambda tx: tx.put(record("b")))
    await bench.write(lambda tx: tx.delivered(first.version))
    assert [c.record for c in await bench.ask(lambda tx: tx.outbox())] == [second]
    assert await bench.ask(lambda tx: tx.outbox(after=second.version)) == []
    await bench.write(lambda tx: tx.delivered(second.version))
    third = await bench.write(lambda tx: tx.put(record("c")))
    assert third.version > second.version
    assert [c.sequence for c in await bench.ask(lambda tx: tx.outbox())] == [third.version]


CLIENT = Client("c1", "FSP7", Role.VEN, frozenset({"read_targets"}), b"hash", T0)


async def test_clients_are_kept_and_can_be_disabled(bench: Bench) -> None:
    await bench.write(lambda tx: tx.put_client(CLIENT))
    assert await bench.ask(lambda tx: tx.client("c1")) == CLIENT
    gone = replace(CLIENT, disabled=T0)
    await bench.write(lambda tx: tx.put_client(gone))
    assert bench.store.live.clients["c1"] == gone


async def test_key_sets_and_floors_are_kept(bench: Bench) -> None:
    keys = SigningKeys.generate(
        "A-1", "A", "ven", T0, T0 + timedelta(days=1), secrets.token_bytes
    ).public()
    await bench.write(lambda tx: tx.put_key_set(keys))
    await bench.write(lambda tx: tx.raise_floor("A", 2))
    await bench.write(lambda tx: tx.raise_floor("A", 1))
    assert list(bench.store.live.register) == [keys]
    assert bench.store.live.register.floor("A") == 2
    assert await bench.write(lambda tx: tx.register.floor("A")) == 2


async def test_settings_are_kept(bench: Bench) -> None:
    await bench.write(lambda tx: tx.put_setting("a", "1"))
    await bench.write(lambda tx: tx.put_setting("a", "2"))
    assert await bench.ask(lambda tx: tx.setting("a")) == "2"


def entry(sha: str, **over: Any) -> Entry:
    base = Entry(
        sha256=sha,
        slot=Slot("DSO", "FSP7", "sandbox", "DSO:C1", "dispatch", "D1"),
        kind="instruction",
        stop=False,
        revision=1,
        text="{}",
        signatures=("a..b", "c..d"),
        verdict="act",
        reason="",
        alarm="",
        answer="received",
        issued_at=T0,
        valid_until=T0 + timedelta(hours=1),
        received_at=T0,
    )
    return replace(base, **over)


async def test_the_ledger_answers_what_receiving_asks(bench: Bench) -> None:
    hour = timedelta(hours=1)
    d1 = entry("1")
    reply = entry("2", in_reply_to="1", kind="acknowledgement", verified_at=T0)
    other = replace(d1.slot, thread="D2", issuer="SSEN")
    d2 = entry("3", slot=other, valid_until=T0 - hour, verified_at=T0 + hour)
    terms = entry("4", kind="contract_terms", slot=replace(d1.slot, family="contract_terms"))
    refused = replace(terms, sha256="5", revision=9, verdict="refused")
    newer = replace(terms, sha256="6", revision=2)
    for one in (d1, reply, d2, terms, refused, newer):
        await bench.write(lambda tx, one=one: tx.keep(one))
    await bench.write(lambda tx: tx.keep(replace(d1, text="other")))
    assert await bench.ask(lambda tx: tx.entry("1")) == d1
    assert await bench.ask(lambda tx: tx.entry("none")) is None
    assert await bench.ask(lambda tx: tx.thread(d1.slot)) == [d1, reply]
    assert await bench.ask(lambda tx: tx.replies("1")) == [reply]
    assert await bench.ask(lambda tx: tx.dispatches("DSO:C1", T0)) == [d1, reply]
    assert await bench.ask(lambda tx: tx.dispatches("DSO:C1", T0 - hour)) == [d1, reply, d2]
    assert await bench.ask(lambda tx: tx.terms("DSO:C1")) == newer
    assert await bench.ask(lambda tx: tx.terms("DSO:C2")) is None
    assert await bench.ask(lambda tx: tx.verified_time("DSO")) == T0
    assert await bench.ask(lambda tx: tx.verified_time("SSEN")) == T0 + hour
    assert await bench.ask(lambda tx: tx.verified_time("X")) is None


async def test_what_somebody_said_of_one_family_is_found_in_every_program(bench: Bench) -> None:
    mine = Slot("FSP7", "DSO", "sandbox", "DSO:C1", "availability", "O1")
    offer = entry("1", slot=mine, kind="availability")
    elsewhere = entry("2", slot=replace(mine, program="market:DSO:OU:Z1"), kind="availability")
    rival = entry("3", slot=replace(mine, issuer="FSP8"), kind="availability")
    other = entry("4", slot=replace(mine, family="unavailability"), kind="unavailability")
    for one in (offer, rival, elsewhere, other):
        await bench.write(lambda tx, one=one: tx.keep(one))
    assert await bench.ask(lambda tx: tx.said("FSP7", "availability")) == [offer, elsewhere]
    assert await bench.ask(lambda tx: tx.said("FSP7", "unavailability")) == [other]
    assert await bench.ask(lambda tx: tx.said("FSP7", "response")) == []


def alarm(key: str, **over: Any) -> Alarm:
    told = Concern(
        key=key,
        code="OVERDUE",
        cause=Cause.EXPIRED,
        severity=Severity.ALARM,
        text="telephone",
        contract_id="DSO:C1",
        provider="FSP7",
        thread="D1",
        since=T0 - timedelta(minutes=1),
    )
    return replace(Alarm(told, T0), **over)


ALARM = alarm("a")


async def test_an_alarm_is_raised_once_while_it_stands_and_again_after_it_was_over(
    bench: Bench,
) -> None:
    later, again = T0 + timedelta(hours=1), alarm("a", raised_at=T0 + timedelta(hours=2))
    raised = [await bench.write(lambda tx, a=a: tx.raise_alarm(a)) for a in (ALARM, again)]
    assert raised == [True, False]
    assert await bench.ask(lambda tx: tx.alarms()) == [ALARM]
    ended = [await bench.write(lambda tx: tx.end_alarm("a", later)) for _ in range(2)]
    assert ended == [True, False]
    assert not await bench.write(lambda tx: tx.end_alarm("b", later))
    assert await bench.ask(lambda tx: tx.alarms()) == []
    assert await bench.write(lambda tx: tx.raise_alarm(again))
    assert await bench.write(lambda tx: tx.raise_alarm(alarm("b")))
    assert await bench.ask(lambda tx: tx.alarms()) == [again, alarm("b")]
    over = replace(ALARM, over_at=later)
    assert await bench.ask(lambda tx: tx.alarms(all=True)) == [over, again, alarm("b")]


@pytest.mark.parametrize(
    ("revision", "later"),
    [
        ("0001", ("alarms", "outcomes", "past", "imports")),
        ("0003", ("past", "imports")),
    ],
)
async def test_a_database_of_an_earlier_version_gets_the_tables_that_it_lacks(
    tmp_path: Path, revision: str, later: tuple[str, ...]
) -> None:
    import sqlite3

    async with opened(tmp_path / "vtn.db") as bench:
        made = await bench.write(lambda tx: tx.put(record()))
    with sqlite3.connect(tmp_path / "vtn.db") as db:
        for table in later:
            db.execute(f"DROP TABLE {table}")
        db.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    db.close()
    async with opened(tmp_path / "vtn.db") as bench:
        assert bench.store.live.find(Kind.EVENT) == [made]
        assert await bench.write(lambda tx: tx.raise_alarm(ALARM))
        await bench.write(lambda tx: tx.keep_outcome(OUTCOME))
        assert await bench.ask(lambda tx: tx.outcome("c1", "k1")) == OUTCOME
        await bench.write(lambda tx: tx.keep_past([past()]))
        assert await bench.ask(lambda tx: tx.known_past([past().identity])) == {past().identity}


OUTCOME = Outcome("c1", "k1", "POST /events", "ab" * 32, 201, b'{"id":"e1"}', T0)


async def test_the_outcome_of_a_request_is_that_of_its_client_and_its_key(bench: Bench) -> None:
    others = [replace(OUTCOME, client_id="c2", status=200), replace(OUTCOME, key="k2", body=b"")]
    for one in (OUTCOME, *others):
        await bench.write(lambda tx, one=one: tx.keep_outcome(one))
    for one in (OUTCOME, *others):
        assert await bench.ask(lambda tx, one=one: tx.outcome(one.client_id, one.key)) == one
    assert await bench.ask(lambda tx: tx.outcome("c2", "k2")) is None


def past(occurrence: int = 1, *, ordinal: int = 1, number: int = 1, **over: Any) -> Past:
    """A row of published history: 20 kW for an hour, at 90 pounds a MWh."""
    row = HistoryRow(
        line=2,
        company="FSP Seven",
        unit="SEVEN-1",
        zone="Hendon Way",
        product="Peak Reduction",
        start=T0,
        end=T0 + timedelta(hours=1),
        availability_w=0,
        utilisation_w=20_000,
        availability_minor_per_mw_h=0,
        utilisation_minor_per_mwh=9000,
        technology="",
        dispatch_type="demand_turn_down",
    )
    return replace(Past.of(replace(row, **over), occurrence), ordinal=ordinal, number=number)


async def test_rows_of_history_are_seen_once_their_import_is_finished(bench: Bench) -> None:
    used, dearer = past(), past(ordinal=2, utilisation_minor_per_mwh=9001)
    held = {"availability_w": 50_000, "utilisation_w": 0, "availability_minor_per_mw_h": 1000}
    ready = past(company="Eight", **held)
    # 23:30 UTC in summer: the next day in London
    night = past(start=T0.replace(month=6, hour=23), end=T0.replace(month=7))
    hidden = past(number=2, company="Eight", unit="EIGHT-2")
    begun = Import(1, "h.csv", T0, new=4)
    done, other = replace(begun, rows=4, finished_at=T0), Import(2, "i.csv", T0)
    await bench.write(lambda tx: tx.put_import(begun))
    await bench.write(lambda tx: tx.keep_past([used, dearer, ready, night]))
    assert await bench.ask(lambda tx: tx.past_days()) == []
    await bench.write(lambda tx: tx.put_import(other))
    await bench.write(lambda tx: tx.put_import(done))
    await bench.write(lambda tx: tx.keep_past([hidden]))
    assert await bench.ask(lambda tx: tx.imports()) == [done, other]
    assert await bench.ask(lambda tx: tx.past(T0.date())) == [ready, used, dearer]
    assert await bench.ask(lambda tx: tx.past(T0.date(), "FSP Seven")) == [used, dearer]
    whole = DaySum(T0.date(), "FSP Seven", Totals(2, 2, 0, 1, 40_000, 360, 0))
    found = await bench.ask(lambda tx: tx.past_days())
    assert found[0].day == date(2026, 6, 25)
    assert found[1:] == [
        DaySum(T0.date(), "Eight", Totals(1, 0, 1, 0, 0, 0, 50)),
        whole,
    ]
    assert (await bench.ask(lambda tx: tx.past_days("FSP Seven")))[1:] == [whole]


async def test_what_is_held_of_history_is_known_and_is_forgotten_bit_by_bit(bench: Bench) -> None:
    rows = [past(n, ordinal=n, number=2) for n in range(1, 4)]
    kept = past(unit="SEVEN-2")
    await bench.write(lambda tx: tx.put_import(Import(2, "h.csv", T0)))
    await bench.write(lambda tx: tx.keep_past([*rows, kept]))
    absent = past(4)
    ids = [row.identity for row in (*rows, kept, absent)]
    assert set(await bench.ask(lambda tx: tx.known_past(ids))) == set(ids[:-1])
    keys = [rows[0].key, kept.key, "absent"]
    ordinals = await bench.ask(lambda tx: tx.ordinals(keys))
    assert ordinals == {rows[0].key: 3, kept.key: 1}
    forgotten = [await bench.write(lambda tx: tx.forget_past(2, 2)) for _ in range(3)]
    assert forgotten == [2, 1, 0]
    await bench.write(lambda tx: tx.forget_import(2))
    assert await bench.ask(lambda tx: tx.imports()) == []
    assert set(await bench.ask(lambda tx: tx.known_past(ids))) == {kept.identity}


async def test_outcomes_are_forgotten_by_the_time_they_were_kept_and_not_before(
    bench: Bench,
) -> None:
    later = replace(OUTCOME, key="k2", kept_at=T0 + timedelta(microseconds=1))

    def both(tx: Transaction) -> list[bool]:
        return [tx.outcome("c1", key) is not None for key in ("k1", "k2")]

    for one in (OUTCOME, later):
        await bench.write(lambda tx, one=one: tx.keep_outcome(one))
    await bench.write(lambda tx: tx.forget_outcomes(T0))
    assert await bench.ask(both) == [True, True]
    await bench.write(lambda tx: tx.forget_outcomes(later.kept_at))
    assert await bench.ask(both) == [False, True]
    again = replace(OUTCOME, status=200)
    await bench.write(lambda tx: tx.keep_outcome(again))
    assert await bench.ask(lambda tx: tx.outcome("c1", "k1")) == again


async def test_a_crowd_of_writers_is_served_in_one_order(tmp_path: Path) -> None:
    async with opened(tmp_path / "vtn.db") as bench:
        heard: list[int] = []
        bench.store.live.listen(lambda change: heard.append(change.sequence))
        made = await asyncio.gather(
            *(bench.store.write(lambda tx, n=n: tx.put(record(f"e{n}"))) for n in range(300))
        )
        assert sorted(r.version for r in made) == heard == sorted(heard)
        assert bench.store.live.count(Kind.EVENT) == 300


async def test_one_refused_command_in_a_group_does_not_hurt_the_others(tmp_path: Path) -> None:
    def refuse(tx: Transaction) -> None:
        tx.put(record("bad"))
        raise Refused("NOT_UNIQUE")

    async with opened(tmp_path / "vtn.db") as bench:
        good = [bench.store.write(lambda tx, n=n: tx.put(record(f"e{n}"))) for n in range(5)]
        results = await asyncio.gather(
            *good[:2], bench.store.write(refuse), *good[2:], return_exceptions=True
        )
        assert sum(isinstance(r, Refused) for r in results) == 1
        assert await bench.ask(lambda tx: len(tx.outbox())) == 5


async def test_a_second_process_is_told_that_the_database_is_in_use(tmp_path: Path) -> None:
    async with opened(tmp_path / "vtn.db"):
        with pytest.raises(Refused, match="another process"):
            await SqliteStore.open(tmp_path / "vtn.db", "sandbox", "e2")


async def test_a_closed_store_takes_nothing(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "vtn.db", "sandbox", "e1")
    await store.close()
    await store.close()
    with pytest.raises(Refused, match="STORE_DOWN"):
        await store.write(lambda tx: tx.put(record()))


async def test_a_database_of_a_newer_version_stops_the_start(tmp_path: Path) -> None:
    import sqlite3

    async with opened(tmp_path / "vtn.db"):
        pass
    with sqlite3.connect(tmp_path / "vtn.db") as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    db.close()
    with pytest.raises(Refused, match="brought up to date"):
        await SqliteStore.open(tmp_path / "vtn.db", "sandbox", "e2")


async def test_when_the_disk_is_full_nothing_is_acknowledged(tmp_path: Path) -> None:
    async with opened(tmp_path / "vtn.db") as bench:
        await bench.store.write(lambda tx: tx.put(record("before")))

        def fill(tx: Transaction) -> None:
            tx._db.exec_driver_sql("PRAGMA max_page_count=1")  # type: ignore[attr-defined]

        await bench.store.write(fill)
        with pytest.raises(Refused, match="STORE_DOWN"):
            await bench.store.write(lambda tx: tx.put(record("big", body=b"x" * 10_000_000)))
        assert bench.store.live.get(Kind.EVENT, "big") is None
    async with opened(tmp_path / "vtn.db") as bench:
        assert [r.id for r in bench.store.live.find(Kind.EVENT)] == ["before"]
        assert len(await bench.ask(lambda tx: tx.outbox())) == 1


class Machine(RuleBasedStateMachine):
    """Random puts and deletes, in groups that may be refused, against a dictionary."""

    path: Path | None = None
    ids = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.bench = Bench(self.path and self.path / f"{secrets.token_hex(8)}.db")
        self.runner.run(self.bench.open())
        self.model: dict[str, bytes] = {}
        self.changes = 0

    @rule(
        target=ids, id=st.sampled_from("abcdef"), body=st.binary(max_size=8), refuse=st.booleans()
    )
    def put(self, id: str, body: bytes, refuse: bool) -> str:
        def command(tx: Transaction) -> None:
            tx.put(record(id, body=body))
            if refuse:
                raise Refused("NOT_UNIQUE")

        try:
            self.runner.run(self.bench.write(command))
        except Refused:
            return id
        self.model[id] = body
        self.changes += 1
        return id

    @rule(id=ids)
    def delete(self, id: str) -> None:
        try:
            self.runner.run(self.bench.write(lambda tx: tx.delete(Kind.EVENT, id)))
        except KeyError:
            assert id not in self.model
        else:
            del self.model[id]
            self.changes += 1

    @invariant()
    def what_is_stored_is_what_was_acknowledged(self) -> None:
        live = {r.id: r.body for r in self.bench.store.live.find(Kind.EVENT)}
        kept = self.runner.run(self.bench.ask(lambda tx: tx.find(Kind.EVENT)))
        outbox = self.runner.run(self.bench.ask(lambda tx: tx.outbox()))
        assert live == {r.id: r.body for r in kept} == self.model
        assert len(outbox) == self.changes

    def teardown(self) -> None:
        self.runner.run(self.bench.store.close())
        self.runner.close()


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_long_random_life_agrees_with_a_dictionary(kind: str, tmp_path: Path) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    class Here(Machine):
        path = tmp_path if kind == "sqlite" else None

    examples = settings(
        max_examples=100 if kind == "memory" else 10, stateful_step_count=15, deadline=None
    )
    run_state_machine_as_test(Here, settings=examples)
