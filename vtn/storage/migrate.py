"""Bring a database up to date before anything else; stop the start when that fails.

A database that is new is made as the tables are declared; Alembic brings an older one to the same
(a test compares the two). It is loaded only where there is something to do: it is slow to load, and
a command opens the database of a VTN that is not running anew each time.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from ukprofile.errors import Refused
from vtn.storage.tables import metadata

HEAD = "0004"
"""The newest revision in `migrations/versions`."""
MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(engine: Engine) -> str:
    """Run the migrations that are due; the revision reached.

    Raises Refused STORE_DOWN with what to do.
    """
    with engine.begin() as connection:
        if not inspect(connection).get_table_names():
            _make(connection)
        elif _revisions(connection) != [HEAD]:
            _upgrade(connection)
    return HEAD


def _make(connection: Connection) -> None:
    metadata.create_all(connection)
    connection.exec_driver_sql(
        "CREATE TABLE alembic_version ( version_num VARCHAR(32) NOT NULL,"
        " CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num) )"
    )
    connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def _revisions(connection: Connection) -> list[str]:
    """Where the database stands; empty where nobody knows."""
    if not inspect(connection).has_table("alembic_version"):
        return []
    return list(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars())


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, HEAD)
    except CommandError as error:
        raise Refused(
            "STORE_DOWN",
            f"the database cannot be brought up to date: {error}. It may have been written by "
            "a newer version: install that one, or restore the backup made before it",
        ) from error
