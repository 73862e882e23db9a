"""The tables, for SQLite and PostgreSQL alike.

objects   what is served now, one row an object; targets: what each is found by
outbox    one row for every change, written with it, gone once delivered
messages  every signed text that was decided, for ever: the evidence
clients   who may ask for tokens; key_sets, floors: whose signatures count
settings  values that outlive the process
alarms    what a person was told, and when it was over; of each key one stands at most
outcomes  what came of requests with an idempotency key, written with it, for 30 days at least
imports   runs of an import of published history; past: its rows, seen once the run is finished
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Instant(TypeDecorator[datetime]):
    """An aware time, as microseconds since 1970: exact, comparable, beyond 2038."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:  # noqa: ARG002 - SQLAlchemy's form
        if value is None:
            return None
        since = value - _EPOCH
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - as above
        return None if value is None else _EPOCH + timedelta(microseconds=value)


metadata = MetaData()


def _record_columns() -> tuple[Column[Any], ...]:
    """The columns of a `Record`, in its order; `targets` as JSON."""
    return (
        Column("kind", String(16), nullable=False),
        Column("id", String(128), nullable=False),
        Column("created", Instant, nullable=False),
        Column("modified", Instant, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("name", Text, nullable=False),
        Column("program_id", String(128), nullable=False),
        Column("event_id", String(128), nullable=False),
        Column("ven_id", String(128), nullable=False),
        Column("client_id", Text, nullable=False),
        Column("client_name", Text, nullable=False),
        Column("targets", Text, nullable=False),
        Column("has_targets", Boolean, nullable=False),
        Column("ends", Instant),
    )


objects = Table(
    "objects",
    metadata,
    *_record_columns(),
    Column("version", BigInteger, nullable=False),
    PrimaryKeyConstraint("kind", "id"),
    Index("objects_name", "kind", "name"),
    Index("objects_program", "kind", "program_id"),
    Index("objects_event", "kind", "event_id"),
    Index("objects_ven", "kind", "ven_id"),
    Index("objects_client", "kind", "client_id"),
)

targets = Table(
    "targets",
    metadata,
    Column("kind", String(16), nullable=False),
    Column("id", String(128), nullable=False),
    Column("target", String(128), nullable=False),
    PrimaryKeyConstraint("kind", "target", "id"),
    Index("targets_object", "kind", "id"),
)

outbox = Table(
    "outbox",
    metadata,
    Column(
        "sequence",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    Column("operation", String(8), nullable=False),
    *_record_columns(),
    sqlite_autoincrement=True,  # a number is never used twice, though its row is deleted
)

clients = Table(
    "clients",
    metadata,
    Column("client_id", String(128), primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", String(8), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("created", Instant, nullable=False),
    Column("disabled", Instant),
)

key_sets = Table(
    "key_sets",
    metadata,
    Column("key_set", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

floors = Table(
    "floors",
    metadata,
    Column("party", String(64), primary_key=True),
    Column("suite", Integer, nullable=False),
)

settings = Table(
    "settings",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    Column(
        "number",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("issuer", String(64), nullable=False),
    Column("recipient", Text, nullable=False),
    Column("environment", String(16), nullable=False),
    Column("program", Text, nullable=False),
    Column("family", String(32), nullable=False),
    Column("thread", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("stop", Boolean, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
    Column("signatures", Text, nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("alarm", String(32), nullable=False),
    Column("answer", String(16), nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("valid_until", Instant, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("in_reply_to", String(64), nullable=False),
    Column("verified_at", Instant),
    Index("messages_slot", "program", "family", "thread", "issuer"),
    Index("messages_reply", "in_reply_to"),
    Index("messages_verified", "issuer", "verified_at"),
)

alarms = Table(
    "alarms",
    metadata,
    Column(
        "number",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    Column("key", Text, nullable=False),
    Column("code", String(64), nullable=False),
    Column("cause", String(32), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("contract_id", Text, nullable=False),
    Column("provider", String(64), nullable=False),
    Column("thread", String(64), nullable=False),
    Column("since", Instant, nullable=False),
    Column("raised_at", Instant, nullable=False),
    Column("over_at", Instant),
    Index(
        "alarms_standing",
        "key",
        unique=True,
        sqlite_where=text("over_at IS NULL"),
        postgresql_where=text("over_at IS NULL"),
    ),
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("client_id", String(128), nullable=False),
    Column("key", String(255), nullable=False),
    Column("operation", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("kept_at", Instant, nullable=False),
    PrimaryKeyConstraint("client_id", "key"),
    Index("outcomes_kept", "kept_at"),
)

imports = Table(
    "imports",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("begun_at", Instant, nullable=False),
    Column("new", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("finished_at", Instant),
)

past = Table(
    "past",
    metadata,
    Column("identity", String(64), primary_key=True),
    Column("key", String(64), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("occurrence", Integer, nullable=False),
    Column("day", Date, nullable=False),
    Column("line", Integer, nullable=False),
    Column("company", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("start", Instant, nullable=False),
    Column("end", Instant, nullable=False),
    Column("availability_w", BigInteger, nullable=False),
    Column("utilisation_w", BigInteger, nullable=False),
    Column("availability_minor_per_mw_h", BigInteger, nullable=False),
    Column("utilisation_minor_per_mwh", BigInteger, nullable=False),
    Column("technology", Text, nullable=False),
    Column("dispatch_type", String(32), nullable=False),
    Column("utilisation_energy_wh", BigInteger, nullable=False),
    Column("utilisation_minor", BigInteger, nullable=False),
    Column("availability_minor", BigInteger, nullable=False),
    Index("past_key", "key", "ordinal", unique=True),
    Index("past_number", "number"),
    Index("past_day", "day", "company"),
)
