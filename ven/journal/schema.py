"""The tables of the journal, and how an older one becomes a newer one.

    entries     every signed text that was decided, and ours: the Ledger of receiving
    sightings   which event carried which thread, and since when it is gone
    commands    PLANNED ─▶ SENT ─▶ CONFIRMED | FAILED, or WITHDRAWN before it was sent
    said        what was reported of each dispatch: executing, suspended, resumed, failed, ceased,
                completed, in that order
    readings    what each device did, interval by interval; where there is none nobody knows
    marks       up to where each device has been read, and the sample that the next one follows
    outbox      reports in the order they are to be sent
    alarms      what a person must know, each once, until it is over
    notes       small facts: last contact, last heartbeat, up to where readings were shown

A text that was RECEIVED is an entry; its plan is written in the same transaction. All times are
UTC text of one width, so that they sort as they are.
"""

VERSION = 2

MIGRATIONS = (
    """
    CREATE TABLE entries (
        seq INTEGER PRIMARY KEY,
        sha256 TEXT NOT NULL UNIQUE,
        issuer TEXT NOT NULL, recipient TEXT NOT NULL, environment TEXT NOT NULL,
        program TEXT NOT NULL, family TEXT NOT NULL, thread TEXT NOT NULL,
        kind TEXT NOT NULL, stop INTEGER NOT NULL, revision INTEGER NOT NULL,
        text TEXT NOT NULL, signatures TEXT NOT NULL,
        verdict TEXT NOT NULL, reason TEXT NOT NULL, alarm TEXT NOT NULL, answer TEXT NOT NULL,
        issued_at TEXT NOT NULL, valid_until TEXT NOT NULL, received_at TEXT NOT NULL,
        in_reply_to TEXT NOT NULL, verified_at TEXT
    ) STRICT;
    CREATE INDEX entries_slot ON entries (thread, family, program);
    CREATE INDEX entries_program ON entries (program, family, valid_until);
    CREATE INDEX entries_reply ON entries (in_reply_to) WHERE in_reply_to <> '';
    CREATE INDEX entries_verified ON entries (issuer, verified_at);

    CREATE TABLE sightings (
        event_id TEXT PRIMARY KEY,
        program TEXT NOT NULL, family TEXT NOT NULL, thread TEXT NOT NULL,
        sha256 TEXT NOT NULL, seen_at TEXT NOT NULL, gone_at TEXT
    ) STRICT;

    CREATE TABLE commands (
        id TEXT PRIMARY KEY,
        key TEXT NOT NULL, asset_id TEXT NOT NULL,
        valid_from TEXT NOT NULL, valid_to TEXT NOT NULL,
        setpoint_w INTEGER, delta_w INTEGER, threads TEXT NOT NULL,
        state TEXT NOT NULL
            CHECK (state IN ('PLANNED', 'SENT', 'CONFIRMED', 'FAILED', 'WITHDRAWN')),
        sent_order INTEGER, planned_at TEXT NOT NULL, sent_at TEXT, settled_at TEXT,
        error TEXT NOT NULL DEFAULT ''
    ) STRICT;

    CREATE TABLE said (
        program TEXT NOT NULL, thread TEXT NOT NULL, state TEXT NOT NULL, at TEXT NOT NULL,
        PRIMARY KEY (program, thread, state)
    ) STRICT;

    CREATE TABLE outbox (
        seq INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, event_id TEXT NOT NULL, body TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'QUEUED' CHECK (state IN ('QUEUED', 'SENT', 'REFUSED')),
        attempts INTEGER NOT NULL DEFAULT 0,
        queued_at TEXT NOT NULL, settled_at TEXT,
        report_id TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT ''
    ) STRICT;

    CREATE TABLE alarms (
        seq INTEGER PRIMARY KEY,
        key TEXT NOT NULL, alarm TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
        event_id TEXT NOT NULL, security INTEGER NOT NULL,
        at TEXT NOT NULL, over_at TEXT
    ) STRICT;
    CREATE UNIQUE INDEX alarms_key ON alarms (key) WHERE over_at IS NULL;

    CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    """,
    """
    CREATE TABLE readings (
        asset_id TEXT NOT NULL, start TEXT NOT NULL, seconds INTEGER NOT NULL,
        exported_ws INTEGER NOT NULL, baseline_ws INTEGER NOT NULL,
        quality TEXT NOT NULL CHECK (quality IN ('actual', 'estimated')),
        PRIMARY KEY (asset_id, start)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE marks (
        asset_id TEXT PRIMARY KEY, read_until TEXT NOT NULL,
        at TEXT NOT NULL, power_w INTEGER NOT NULL, baseline_w INTEGER NOT NULL,
        exported_ws INTEGER
    ) STRICT;

    CREATE TABLE said_in_order (
        seq INTEGER PRIMARY KEY,
        program TEXT NOT NULL, thread TEXT NOT NULL, state TEXT NOT NULL, at TEXT NOT NULL
    ) STRICT;
    INSERT INTO said_in_order (program, thread, state, at)
        SELECT program, thread, state, at FROM said ORDER BY rowid;
    DROP TABLE said;
    ALTER TABLE said_in_order RENAME TO said;
    CREATE INDEX said_thread ON said (program, thread);

    CREATE INDEX entries_spoken ON entries (program, kind) WHERE verdict = 'sent';
    """,
)
"""MIGRATIONS[n] leads from version n to n + 1."""
