"""Importing a published history: whole or not at all, once, beside other writes, in flat memory."""

import asyncio
import csv
import json
import tracemalloc
from datetime import datetime, timedelta
from fractions import Fraction
from io import BytesIO

import pytest

from tests.published import START, available, cells, published
from tests.shared import SHARED, needs_shared
from ukprofile.errors import Refused
from vtn.app import open_vtn
from vtn.cli import main
from vtn.control import controlled, running_alone
from vtn.domain.history import BATCH
from vtn.importing import look_at, take_in
from vtn.settings import Place, Settings
from vtn.tell import telling

MINUTE = timedelta(minutes=1)


def quiet(_read):
    """Nobody looks on."""


@pytest.fixture
async def vtn(tmp_path):
    """The directory of a VTN that does not run."""
    async with open_vtn(settings(tmp_path / "vtn")):
        pass
    return tmp_path / "vtn"


def settings(path):
    return Settings(data_dir=path, dso="UKPN", sandbox=True)


def import_of(tell, file):
    return take_in(tell, BytesIO(file), "h.csv", quiet)


def alone(path, work):
    """What `work` comes to with the database open; where a loop runs already, in a thread."""

    def run():
        with running_alone(path) as tell:
            return work(tell)

    return asyncio.to_thread(run)


def held(tell):
    """The ids of every row of the day."""
    return [one["id"] for one in tell("history.rows", {"day": "2025-06-20"})]


REAL = SHARED / "data" / "ukpn-flexibility-dispatches-2024-05-to-2025-06.csv"


def reckoned():
    """The real file added up by other means: MW x hours x price, half to even for each row."""
    keys, sums = set(), dict.fromkeys(EXPECTED, 0)
    with REAL.open(newline="") as file:
        for row in csv.DictReader(file):
            end, start = (datetime.fromisoformat(row[f"{w}_time_utc"]) for w in ("end", "start"))
            hours = Fraction(int((end - start).total_seconds()), 3600)
            used = Fraction(row["utilisation_mw_req"]) * hours
            ready = Fraction(row["availability_mw_req"]) * hours
            keys.add((row["company_name"], row["fu_id"], row["product"], row["start_time_utc"]))
            sums["rows"] += 1
            sums["dispatches" if used else "availability_windows"] += 1
            sums["utilisation_energy_wh"] += used * 1_000_000
            sums["utilisation_minor"] += round(used * Fraction(row["utilisation_price"]) * 100)
            sums["availability_minor"] += round(ready * Fraction(row["availability_price"]) * 100)
    return sums | {"duplicates": sums["rows"] - len(keys)}


EXPECTED = {
    "rows": 8531,
    "dispatches": 7113,
    "availability_windows": 1418,
    "duplicates": 256,
    "utilisation_energy_wh": 1_822_077_500,
    "utilisation_minor": 19_940_970,
    "availability_minor": 4_598_526,
}


@needs_shared
async def test_the_history_of_a_real_dso_is_imported_whole_and_adds_up(vtn):
    assert reckoned() == EXPECTED

    def work(tell):
        with REAL.open("rb") as file:
            made = take_in(tell, file, REAL.name, quiet)
        day = tell("history.rows", {"day": "2025-06-20"})
        return made, tell("history.days", {}), day

    made, days, day = await alone(vtn, work)
    assert made == EXPECTED | {"imported": 8531, "held_already": 0, "import": 1}
    assert {name: sum(one[name] for one in days) for name in EXPECTED} == EXPECTED
    assert (len(day), sum(one["kind"] == "dispatch" for one in day)) == (63, 48)
    assert len({one["id"] for one in day}) == 63


FIRST, DEARER = cells(), cells(utilisation_price="95.0")
READY = available(fu_id="SEVEN-2")


async def test_the_same_file_changes_nothing_and_of_a_newer_one_only_what_is_new_is_taken(vtn):
    old = published(FIRST, DEARER, READY)
    corrected = cells(utilisation_price="96.0")
    same_twice = available(fu_id="SEVEN-3")
    # the newest first, as published; the two of one key the other way round
    newer = published(same_twice, same_twice, corrected, DEARER, FIRST, READY)

    def work(tell):
        made = [import_of(tell, file) for file in (old, old, newer, newer)]
        return made, tell("history.imports", {}), held(tell)

    made, imports, ids = await alone(vtn, work)
    assert [(one["imported"], one["held_already"]) for one in made] == [
        (3, 0),
        (0, 3),
        (3, 3),
        (0, 6),
    ]
    assert [one["duplicates"] for one in made] == [1, 1, 3, 3]
    assert [(one["rows"], one["new"]) for one in imports] == [(3, 3), (6, 3)]
    at = "Peak Reduction/2025-06-20T15:30:00Z"
    assert ids == [
        f"FSP Seven Ltd/{unit}/{at}/{ordinal}"
        for unit, last in (("SEVEN-1", 3), ("SEVEN-2", 1), ("SEVEN-3", 2))
        for ordinal in range(1, last + 1)
    ]


