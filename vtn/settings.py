"""What a VTN is told when it starts, and what lies in its data directory.

    DIR/identity.json    whose VTN it is: DSO, environment, and a name of its own
    DIR/vtn.db           everything the VTN knows (SQLite; with -wal and -shm beside it)
    DIR/dso_keys.json    the DSO's signing keys, private halves too                     0600
    DIR/token_key.json   the key that signs access tokens                               0600
    DIR/rehearsal.json   the business clock it was served with last, where that is not the machine's
    DIR/control.sock     where local commands talk to the running server                0600
    DIR/vtn.log          structured log, one JSON object a line; "log": "security" marks
                         what a security operator should read

Who the operator is (`dso`) and whether this is a sandbox is settled at the first start: a later
start that says otherwise is refused.
"""

import json
import os
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from ukprofile.errors import ProfileError
from ukprofile.loopback import is_loopback
from vtn.http.limits import ROOM, Room
from vtn.http.rate import Lane, LimiterError, Rate, rates_of

_LONGEST_ADDRESS = 100
"""What fits into a socket address everywhere (unix(7): 108 bytes on Linux)."""
_DSO = re.compile(r"[A-Za-z0-9_-]{1,64}")


class SettingsError(ProfileError):
    """A setting or a file of the data directory is wrong; the text says which, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything `ukvtn serve` is told."""

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8080
    """0 picks a free one."""
    public_url: str = ""
    """Where clients reach this VTN, if not at host and port: behind a proxy, by a name."""
    dso: str = ""
    """The operator's party id, as in contract ids `<DSO>:<local>`; needed at the first start."""
    sandbox: bool = False
    """Messages are of environment sandbox, in which published test keys count, too."""
    clock: Path | None = None
    """File of a shared business clock; None = the machine's."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    relay_to: str = ""
    """The base URL of somebody else's VTN, on which FSPs are met ("" = on this one)."""
    relay_client_id: str = ""
    relay_token_hosts: tuple[str, ...] = ()
    """Hosts other than that VTN's that may be asked for a token."""
    relay_secret_file: Path | None = None
    """Business logic's client there, and a file with its secret, for its owner only."""
    behind_proxy: bool = False
    """Plain HTTP on an address others can reach: only where a proxy on the way ends TLS."""
    retention: timedelta = timedelta(days=7 * 365)
    """How long the events of dispatches are kept after their end."""
    most_connections: int = ROOM.most
    most_per_address: int = ROOM.per_address
    """0 = addresses are told apart nowhere; so it is behind a proxy, where all have one."""
    most_per_client: int = ROOM.per_client
    """0 = any number; so it is behind a proxy, which mixes clients on its connections."""
    rate: tuple[str, ...] = ()
    """`LANE=PER_SECOND/BURST` or `LANE=off` where `vtn.http.rate.RATES` does not fit."""
    limiter: str = ""
    """`module:Class` of a `vtn.http.rate.Limiter` of one's own ("" = token buckets of `rate`)."""

    @property
    def rates(self) -> Mapping[Lane, Rate]:
        """How often each may ask. Raises LimiterError."""
        return rates_of(self.rate)

    @property
    def room(self) -> Room:
        """How many connections there may be."""
        own = not self.behind_proxy
        return Room(self.most_connections, self.most_per_address * own, self.most_per_client * own)

    @property
    def environment(self) -> str:
        return "sandbox" if self.sandbox else "production"

    def check(self) -> "Settings":
        """Itself, if it can be served safely. Raises SettingsError."""
        if self.dso and _DSO.fullmatch(self.dso) is None:
            raise SettingsError(f"{self.dso!r} is no party id of a DSO: letters, digits, _ -")
        if not 0 <= self.port <= 65_535:
            raise SettingsError("a port lies between 0 and 65535")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise SettingsError("--tls-cert and --tls-key go together")
        relay = (self.relay_to, self.relay_client_id, self.relay_secret_file)
        if any(relay) and not all(relay):
            raise SettingsError("--relay-to, --relay-client-id and --relay-secret-file go together")
        if self.tls_cert is None and not self.behind_proxy and not is_loopback(self.host):
            raise SettingsError(
                f"{self.host} can be reached by others: give --tls-cert and --tls-key, or say "
                "--behind-proxy where a proxy ends TLS before this server"
            )
        if self.most_connections < 1 or min(self.most_per_address, self.most_per_client) < 0:
            raise SettingsError("--most-connections is at least 1, --most-per-... at least 0")
        try:
            rates_of(self.rate)
        except LimiterError as error:
            raise SettingsError(f"--rate {error}") from error
        return self


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose VTN it is. `vtn_id` is issuer and audience of its access tokens."""

    dso: str
    environment: str
    vtn_id: str


_IDENTITY = tuple(field.name for field in fields(Identity))


@dataclass(frozen=True, slots=True)
class Place:
    """The names in a data directory."""

    path: Path

    def make(self) -> "Place":
        """Make the directory where there is none. Raises SettingsError."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise SettingsError(f"{self.path} cannot be made: {error.strerror}") from error
        return self

    def identify(self, settings: Settings) -> Identity:
        """Whose VTN this is, settled now if it is new. Raises SettingsError for another answer."""
        held = self.identity()
        if held is None:
            if not settings.dso:
                raise SettingsError("whose VTN is it? say --dso PARTY at the first start")
            held = Identity(settings.dso, settings.environment, f"urn:uuid:{uuid.uuid4()}")
            write_json(self._identity, asdict(held))
        if settings.dso not in ("", held.dso) or settings.environment != held.environment:
            raise SettingsError(
                f"{self.path} belongs to {held.dso} in {held.environment}, not to "
                f"{settings.dso or held.dso} in {settings.environment}: use another directory"
            )
        return held

    def identity(self) -> Identity | None:
        """Whose VTN this is; None where there is none yet. Raises SettingsError."""
        held = self.read_secret(self._identity)
        if held is None:
            return None
        if held.keys() != set(_IDENTITY) or not all(isinstance(v, str) for v in held.values()):
            raise SettingsError(f"{self._identity} is damaged: {', '.join(_IDENTITY)} are due")
        return Identity(**held)

    @property
    def _rehearsal(self) -> Path:
        return self.path / "rehearsal.json"

    def remember_clock(self, clock: Path | None) -> None:
        """By what clock it is served: commands without a server are to go by the same."""
        if clock is None:
            self._rehearsal.unlink(missing_ok=True)
        else:
            write_json(self._rehearsal, {"clock": str(clock.absolute())})

    def remembered_clock(self) -> Path | None:
        """The clock it was served with last; None = the machine's. Raises SettingsError."""
        held = self.read_secret(self._rehearsal)
        if held is None:
            return None
        if not isinstance(held.get("clock"), str):
            raise SettingsError(f"{self._rehearsal} is damaged: serve it once more")
        return Path(held["clock"])

    @property
    def _identity(self) -> Path:
        return self.path / "identity.json"

    @property
    def database(self) -> Path:
        return self.path / "vtn.db"

    @property
    def dso_keys(self) -> Path:
        return self.path / "dso_keys.json"

    @property
    def token_key(self) -> Path:
        return self.path / "token_key.json"

    @property
    def control(self) -> Path:
        return self.path / "control.sock"

    @property
    def log(self) -> Path:
        return self.path / "vtn.log"

    def read_secret(self, path: Path) -> dict[str, Any] | None:
        """The JSON object in a secret file; None where there is none yet. Raises SettingsError."""
        try:
            if path.stat().st_mode & 0o077:
                raise SettingsError(f"others may read {path}: chmod 600 it")
            value = json.loads(path.read_text())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise SettingsError(f"{path} is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise SettingsError(f"{path} is damaged: a JSON object is due")
        return value


def write_json(path: Path, value: Mapping[str, Any], *, mode: int = 0o600) -> None:
    """Replace `path` in one step, readable by its owner only; readers see all of it or the old."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(fd, "w") as file:
        json.dump(value, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


@contextmanager
def socket_address(path: Path) -> Iterator[str]:
    """The path as a socket address takes it: by way of its open directory where it is too long."""
    if len(os.fsencode(path)) <= _LONGEST_ADDRESS:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/dev/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
