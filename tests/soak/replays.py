"""Replay recorded texts at both ends, while they restart, go back to old files, and clocks are set.

    a text of the day ──┬─▶ agent   in its own event, another one, another program, as a report's
                        │           text, or to FSP8
                        └─▶ VTN     posted and put: its own event, another one, another program,
                                    by another client, an event's text as a report and the reverse

A text that an end holds changes nothing there. One that it has forgotten, because it went back,
may be taken again, once, and comes to what it came to before: of every life together no number
stands for two things, and the device never holds a power that it was not asked for.
"""

import asyncio
import json
import logging
import random
import sqlite3
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from tests.soak.progress import Progress, fingerprint
from tests.soak.recorded import (
    CONTRACT_8,
    EVENING,
    HOUR,
    Heard,
    World,
    instruction,
    record_day,
)
from tests.unit.ven.dso import CONTRACT
from ukprofile.errors import Refused
from ukprofile.flex.times import read_time
from ukprofile.mapping.carrier import MESSAGE, SIGNATURE
from ukprofile.openadr import Event, EventRequest, Program, ReportRequest
from vtn.domain.clients import SCOPES
from vtn.domain.desk import CeaseOrder, VariationOrder
from vtn.domain.office import OFFICE
from vtn.domain.privacy import Viewer
from vtn.domain.record import Kind, Role

_MARKET = "market:UKPN:OU:HENDON-WAY"
_FSP = {name: Viewer(name, Role.VEN, SCOPES[Role.VEN]) for name in ("fsp7", "fsp8")}
_LIVES = ("journal back", "put back", "clocks", "put back blind", "restart")
_FIRM = ("instruction", "variation", "cease", "cancellation")
_STEPS = (-1 * HOUR, 0 * HOUR, 0 * HOUR, HOUR)
_AT_VTN = ("entries", "changes")
_AT_AGENT = ("entries", "outbox", "commands", "device", "FSP8")


