"""Migrations where none is due. Those that are, `tests/contract/test_store.py` runs."""

import subprocess
import sys

from alembic.config import Config
from alembic.script import ScriptDirectory

from tests.soak.progress import ROOT
from vtn.storage.migrate import HEAD, MIGRATIONS, _upgrade, migrate
from vtn.storage.sqlite import engine_of


def test_the_head_is_the_newest_of_the_migrations():
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_a_new_database_is_what_the_migrations_make_of_nothing(tmp_path):
    made, migrated = engine_of(tmp_path / "made.db"), engine_of(tmp_path / "migrated.db")
    migrate(made)
    with migrated.begin() as connection:
        _upgrade(connection)
    assert declared(made) == declared(migrated)


def declared(engine):
    """Every table and index, with the revision, whatever the white space."""
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master").all()
        (revision,) = connection.exec_driver_sql("SELECT version_num FROM alembic_version").one()
    return revision, sorted((name, " ".join((sql or "").split())) for name, sql in found)


def test_a_database_that_is_up_to_date_is_opened_without_alembic(tmp_path):
    migrate(engine_of(tmp_path / "vtn.db"))
    code = (
        "import sys; from pathlib import Path; from vtn.storage.sqlite import migrate_file; "
        f"print(migrate_file(Path({str(tmp_path / 'vtn.db')!r})), 'alembic' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [HEAD, "False"]
