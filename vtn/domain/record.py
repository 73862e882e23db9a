"""The values that pass between the domain and storage: what is stored, and what changed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ukprofile.trust import Register


class Kind(StrEnum):
    """The object kinds of OpenADR 3.1; the value is the `objectType` on the wire."""

    PROGRAM = "PROGRAM"
    EVENT = "EVENT"
    REPORT = "REPORT"
    VEN = "VEN"
    RESOURCE = "RESOURCE"
    SUBSCRIPTION = "SUBSCRIPTION"


class Operation(StrEnum):
    """What happened to an object, in the words of OpenADR notifications."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


class Role(StrEnum):
    """The two sides of a VTN: the DSO's business logic, and an FSP's VEN."""

    BL = "bl"
    VEN = "ven"


@dataclass(frozen=True, slots=True)
class Record:
    """One stored object.

    `body` is the JSON object sent to a reader, as UTF-8 bytes, whole but for `targets`; those
    differ by reader (target hiding) and are spliced in. `name` is the NFC form of the kind's
    name (programName, venName, resourceName). The rest are the columns that queries and privacy
    look at; what a kind does not have is "" or ().
    """

    kind: Kind
    id: str
    created: datetime
    modified: datetime
    body: bytes
    name: str = ""
    program_id: str = ""
    event_id: str = ""
    ven_id: str = ""
    client_id: str = ""
    client_name: str = ""
    targets: tuple[str, ...] = ()
    has_targets: bool = False
    """Whether the object states targets at all: an empty list and none are different answers."""
    ends: datetime | None = None
    """When an event's last interval ends; None for what never ends or does not say (T20)."""
    version: int = 0
    """The sequence number of the change that wrote it; set by the store."""


@dataclass(frozen=True, slots=True)
class Change:
    """One committed change, in commit order: the object after it, or as it was when deleted."""

    sequence: int
    operation: Operation
    record: Record


@dataclass(frozen=True, slots=True)
class Client:
    """Somebody who may ask for tokens. The secret is kept as a salted scrypt hash only."""

    client_id: str
    name: str
    role: Role
    scopes: frozenset[str]
    secret_hash: bytes
    created: datetime
    disabled: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request that had an idempotency key: its answer, as it was sent.

    `key` is the client's own; `operation` method and path; `sha256` that of the request's body.
    """

    client_id: str
    key: str
    operation: str
    sha256: str
    status: int
    body: bytes
    kept_at: datetime
    """By the operational clock."""


@dataclass(frozen=True, slots=True)
class Committed:
    """What one commit made true, in commit order: the storage's word to `Live`."""

    changes: tuple[Change, ...] = ()
    clients: tuple[Client, ...] = ()
    register: Register | None = None
    """The register of keys as it is now, if it changed."""