class Replays:
    """One round: a recorded day, and lives after it, each of so many replays."""

    def __init__(self, world: World, chance: random.Random, life: int) -> None:
        self.world, self.chance, self.life = world, chance, life
        self.counts: Counter[str] = Counter()
        self.expected = world.effect()
        self.lives = 0
        self._journal_went_back = False

    async def run(self, steps: int) -> None:
        """So many replays. Raises AssertionError at the first second effect."""
        done = 0
        while done < steps:
            many = min(self.life, steps - done)
            await self._live(many)
            done += many
        await self.world.open()
        try:
            self._check_ledger()
        finally:
            await self.world.close()

    async def _live(self, replays: int) -> None:
        """Something happens to both ends; then texts are replayed, and the desk says one more."""
        world, chance = self.world, self.chance
        self.lives += 1
        now = EVENING + self.lives * HOUR / 3600
        world.set_clocks(now)
        # each once, then as chance has it
        what = _LIVES[self.lives - 1] if self.lives <= len(_LIVES) else chance.choice(_LIVES)
        if what == "journal back" and not self._vtn_knows_all():
            what = "restart"  # what both ends have forgotten, nobody can know
        if what.startswith("put back"):
            world.put_back(blind=what.endswith("blind"))
        elif what == "journal back":
            world.journal_back()
            self._journal_went_back = True
        if what == "clocks" or chance.random() < 0.5:
            world.set_clocks(now, chance.choice(_STEPS), chance.choice(_STEPS))
        self.counts[what] += 1
        await world.open()
        try:
            self._check_device()
            with self._looking():
                for _ in range(replays):
                    await self._replay()
            world.set_clocks(now)
            self._check_device()
            await self._desk_speaks()
            if chance.random() < 0.2:
                world.back_up()
        finally:
            await world.close()
        if chance.random() < 0.2:
            world.copy_journal()
        assert not world.faults, "; ".join(world.faults)

    async def _desk_speaks(self) -> None:
        """A further dispatch, by a name that was perhaps forgotten; or a change of one."""
        desk, name = self.world.running.vtn.desk, f"X{self.chance.randint(1, 6)}"
        begin = 230 + self.chance.randint(0, 5)
        changes = (
            lambda: desk.vary(VariationOrder(thread=name, end=EVENING + 2.7 * HOUR)),
            lambda: desk.cease(CeaseOrder(thread=name, at=EVENING + 2.4 * HOUR)),
        )
        say: Callable[[], Any] = self.chance.choice(changes)
        if self.world.event_of(name) is None:
            order = instruction(name, begin, begin + 30, 100_000)
            say = lambda: desk.instruct(order)  # noqa: E731 - as the others
        try:
            await say()
        except Refused as refused:
            self.counts[f"desk: {refused.reason}"] += 1
        else:
            self.counts["desk: said"] += 1
        await self.world.look()
        self.expected, self._journal_went_back = self.world.effect(), False

    # -- one replay ------------------------------------------------------------------------------

    async def _replay(self) -> None:
        one = self.chance.choice(list(self.world.heard.values()))
        if self.chance.random() < 0.5:
            await self._at_agent(one)
        else:
            await self._at_vtn(one)
        self.counts["replays"] += 1

    async def _at_agent(self, one: Heard) -> None:
        way = self.chance.choice(("own", "own", "event", "program", "stranger"))
        if one.message["recipient"] == "FSP8":  # whom it is no stranger to
            way = "own"
        before, held = self._agent_has(), self._held("entries", one)
        name = str(one.message["program"])
        event = self._as_event(one)
        if way == "event":
            event = event | {"id": self._other(one).body["id"]}
        elif way == "program":
            name = self.chance.choice([n for n in (CONTRACT, CONTRACT_8, _MARKET) if n != name])
        gone = self._is_gone(str(event["id"]))
        shown = self.world.programs()[name]
        program = Program.read(json.loads(shown.body))
        event = Event.read(event | {"programID": program.id})
        if way == "stranger":
            await self.world.stranger.receive(event, program, self.world.contexts["FSP8"])
        else:
            listener = self.world.agent.listener
            await listener._receiver.receive(event, program, self.world.contexts["FSP7"])
            listener._bell.ring()  # as the listener does where something was new
        after = self._agent_has()
        if held or way not in ("own", "event"):
            # an event that comes back is acknowledged again: the DSO was told that it was gone
            same = slice(2, None) if gone else slice(None)
            where = f"at the agent, {way}"
            self._same(one, where, before[same], after[same], _AT_AGENT[same])
        else:
            await self.world.agent.settled()
            self._check_device()
            self.counts["taken again by the agent"] += after != before

    async def _at_vtn(self, one: Heard) -> None:
        ways = ("post", "put", "event", "program", "swapped")
        if one.kind is Kind.REPORT:
            ways = ("post", "put", "event", "stranger", "swapped")
        way = self.chance.choice(ways)
        before, held = self._vtn_has(), self._held("messages", one) and self._stands(one)
        try:
            await (self._post_event if one.kind is Kind.EVENT else self._post_report)(one, way)
        except Refused as refused:
            self.counts[f"vtn: {refused.reason}"] += 1
        after = self._vtn_has()
        if held:
            self._same(one, f"at the VTN, {way}", before, after, _AT_VTN)
        else:
            more = [b - a for a, b in zip(before, after, strict=True)]
            # a further stop that ends nothing earlier is kept, and published nowhere
            further = more == [1, 0] and _stops(one.message)
            once = more in ([0, 0], [1, 1], [0, 1])
            assert once or further, f"{way} of {one.message['kind']}: {more}"
            self.counts["taken again by the VTN"] += more[0]

    async def _post_event(self, one: Heard, way: str) -> None:
        objects, body = self.world.running.vtn.objects, one.body
        if way == "swapped":
            report = self._swapped(one, Kind.REPORT)
            await objects.create(Kind.REPORT, ReportRequest.read(report).dump(), _FSP["fsp7"])
            return
        if way == "program":
            other = self._other(one).body
            body = body | {"programID": other["programID"], "targets": other["targets"]}
        request = EventRequest.read(body).dump()
        mine = self.world.event_of(one.message["thread"])
        there = self._other(one).body["id"] if way == "event" else mine and mine.id
        if way in ("put", "event") and there:
            await objects.update(Kind.EVENT, there, request, OFFICE)
        else:
            await objects.create(Kind.EVENT, request, OFFICE)

    async def _post_report(self, one: Heard, way: str) -> None:
        objects, body = self.world.running.vtn.objects, one.body
        if way == "swapped":
            event = self._swapped(one, Kind.EVENT)
            await objects.create(Kind.EVENT, EventRequest.read(event).dump(), OFFICE)
            return
        if way == "event":
            body = body | {"eventID": self._other(one, Kind.EVENT).body["id"]}
        request = ReportRequest.read(body).dump()
        viewer = _FSP["fsp8" if way == "stranger" else "fsp7"]
        if way == "put":
            other = self._other(one, Kind.REPORT).body["id"]
            await objects.update(Kind.REPORT, other, request, viewer)
        else:
            await objects.create(Kind.REPORT, request, viewer)

    # -- what is replayed ------------------------------------------------------------------------

    def _other(self, one: Heard, kind: Kind | None = None) -> Heard:
        """Any other object of the day."""
        found = [h for h in self.world.heard.values() if h.kind is (kind or one.kind)]
        return self.chance.choice([h for h in found if h.body["id"] != one.body["id"]])

    def _as_event(self, one: Heard) -> dict[str, Any]:
        return one.body if one.kind is Kind.EVENT else self._swapped(one, Kind.EVENT)

    def _swapped(self, one: Heard, kind: Kind) -> dict[str, Any]:
        """The text of an object in one of the other kind, in place of what stands there."""
        body: dict[str, Any] = json.loads(json.dumps(self._other(one, kind).body))
        where = body if kind is Kind.EVENT else body["resources"][0]
        first = where["intervals"][0]
        kept = [p for p in first["payloads"] if p["type"] not in (MESSAGE, SIGNATURE)]
        first["payloads"] = [
            *kept,
            {"type": MESSAGE, "values": [one.text]},
            *({"type": SIGNATURE, "values": [s]} for s in one.signatures),
        ]
        return body

    # -- what both ends have ---------------------------------------------------------------------

    @contextmanager
    def _looking(self) -> Iterator[None]:
        """With connections of our own to all that is written, by no code that is tested."""
        mine = self.world.folder / "fsp7" / "journal.db"
        with (
            closing(sqlite3.connect(self.world.place.database)) as self._store,
            closing(sqlite3.connect(mine)) as self._journal,
            closing(sqlite3.connect(self.world.folder / "fsp8.db")) as self._theirs,
        ):
            yield

    def _vtn_knows_all(self) -> bool:
        """Whether it holds every text of the DSO that the agent holds."""
        with self._looking():
            query = "SELECT sha256 FROM entries WHERE issuer = 'UKPN'"
            mine = {row[0] for row in self._journal.execute(query)}
            theirs = {row[0] for row in self._store.execute("SELECT sha256 FROM messages")}
        return mine <= theirs

    def _held(self, table: str, one: Heard) -> bool:
        db = self._store if table == "messages" else self._journal
        query = f"SELECT count(*) FROM {table} WHERE sha256 = ?"
        return bool(db.execute(query, (one.sha256,)).fetchone()[0])

    def _is_gone(self, event_id: str) -> bool:
        query = "SELECT count(*) FROM sightings WHERE event_id = ? AND gone_at IS NOT NULL"
        return bool(self._journal.execute(query, (event_id,)).fetchone()[0])

    def _stands(self, one: Heard) -> bool:
        """Whether the report that a text came in is still there: another may have been put over it."""
        if one.kind is Kind.EVENT:
            return True
        found = self.world.running.vtn.store.live.find(Kind.REPORT)
        return any(report.name == one.message["message_id"] for report in found)

    def _vtn_has(self) -> tuple[int, ...]:
        query = "SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM outbox)"
        return tuple(self._store.execute(query).fetchone())

    def _agent_has(self) -> tuple[int, ...]:
        tables = "SELECT (SELECT count(*) FROM entries), (SELECT count(*) FROM outbox)"
        mine = self._journal.execute(f"{tables}, (SELECT count(*) FROM commands)").fetchone()
        theirs = self._theirs.execute("SELECT count(*) FROM entries").fetchone()
        log = self.world.agent.device_log
        return (*mine, log.stat().st_size if log.exists() else 0, *theirs)

    # -- what must hold --------------------------------------------------------------------------

    def _same(
        self, one: Heard, where: str, before: tuple[int, ...], after: tuple[int, ...], names: Any
    ) -> None:
        differs = [n for n, a, b in zip(names, before, after, strict=True) if a != b]
        kind, thread = one.message["kind"], one.message["thread"]
        assert not differs, f"{kind} of {thread} again, {where}: other {', '.join(differs)}"

    def _check_device(self) -> None:
        """It holds what it held; with a journal that went back, no more than was asked for."""
        held = self.world.effect()
        for at in sorted({*held, *self.expected}):
            watts, due = _level(held, at), _level(self.expected, at)
            if self._journal_went_back:
                most = asked(self.world.heard.values(), at)
                assert watts <= most, f"at {at}: {watts} W held, {most} W asked"
            else:
                assert watts == due, f"at {at}: {watts} W held, {due} W before"

    def _check_ledger(self) -> None:
        """No text stands twice, and whoever never went back acknowledged each text once."""
        with closing(sqlite3.connect(self.world.place.database)) as db:
            names = [r[0] for r in db.execute("SELECT id FROM objects WHERE kind = 'REPORT'")]
            texts = [r[0] for r in db.execute("SELECT sha256 FROM messages")]
            threads = [
                row[0]
                for row in db.execute(
                    "SELECT name FROM objects WHERE kind = 'EVENT' AND name <> ''"
                )
            ]
        for found in (names, texts, threads):
            assert len(found) == len(set(found)), Counter(found).most_common(1)
        assert set(texts) <= self.world.heard.keys()


