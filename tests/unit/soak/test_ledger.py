"""The judge of the kill campaign: it finds nothing in a good round, and whatever is spoilt."""

import ast
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.soak.ledger import STATEMENTS, Evidence, ends, judge
from tests.soak.progress import ROOT
from tests.unit.soak.made_round import make

JSON = Any
Spoil = Callable[[Path], None]
JOURNAL, VTN = "acme/journal.db", "vtn/vtn.db"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("round") / "good")


@pytest.fixture
def copy(good: Path, tmp_path: Path) -> Path:
    shutil.copytree(good, tmp_path / "copy")
    return tmp_path / "copy"


def sql(database: str, statement: str) -> Spoil:
    def do(folder: Path) -> None:
        with closing(sqlite3.connect(folder / database)) as db, db:
            assert db.execute(statement).rowcount > 0

    return do


def lines(name: str, edit: Callable[[list[JSON]], None]) -> Spoil:
    """Edit a file of JSON lines, in place."""

    def do(folder: Path) -> None:
        found = [json.loads(line) for line in (folder / name).read_text().splitlines()]
        edit(found)
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in found))

    return do


def device(edit: Callable[[list[JSON]], None]) -> Spoil:
    return lines("acme/devices/A1.jsonl", edit)


def both(*spoils: Spoil) -> Spoil:
    def do(folder: Path) -> None:
        for spoil in spoils:
            spoil(folder)

    return do


def without(kind: str, thread: str) -> str:
    """Which texts to take away: SQL."""
    return f'text LIKE \'%"kind":"{kind}"%\' AND text LIKE \'%"thread":"{thread}"%\''


def unheard(kind: str, thread: str) -> Spoil:
    """The wire does not know of this text either: it was never answered, nor shown."""

    def edit(exchanges: list[JSON]) -> None:
        wanted = (f'"kind": "{kind}"', f'\\"kind\\":\\"{kind}\\"'), thread
        exchanges[:] = [
            x
            for x in exchanges
            if not (any(w in json.dumps(x) for w in wanted[0]) and wanted[1] in json.dumps(x))
        ]

    return lines("http.jsonl", edit)


def again(found: list[JSON]) -> None:
    """The same command once more, under another name."""
    found.insert(1, {**found[0], "id": "c1-2", "at": "2026-11-24T06:05:00Z"})


def known(name: str, like: str) -> Spoil:
    """The journal knows of a command `name`, which says what `like` says."""
    statement = f"INSERT INTO commands SELECT '{name}', valid_from, valid_to, delta_w, sent_order, state FROM commands WHERE id = '{like}'"
    return sql(JOURNAL, statement)


def never_released(found: list[JSON]) -> None:
    del found[2]


@dataclass(frozen=True)
class Spoilt:
    """`spoil` changes the evidence; just these statements must be broken."""

    what: str
    spoil: Spoil
    broken: tuple[str, ...]


