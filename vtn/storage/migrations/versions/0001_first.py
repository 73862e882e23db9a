"""The first tables."""

from alembic import op

from vtn.storage.tables import metadata

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


_FIRST = ["objects", "targets", "outbox", "clients", "key_sets", "floors", "settings", "messages"]


def upgrade() -> None:
    # The first step makes its tables as they are declared; later ones state what they change.
    metadata.create_all(op.get_bind(), tables=[metadata.tables[name] for name in _FIRST])


def downgrade() -> None:
    raise NotImplementedError("there is nothing before the first step")