def asked(heard: Iterable[Heard], at: datetime) -> int:
    """The most that the dispatches of the DSO ask of FSP7 at a time, whatever it took of them."""
    threads: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in heard:
        if one.message["kind"] in _FIRM and one.message["program"] == CONTRACT:
            threads[one.message["thread"]].append(one.message)
    return sum(_asked_by(texts, at) for texts in threads.values())


def _asked_by(texts: list[dict[str, Any]], at: datetime) -> int:
    """Of one thread: by any of its texts, unless one of them stopped it before."""
    ends = [read_time(t["body"].get("cease_at", t["issued_at"])) for t in texts if _stops(t)]
    if any(end is not None and end <= at for end in ends):
        return 0
    periods = [p for text in texts for p in text["body"]["periods"]]
    levels = [p["delta_w"] for p in periods if _covers(p, at)]
    return max(levels, default=0)


def _stops(text: dict[str, Any]) -> bool:
    return text["kind"] in ("cease", "cancellation")


def _covers(period: dict[str, Any], at: datetime) -> bool:
    begin, end = read_time(period["start"]), read_time(period["end"])
    return begin is not None and end is not None and begin <= at < end


def _level(effect: dict[Any, int], at: Any) -> int:
    begun = [when for when in effect if when <= at]
    return effect[max(begun)] if begun else 0