# fmt: off
SPOILT = (
    Spoilt("an object that was answered is lost", sql(VTN, "DELETE FROM objects WHERE id LIKE 'report-%' AND body LIKE '%ceased%'"), ("what_was_answered_is_stored",)),
    Spoilt("an object is as it was before", sql(VTN, "UPDATE objects SET body = replace(body, '2026-11-24T06:31:00Z', '2026-11-24T06:30:00Z') WHERE body LIKE '%ceased%'"), ("what_was_answered_is_stored",)),
    Spoilt("an order that was answered is lost", both(sql(VTN, f"DELETE FROM messages WHERE {without('instruction', 'UNREAD')}"), sql(VTN, "DELETE FROM alarms WHERE thread = 'UNREAD'")), ("what_was_answered_is_stored",)),
    Spoilt("the text of a report that was answered is lost", sql(VTN, f"DELETE FROM messages WHERE {without('response', 're-LAPSED')}"), ("what_was_answered_is_stored", "what_an_agent_said_is_in_its_journal")),
    Spoilt("an agent was shown what a kill took back", lines("http.jsonl", lambda xs: xs[-1].update(method="GET", path="/events", status=200, response=[{"intervals": [{"payloads": [{"type": "UKFLEX_MESSAGE", "values": ["{}"]}]}]}])), ("what_was_shown_is_stored",)),
    Spoilt("an acknowledged text is not in the journal", sql(JOURNAL, f"DELETE FROM entries WHERE {without('schedule', 'LAPSED')}"), ("what_an_agent_acknowledged_is_in_its_journal",)),
    Spoilt("a text was acknowledged, and held to be refused", sql(JOURNAL, f"UPDATE entries SET verdict = 'late' WHERE {without('schedule', 'LAPSED')}"), ("what_an_agent_acknowledged_is_in_its_journal",)),
    Spoilt("an agent forgot what it said", sql(JOURNAL, f"DELETE FROM entries WHERE {without('status', 'st-FAILED')}"), ("what_an_agent_said_is_in_its_journal", "devices_held_what_was_acknowledged")),
    Spoilt("an agent holds what the VTN does not", both(sql(VTN, f"DELETE FROM messages WHERE {without('schedule', 'LAPSED')}"), unheard("schedule", "LAPSED")), ("what_an_agent_said_is_in_its_journal",)),
    Spoilt("a text is another than was signed", sql(VTN, f"UPDATE messages SET signatures = (SELECT signatures FROM messages WHERE number = 1) WHERE {without('instruction', 'UNREAD')}"), ("every_text_is_signed_by_its_issuer",)),
    Spoilt("two texts of one number", sql(JOURNAL, "INSERT INTO entries SELECT NULL, replace(text, '07:50:00Z', '07:49:00Z'), signatures, 'refused', received_at FROM entries WHERE text LIKE '%\"thread\":\"LAPSED\"%' LIMIT 1"), ("what_an_agent_said_is_in_its_journal", "every_text_is_signed_by_its_issuer", "no_number_is_used_twice")),
    Spoilt("a device took what nobody sent", sql(JOURNAL, "DELETE FROM commands WHERE id = 'c2'"), ("devices_took_what_was_planned_and_nothing_else",)),
    Spoilt("a device took something else", sql(JOURNAL, "UPDATE commands SET delta_w = 300001 WHERE id = 'c2'"), ("devices_took_what_was_planned_and_nothing_else",)),
    Spoilt("a confirmed command reached no device", known("c4", "c1"), ("devices_took_what_was_planned_and_nothing_else",)),
    Spoilt("a device took one id twice", device(lambda found: found.append({**found[-1], "at": "2026-11-24T06:31:00Z"})), ("no_command_was_executed_twice",)),
    Spoilt("a device was told again what it did already", both(device(again), known("c1-2", "c1")), ("no_command_was_executed_twice",)),
    Spoilt("a device held less than was asked", both(device(lambda found: found[0].update(delta_w=390_000)), sql(JOURNAL, "UPDATE commands SET delta_w = 390000 WHERE id = 'c1'")), ("devices_held_what_was_acknowledged",)),
    Spoilt("a device held more than a dispatch that failed asked", both(device(lambda found: found.append({"at": "2026-11-24T06:51:00Z", "id": "c4", "from": "2026-11-24T07:00:00Z", "to": "2026-11-24T07:20:00Z", "delta_w": 1_000_000, "threads": ["FAILED"]})), sql(JOURNAL, "INSERT INTO commands VALUES ('c4', '2026-11-24T07:00:00Z', '2026-11-24T07:20:00Z', 1000000, 9, 'CONFIRMED')")), ("devices_held_what_was_acknowledged",)),
    Spoilt("a device ran on after a cease", both(device(never_released), sql(JOURNAL, "DELETE FROM commands WHERE id = 'c3'")), ("devices_held_what_was_acknowledged", "nothing_ran_after_a_stop")),
    Spoilt("an accepted dispatch has no end", both(sql(VTN, f"DELETE FROM messages WHERE {without('status', 'st-FAILED')}"), unheard("status", "st-FAILED"), sql(JOURNAL, "DELETE FROM outbox WHERE body LIKE '%failed%'")), ("every_dispatch_was_delivered_or_told_of",)),
    Spoilt("a dispatch failed, and nobody was alarmed", sql(VTN, "DELETE FROM alarms WHERE thread = 'FAILED'"), ("every_dispatch_was_delivered_or_told_of",)),
    Spoilt("a dispatch lapsed, and nobody was alarmed", sql(VTN, "DELETE FROM alarms WHERE thread = 'LAPSED'"), ("every_dispatch_was_delivered_or_told_of",)),
    Spoilt("a dispatch was never read, and nobody was alarmed", sql(VTN, "DELETE FROM alarms WHERE thread = 'UNREAD'"), ("every_dispatch_was_delivered_or_told_of", "what_was_overdue_was_alarmed")),
    Spoilt("the desk was alarmed of another text", sql(VTN, "UPDATE alarms SET key = 'NORTH:C1/ACME/UNREAD/unacknowledged/1' WHERE thread = 'UNREAD'"), ("what_was_overdue_was_alarmed",)),
    Spoilt("a dispatch is said to have run, and no device knows of it", device(lambda found: [line.update(threads=["OTHER"]) for line in found]), ("every_dispatch_was_delivered_or_told_of",)),
    Spoilt("a report waits for ever", sql(JOURNAL, "UPDATE outbox SET state = 'QUEUED' WHERE body LIKE '%ceased%'"), ("nothing_was_left_undone",)),
    Spoilt("a report was refused", sql(JOURNAL, "UPDATE outbox SET state = 'REFUSED', error = '400, BODY_INVALID' WHERE body LIKE '%ceased%'"), ("nothing_was_left_undone",)),
    Spoilt("a command is still on its way", sql(JOURNAL, "UPDATE commands SET state = 'SENT' WHERE id = 'c3'"), ("nothing_was_left_undone",)),
)
# fmt: on


