"""Published history that was imported."""

from alembic import op

from vtn.storage.tables import imports, past

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    imports.create(op.get_bind())
    past.create(op.get_bind())


def downgrade() -> None:
    past.drop(op.get_bind())
    imports.drop(op.get_bind())
