"""What a person was told."""

from alembic import op

from vtn.storage.tables import alarms

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    alarms.create(op.get_bind())


def downgrade() -> None:
    alarms.drop(op.get_bind())
