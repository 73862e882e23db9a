"""A backup as one file: a tar that anybody can look into, and check with the tools of any system.

    manifest.json     whose VTN it is, when it was taken, what it knows
    identity.json     as in the data directory
    dso_keys.json     only where it was asked for: private keys
    token_key.json    the same
    vtn.db            the database, as it was at one moment
    SHA256SUMS        of everything before it: sha256sum --check SHA256SUMS

It is written beside its place under another name and put there in one step, for its owner only.
"""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from ukprofile.errors import ProfileError
from vtn.settings import Identity

FORMAT = "ukvtn-backup/1"
NEEDED = ("identity.json", "vtn.db")
KEYS = ("dso_keys.json", "token_key.json")
_MANIFEST, _SUMS = "manifest.json", "SHA256SUMS"
_CHUNK = 1 << 20

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much."""


class ArchiveError(ProfileError):
    """A file is no sound backup; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself. `newest` is the newest business time that it knows, "" for
    none; `taken_at` the clock when it was taken; `texts` the number of signed texts; `schema` the
    revision of the tables; `keys` whether private keys are in it.
    """

    identity: Identity
    taken_at: str
    newest: str
    texts: int
    schema: str
    keys: bool

    def to_json(self) -> dict[str, Any]:
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def read(cls, path: Path) -> "Manifest":
        """Raises ArchiveError."""
        try:
            value = json.loads(path.read_bytes())
            if value.pop("format") != FORMAT:
                raise ArchiveError(f"the backup is not of format {FORMAT}: use another version")
            return cls(Identity(**value.pop("identity")), **value)
        except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
            raise ArchiveError(f"the backup does not say what it is: {error!r}") from error


def write_archive(
    file: Path, manifest: Manifest, members: Mapping[str, Path], now: datetime, progress: Progress
) -> None:
    """Make `file` of these members, in this order. Raises OSError."""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    text = json.dumps(manifest.to_json(), indent=2).encode() + b"\n"
    sums = [(hashlib.sha256(text).hexdigest(), _MANIFEST)]
    total, done = sum(path.stat().st_size for path in members.values()), 0
    try:
        with os.fdopen(_new_file(beside), "wb") as out:
            with tarfile.open(fileobj=out, mode="w") as tar:
                tar.addfile(_entry(_MANIFEST, len(text), now), io.BytesIO(text))
                for name, path in members.items():
                    size = path.stat().st_size
                    with path.open("rb") as source:
                        sums.append((hashlib.file_digest(source, "sha256").hexdigest(), name))
                        source.seek(0)
                        tar.addfile(_entry(name, size, now), source)
                    done += size
                    progress("writing", done, total)
                told = "".join(f"{digest}  {name}\n" for digest, name in sums).encode()
                tar.addfile(_entry(_SUMS, len(told), now), io.BytesIO(told))
            out.flush()
            os.fsync(out.fileno())
        beside.replace(file)
        sync_folder(file.absolute().parent)
    finally:
        beside.unlink(missing_ok=True)


def unpack(file: Path, folder: Path, progress: Progress) -> Manifest:
    """Unpack `file` into the empty `folder`, and check every byte of it on the way.

    Only members that a backup has are written, each once, for their owner only. Raises
    ArchiveError.
    """
    found: dict[str, str] = {}
    try:
        with tarfile.open(file, mode="r:") as tar:
            for entry in tar:
                source = tar.extractfile(entry)
                known = entry.name in (_MANIFEST, *NEEDED, *KEYS, _SUMS)
                if source is None or not known or entry.name in found:
                    raise ArchiveError(f"{file} is no backup of a VTN: {entry.name!r} is in it")
                progress("reading", entry.offset_data + entry.size, file.stat().st_size)
                with os.fdopen(_new_file(folder / entry.name), "wb") as out:
                    found[entry.name] = _copied(source, out)
    except tarfile.TarError as error:
        raise ArchiveError(f"{file} is no backup of a VTN, or damaged: {error}") from error
    sums = found.pop(_SUMS, None)
    told = "" if sums is None else (folder / _SUMS).read_bytes().decode(errors="replace")
    if told != "".join(f"{digest}  {name}\n" for name, digest in found.items()):
        raise ArchiveError(f"{file} is damaged: what is in it is not what was written into it")
    if not {_MANIFEST, *NEEDED} <= found.keys():
        raise ArchiveError(f"{file} is no backup of a VTN: it has {', '.join(found) or 'nothing'}")
    return Manifest.read(folder / _MANIFEST)


def sync_folder(folder: Path) -> None:
    """Return once the names in `folder` are on disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _entry(name: str, size: int, when: datetime) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, int(when.timestamp())
    return entry


def _new_file(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def _copied(source: IO[bytes], out: IO[bytes]) -> str:
    """Copy to the end, and to the disk; the SHA-256 of what it was."""
    digest = hashlib.sha256()
    while chunk := source.read(_CHUNK):
        digest.update(chunk)
        out.write(chunk)
    out.flush()
    os.fsync(out.fileno())
    return digest.hexdigest()
