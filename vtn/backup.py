"""`ukvtn backup` and `ukvtn restore`: from a data directory to one file, and back.

    DIR/vtn.db ── one snapshot ──▶ FILE          a server in DIR goes on meanwhile

    FILE ─▶ DIR/.restoring: checked, whose? newer than what is there? put back (vtn.storage)
         ─▶ the database of DIR gets a further name, vtn.db.replaced-TIME
         ─▶ vtn.db is replaced in one step: cut anywhere before, nothing has changed

Keys of a directory are never replaced: they are newer than any backup of them.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ukprofile.errors import Refused
from ukprofile.flex.times import time_text
from vtn.archive import KEYS, Manifest, Progress, sync_folder, unpack, write_archive
from vtn.settings import Identity, Place, SettingsError
from vtn.storage.backup import (
    Facts,
    PutBack,
    check_store,
    copy_store,
    facts_of,
    put_back,
    set_aside,
)
from vtn.storage.sqlite import locked


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did: `aside` is where the database went that it replaced, `keys` the files
    of keys that it put where there were none.
    """

    manifest: Manifest
    put_back: PutBack
    aside: Path | None
    keys: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Lost texts as `contract thread revision`; nothing is known of them if not compared."""
        done = self.put_back
        return {
            "from": time_text(done.gap.since),
            "until": time_text(done.gap.until),
            "kept_aside": "" if self.aside is None else str(self.aside),
            "keys": list(self.keys),
            "compared": done.compared,
            "lost": [f"{o.slot.program} {o.slot.thread} {o.revision}" for o in done.lost],
            "still_shut": list(done.shut),
        }


def back_up(
    place: Place, file: Path, now: datetime, progress: Progress, *, keys: bool, force: bool
) -> Manifest:
    """Write a backup of the VTN in `place` to `file`, whether a server runs there or not.

    `keys`: the private keys go into it too. Raises SettingsError, Refused STORE_DOWN, OSError.
    """
    identity = _identity(place)
    if file.exists() and not force:
        raise SettingsError(f"{file} is there already: choose another name, or say --force")
    if not place.database.exists():
        raise SettingsError(f"there is no database in {place.path}")
    around = file.absolute().parent
    with tempfile.TemporaryDirectory(prefix=".ukvtn-backup-", dir=around) as folder:
        copy = Path(folder) / "vtn.db"
        copy_store(place.database, copy, lambda done, all_: progress("copying", done, all_))
        facts = facts_of(copy)
        manifest = Manifest(
            identity,
            taken_at=time_text(now),
            newest="" if facts.newest is None else time_text(facts.newest),
            texts=facts.texts,
            schema=facts.schema,
            keys=keys,
        )
        beside = ("identity.json", *(KEYS if keys else ()))
        members = {name: place.path / name for name in beside}
        write_archive(file, manifest, {**members, "vtn.db": copy}, now, progress)
        return manifest


def restore(
    place: Place,
    file: Path,
    now: datetime,
    progress: Progress,
    *,
    force: bool,
    new_keys: bool,
    clock_is_right: bool = False,
) -> Restored:
    """Make the backup in `file` the store of `place`, where no server may run.

    `now` is the business clock. `force`: though what is there is newer, or cannot be read.
    `new_keys`: though the next start will make new signing keys, which every FSP has to pin.
    `clock_is_right`: though the backup knows of a time after `now`.
    Raises ArchiveError, SettingsError, Refused STORE_DOWN: then nothing was changed.
    """
    place.make()
    with _alone(place), _folder(place.path / ".restoring") as folder:
        manifest = unpack(file, folder, progress)
        check_store(folder / "vtn.db")
        _check_identity(place, manifest.identity)
        missing = [name for name in KEYS if not (place.path / name).exists()]
        if "dso_keys.json" in missing and not manifest.keys and not new_keys:
            raise SettingsError(
                f"neither {file} nor {place.path} has the DSO's signing keys: put dso_keys.json "
                "there, or say --new-keys and have every FSP pin the new ones"
            )
        replaced = place.database if place.database.exists() else None
        if replaced is not None and not force:
            _check_newer(replaced, facts_of(folder / "vtn.db"))
        progress("putting back", 0, 1)
        done = put_back(
            folder / "vtn.db",
            replaced,
            manifest.identity.environment,
            manifest.identity.dso,
            now,
            clock_is_right=clock_is_right,
        )
        keys = tuple(name for name in missing if (folder / name).exists())
        for name in keys:
            (folder / name).rename(place.path / name)
        aside = set_aside(place.database, f"vtn.db.replaced-{_stamp(now)}")
        (folder / "vtn.db").replace(place.database)
        if place.identity() is None:  # last: without it no server starts on what is not whole
            (folder / "identity.json").rename(place.path / "identity.json")
        sync_folder(place.path)
        progress("putting back", 1, 1)
    return Restored(manifest, done, aside, keys)


@contextmanager
def _alone(place: Place) -> Iterator[None]:
    """No server, and no command, on the database as long as this lasts."""
    lock = locked(place.database)
    try:
        yield
    finally:
        os.close(lock)


@contextmanager
def _folder(path: Path) -> Iterator[Path]:
    """An empty folder: what an earlier restore left there is cleared away."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(mode=0o700)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _check_identity(place: Place, theirs: Identity) -> None:
    mine = place.identity()
    if mine is not None and mine != theirs:
        raise SettingsError(
            f"{place.path} is {mine.vtn_id} of {mine.dso} in {mine.environment}, the backup is of "
            f"{theirs.vtn_id} of {theirs.dso} in {theirs.environment}: use another directory"
        )


def _check_newer(path: Path, backup: Facts) -> None:
    try:
        here = facts_of(path)
    except Refused as refused:
        raise SettingsError(
            f"{refused.detail}; nobody can tell whether it is newer than the backup: --force "
            "replaces it, and keeps it aside"
        ) from refused
    if here.sequence > backup.sequence or here.texts > backup.texts:
        newest = "nothing" if here.newest is None else time_text(here.newest)
        raise SettingsError(
            f"{path} is newer than the backup: it knows of {newest}, and of "
            f"{here.texts - backup.texts:+} signed texts; --force replaces it, and keeps it aside"
        )


def _identity(place: Place) -> Identity:
    held = place.identity()
    if held is None:
        raise SettingsError(f"no VTN in {place.path}")
    return held


def _stamp(now: datetime) -> str:
    return f"{now:%Y%m%dT%H%M%SZ}"