async def one_round(seed: str, steps: int, life: int) -> Counter[str]:
    """A day, and `steps` replays after it; what happened how often."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), chance)
        try:
            await record_day(world)
            await world.open()
            replays = Replays(world, chance, life)
            await world.close()
            await replays.run(steps)
        finally:
            await world.close()
    return replays.counts


def run(seed: str, steps: int, life: int) -> Counter[str]:
    """`one_round` by itself, and quietly: alarms are what replays are for."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        return asyncio.run(one_round(seed, steps, life))
    finally:
        structlog.reset_defaults()


def campaign(
    folder: Path,
    told: Callable[[str], None] = print,
    replays: int = 100_000,
    round_: int = 5_000,
    life: int = 200,
    seed: int = 20261126,
) -> None:
    """Rounds until so many replays are done. Raises AssertionError at the first second effect."""
    subject = f"{round_} {life} {seed} {fingerprint('ukprofile', 'vtn', 'ven', 'tests/soak')}"
    progress = Progress(folder, subject)
    total: Counter[str] = Counter()
    for counts in progress.finished.values():
        total += Counter(counts)
    while total["replays"] < replays:
        number = len(progress.finished)
        counts = run(f"{seed} {number}", min(round_, replays - total["replays"]), life)
        progress.finish(str(number), counts)
        total += counts
        told(f"round {number}: {total['replays']} of {replays} replays, and no second effect")
    told(", ".join(f"{n} {what}" for what, n in sorted(total.items())))
