"""Bring a database up to date before anything else; stop the start when that fails."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.util.exc import CommandError
from sqlalchemy import Engine

from ukprofile.errors import Refused


def migrate(engine: Engine) -> str:
    """Run the migrations that are due; the revision reached.

    Raises Refused STORE_DOWN with what to do.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise Refused(
                "STORE_DOWN",
                f"the database cannot be brought up to date: {error}. It may have been written by "
                "a newer version: install that one, or restore the backup made before it",
            ) from error
        return MigrationContext.configure(connection).get_current_revision() or ""