def broken(folder: Path) -> tuple[str, ...]:
    """The statements that are broken, in their order."""
    found = {fault.partition(":")[0].replace(" ", "_") for fault in judge(Evidence(folder))}
    return tuple(s.__name__ for s in STATEMENTS if s.__name__ in found)


def test_nothing_is_found_in_a_good_round(good: Path) -> None:
    assert judge(Evidence(good)) == []
    assert ends(Evidence(good)) == {"ceased": 1, "failed": 1, "not taken up": 2}


@pytest.mark.parametrize("spoilt", SPOILT, ids=lambda spoilt: spoilt.what)
def test_whatever_is_spoilt_is_found_and_named(copy: Path, spoilt: Spoilt) -> None:
    spoilt.spoil(copy)
    assert broken(copy) == spoilt.broken, judge(Evidence(copy))


def test_every_statement_is_broken_by_something() -> None:
    assert {s.__name__ for s in STATEMENTS} == {name for one in SPOILT for name in one.broken}


def test_an_agent_that_nobody_saw_is_not_blamed_for_what_it_could_not_do(copy: Path) -> None:
    """Dead from the cease on: the device runs to the end of what it was told."""
    device(never_released)(copy)
    sql(JOURNAL, "DELETE FROM commands WHERE id = 'c3'")(copy)

    def unseen(exchanges: list[JSON]) -> None:
        exchanges[:] = [
            x
            for x in exchanges
            if not ("T06:30:3" < x["at"][10:] < "T06:40:00" and x["path"] == "/events")
        ]

    lines("http.jsonl", unseen)(copy)
    assert judge(Evidence(copy)) == []


def test_the_judge_imports_nothing_of_what_it_judges() -> None:
    for path in (ROOT / "tests" / "soak" / "ledger").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [a.name for a in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                top = name.split(".")[0]
                assert top not in ("ukprofile", "vtn", "ven", "demo", "plugfest"), f"{path}: {name}"
                assert top != "tests" or name.startswith("tests.soak.ledger"), f"{path}: {name}"
