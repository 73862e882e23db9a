"""A data directory in one file and back: what goes in, what is refused, what is kept aside."""

import os
import sqlite3
import tarfile
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.ven.dso import CONTRACT, FSP7, NOON, terms
from ukprofile.clock import ManualClock
from ukprofile.errors import Refused
from vtn.app import open_vtn
from vtn.archive import ArchiveError
from vtn.backup import back_up, restore
from vtn.domain.record import Role
from vtn.domain.restored import read_restored
from vtn.settings import Place, Settings, SettingsError
from vtn.storage.backup import copy_store, facts_of

MINUTE = timedelta(minutes=1)


def quiet(_what, _done, _all):
    """No bar."""


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "vtn")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "backup.tar"


def opened(place, now=NOON, dso="UKPN"):
    settings = Settings(data_dir=place.path, dso=dso, sandbox=True)
    return open_vtn(settings, clock=ManualClock(now))


async def with_a_contract(place):
    async with opened(place) as vtn:
        await vtn.office.add_client("FSP7", Role.VEN)
        await vtn.office.add_key_set(FSP7.public().to_json())
        await vtn.office.add_contract(terms(), "FSP7")


def taken(place, file, keys=False, force=False):
    return back_up(place, file, NOON, quiet, keys=keys, force=force)


def back(place, file, now=NOON + MINUTE, force=False, new_keys=False):
    return restore(place, file, now, quiet, force=force, new_keys=new_keys)


async def test_what_was_backed_up_is_there_again_in_another_directory(place, file, tmp_path):
    await with_a_contract(place)
    made = taken(place, file, keys=True)
    assert (made.identity.dso, made.newest, made.texts, made.keys) == (
        "UKPN",
        "2026-11-24T16:00:00Z",
        1,
        True,
    )
    assert file.stat().st_mode & 0o777 == 0o600
    other = Place(tmp_path / "other")
    done = back(other, file)
    assert (done.aside, done.keys) == (None, ("dso_keys.json", "token_key.json"))
    assert other.identity() == place.identity()
    assert other.dso_keys.read_bytes() == place.dso_keys.read_bytes()
    assert other.dso_keys.stat().st_mode & 0o777 == 0o600
    assert {p.name for p in other.path.iterdir()} == {
        "identity.json",
        "dso_keys.json",
        "token_key.json",
        "vtn.db",
        "vtn.db.lock",
    }
    async with opened(other, NOON + MINUTE) as vtn:
        assert [contract.name for contract in vtn.office.contracts()] == [CONTRACT]


async def test_without_a_word_no_private_key_leaves_the_directory(place, file, tmp_path):
    await with_a_contract(place)
    taken(place, file)
    with tarfile.open(file) as tar:
        assert tar.getnames() == ["manifest.json", "identity.json", "vtn.db", "SHA256SUMS"]
    secret = place.read_secret(place.dso_keys)["Ed25519"]["seed"]
    assert secret.encode() not in file.read_bytes()
    other = Place(tmp_path / "other")
    with pytest.raises(SettingsError, match=r"neither .* has the DSO's signing keys"):
        back(other, file)
    back(other, file, new_keys=True)
    async with opened(other, NOON + MINUTE) as vtn:
        assert vtn.keys.key_set not in place.dso_keys.read_text()


async def test_it_is_copied_while_a_server_writes_and_keeps_no_write_waiting(place, file):
    """A long copy: the writer goes on between its steps, and the copy is of one moment."""
    async with opened(place) as vtn:
        for n in range(3):
            await vtn.store.write(lambda tx, n=n: tx.put_setting(f"s{n}", "x" * 1_500_000))
        seen = []

        def step(done, all_):
            """Between two steps of the copy, another connection commits at once."""
            with closing(sqlite3.connect(place.database, timeout=0)) as db, db:
                db.execute("INSERT INTO settings VALUES (?, '')", (f"during {len(seen)}",))
            seen.append((done, all_))

        copy_store(place.database, file, step)
        assert len(seen) > 1
        assert seen[-1][0] == seen[-1][1]
        with closing(sqlite3.connect(file)) as db:
            names = {row[0] for row in db.execute("SELECT name FROM settings")}
        assert {"s0", "s1", "s2"} <= names
        assert not any(name.startswith("during") for name in names)


async def test_a_newer_store_is_replaced_only_by_force_and_kept_aside(place, file):
    await with_a_contract(place)
    taken(place, file)
    async with opened(place, NOON + MINUTE) as vtn:
        await vtn.office.add_client("FSP8", Role.VEN)
    before = place.database.read_bytes()
    with pytest.raises(SettingsError, match=r"newer than the backup: it knows of .*16:01:00Z"):
        back(place, file)
    assert place.database.read_bytes() == before
    done = back(place, file, force=True)
    assert done.aside.name == "vtn.db.replaced-20261124T160100Z"
    with closing(sqlite3.connect(done.aside)) as db:
        kept = {row[0] for row in db.execute("SELECT client_id FROM clients")}
    assert kept == {"fsp7", "fsp8"}
    async with opened(place, NOON + MINUTE) as vtn:
        assert set(vtn.store.live.clients) == {"fsp7"}


async def test_what_was_shut_since_the_backup_stays_shut(place, file):
    await with_a_contract(place)
    async with opened(place) as vtn:
        await vtn.office.add_client("desk", Role.BL)
    taken(place, file)
    async with opened(place, NOON + MINUTE) as vtn:
        await vtn.office.revoke_key_set("FSP7-1")
        await vtn.office.raise_floor("FSP7", 2)
        await vtn.office.disable_client("desk")
        client, _ = await vtn.office.new_secret("fsp7")
    done = back(place, file, force=True)
    assert done.put_back.shut == (
        "key set FSP7-1 is revoked",
        "suite floor of FSP7 is 2",
        "client desk is disabled",
        "client fsp7 has its newest secret",
    )
    async with opened(place, NOON + MINUTE) as vtn:
        assert vtn.office.register.get("FSP7-1").revoked_at == NOON + MINUTE
        assert vtn.office.register.floor("FSP7") == 2
        assert vtn.store.live.clients["desk"].disabled
        assert vtn.store.live.clients["fsp7"].secret_hash == client.secret_hash