async def test_where_a_row_is_wrong_everything_wrong_is_told_and_nothing_is_imported(vtn):
    rows = [cells(START + n * MINUTE) for n in range(2 * BATCH)]
    wrong = cells(utilisation_mw_req="NaN")
    file = published(*rows, *[wrong] * 7)

    def work(tell):
        with pytest.raises(Refused) as refused:
            import_of(tell, file)
        with pytest.raises(Refused, match="import 1 is not under way"):
            tell("history.finish", {"import": 1, "rows": 0})
        with pytest.raises(Refused) as dry:
            look_at(BytesIO(file), "h.csv", quiet)
        with pytest.raises(Refused, match="holds no row"):
            import_of(tell, published())
        with pytest.raises(Refused, match="line 3: byte 1 is not UTF-8"):
            import_of(tell, published(FIRST) + b"\xff\n")
        after = tell("history.days", {}), tell("history.imports", {})
        return refused.value, dry.value, after, import_of(tell, published(*rows))["imported"]

    refused, dry, after, imported = await alone(vtn, work)
    assert refused.detail == dry.detail
    told = refused.detail.split("; ")
    assert [one.split(",")[1] for one in told[:-1]] == [f" line {n}" for n in range(202, 207)]
    assert told[-1] == "and 2 rows more"
    assert after == ([], [])
    assert imported == 2 * BATCH


async def test_an_import_that_was_cut_short_is_seen_by_nobody_and_the_next_one_is_whole(vtn):
    rows = [cells(START + n * MINUTE) for n in range(BATCH + 5)]

    def cut_short(tell):
        def dying(name, given):
            if name in ("history.finish", "history.abandon"):
                raise OSError("the process is gone")
            return tell(name, given)

        with pytest.raises(OSError, match="gone"):
            import_of(dying, published(*rows))
        return tell("history.days", {}), tell("history.imports", {})

    assert await alone(vtn, cut_short) == ([], [])

    def next_one(tell):
        before = tell("history.days", {})
        tell("history.begin", {"name": "i.csv"})
        with pytest.raises(Refused, match="import 1 is not under way"):
            tell("history.finish", {"import": 1, "rows": 1})
        made = import_of(tell, published(*rows, READY))
        return before, made["imported"], len(held(tell))

    assert await alone(vtn, next_one) == ([], BATCH + 6, BATCH + 6)


async def test_other_writes_go_between_the_batches_of_an_import(tmp_path):
    rows = [cells(START + n * MINUTE) for n in range(8 * BATCH)]
    path = tmp_path / "vtn"

    def work():
        with telling(path) as tell:
            return import_of(tell, published(*rows))

    async with open_vtn(settings(path)) as opened, controlled(opened, Place(path).control):
        importing = asyncio.create_task(asyncio.to_thread(work))
        between = 0
        while not importing.done():
            await opened.store.write(lambda tx: tx.put_setting("desk", "here"))
            staged = await opened.store.read(lambda tx: tx.imports())
            between += any(0 < one.new < len(rows) for one in staged)
        assert (await importing)["imported"] == len(rows)
    assert between >= 4


async def test_memory_is_flat_however_long_the_file_is(vtn):
    def file(count):
        return published(*(cells(START + n * MINUTE, zone=f"Zone {n}") for n in range(count)))

    def work(tell):
        peaks = []
        for one in (file(20), file(BATCH), file(10 * BATCH)):
            tracemalloc.start()
            import_of(tell, one)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        return peaks

    _warm, short, tenfold = await alone(vtn, work)
    # the rows of the longer file alone, were they held, would be more than half a megabyte
    assert tenfold - short < 400_000, (short, tenfold)


def test_the_command_says_what_was_done_and_exits_with_its_code(tmp_path, capsys):
    async def made():
        async with open_vtn(settings(tmp_path / "vtn")):
            pass

    def ukvtn(*words):
        with pytest.raises(SystemExit) as ended:
            main([*words])
        return ended.value.code, *capsys.readouterr()

    asyncio.run(made())
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_bytes(published(FIRST, DEARER, READY))
    bad.write_bytes(published(FIRST, cells(utilisation_price="1e999")))
    into = ("--data-dir", str(tmp_path / "vtn"))
    # without a VTN
    code, out, err = ukvtn("import", "dispatches", str(good), "--dry-run", "--json")
    assert (code, json.loads(out), err) == (
        0,
        {
            "rows": 3,
            "dispatches": 2,
            "availability_windows": 1,
            "duplicates": 1,
            "utilisation_energy_wh": 40_000,
            "utilisation_minor": 370,
            "availability_minor": 50,
        },
        "",
    )
    code, out, err = ukvtn("import", "dispatches", str(bad), *into)
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert "bad.csv, line 3, column utilisation_price: '1e999' is no number" in err
    assert "nothing new" not in ukvtn("import", "dispatches", str(good), *into)[1]
    assert "nothing new" in ukvtn("import", "dispatches", str(good), *into)[1]
    assert "good.csv" in ukvtn("import", "list", *into)[1]
    days = json.loads(ukvtn("history", "--json", "--company", "FSP Seven Ltd", *into)[1])
    assert [(one["day"], one["rows"]) for one in days] == [("2025-06-20", 3)]
    assert "50,000" in ukvtn("history", "--day", "2025-06-20", *into)[1]
    assert ukvtn("history", "--day", "20 June", *into)[0] == 2
    assert ukvtn("import", "dispatches")[0] == 2
    assert "No such file" in ukvtn("import", "dispatches", str(tmp_path / "none.csv"))[2]