async def test_a_damaged_store_is_replaced_by_force_and_nothing_is_compared(place, file):
    await with_a_contract(place)
    taken(place, file)
    raw = bytearray(place.database.read_bytes())
    raw[100:4096] = os.urandom(3996)
    place.database.write_bytes(raw)
    with pytest.raises(SettingsError, match="nobody can tell whether it is newer"):
        back(place, file)
    done = back(place, file, force=True)
    assert not done.put_back.compared
    assert done.aside.read_bytes() == raw
    async with opened(place, NOON + MINUTE) as vtn:
        restored = await vtn.store.read(read_restored)
        assert [(gap.since, gap.until) for gap in restored.gaps] == [(NOON, NOON + MINUTE)]
        assert [contract.name for contract in vtn.office.contracts()] == [CONTRACT]


async def test_what_is_left_of_a_lost_database_is_not_taken_for_part_of_the_new_one(place, file):
    """Its log is still there: of a server that was killed, on a disk that lost the rest."""
    await with_a_contract(place)
    taken(place, file)
    with closing(sqlite3.connect(place.database)) as db:
        db.execute("INSERT INTO settings VALUES ('lost', '')")
        db.commit()
        log = place.path / "vtn.db-wal"
        kept = log.read_bytes()
    place.database.unlink()
    log.write_bytes(kept)
    back(place, file)
    assert not log.exists()
    async with opened(place, NOON + MINUTE) as vtn:
        assert [contract.name for contract in vtn.office.contracts()] == [CONTRACT]


async def test_no_byte_of_a_backup_changes_unseen(place, file):
    async with opened(place):
        pass
    taken(place, file, keys=True)
    whole = file.read_bytes()
    with tarfile.open(file) as tar:
        spans = [(m.offset_data, m.size) for m in tar]
    back(place, file, force=True)
    before = place.database.read_bytes()
    for start, size in spans:
        for at in (start, start + size // 2, start + size - 1):
            spoilt = bytearray(whole)
            spoilt[at] ^= 1
            file.write_bytes(spoilt)
            with pytest.raises(ArchiveError, match="is damaged"):
                back(place, file, force=True)
    for length in (0, 100, 600, len(whole) // 2, spans[-1][0]):
        file.write_bytes(whole[:length])
        with pytest.raises(ArchiveError, match=r"damaged|no backup"):
            back(place, file, force=True)
    assert place.database.read_bytes() == before


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "vtn.log"])
async def test_nothing_but_what_a_backup_has_is_unpacked(place, file, tmp_path, name):
    async with opened(place):
        pass
    stray = tmp_path / "stray"
    stray.write_text("x")
    with tarfile.open(file, "w") as tar:
        tar.add(stray, name)
    with pytest.raises(ArchiveError, match="is in it"):
        back(place, file, force=True)


async def test_a_backup_of_another_vtn_or_onto_a_served_one_is_refused(place, file, tmp_path):
    async with opened(place):
        taken(place, file, keys=True)
        with pytest.raises(Refused, match="another process has"):
            back(place, file, force=True)
    other = Place(tmp_path / "other")
    async with opened(other, dso="SSEN"):
        pass
    with pytest.raises(SettingsError, match=r"of SSEN in sandbox, the backup is of .* of UKPN"):
        back(other, file, force=True)


async def test_a_clock_behind_the_backup_is_set_first(place, file):
    await with_a_contract(place)
    taken(place, file)
    with pytest.raises(Refused, match="the clock says 2026-11-24T15:00:00Z: set the clock"):
        back(place, file, now=NOON - 60 * MINUTE, force=True)


async def test_a_clock_that_was_ahead_at_the_backup_is_said_to_be_right(place, file):
    """Something of the right time is in it, too: the gap begins no later than that."""
    async with opened(place):
        pass
    async with opened(place, NOON) as vtn:
        await vtn.office.add_client("FSP7", Role.VEN)
    async with opened(place, NOON + 60 * MINUTE) as vtn:
        await vtn.office.add_client("FSP8", Role.VEN)
    taken(place, file)
    done = restore(
        place, file, NOON + MINUTE, quiet, force=True, new_keys=False, clock_is_right=True
    )
    assert (done.put_back.gap.since, done.put_back.gap.until) == (NOON, NOON + MINUTE)


async def test_a_file_that_is_there_is_replaced_only_by_force(place, file):
    async with opened(place):
        pass
    file.write_text("precious")
    with pytest.raises(SettingsError, match="is there already"):
        taken(place, file)
    assert file.read_text() == "precious"
    taken(place, file, force=True)
    assert tarfile.is_tarfile(file)


async def test_where_there_is_no_vtn_there_is_nothing_to_back_up(place, file):
    with pytest.raises(SettingsError, match="no VTN in"):
        taken(place, file)
    assert not file.exists()


async def test_change_numbers_go_on_above_every_number_that_can_have_been_used(place, file):
    await with_a_contract(place)
    taken(place, file)
    back(place, file, force=True)
    numbers = facts_of(place.database).sequence
    assert numbers == (NOON + MINUTE - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        microseconds=1
    )
    # put back again with a clock that went back: what can be read of the last life counts
    back(place, file, now=NOON, force=True)
    assert facts_of(place.database).sequence == numbers
