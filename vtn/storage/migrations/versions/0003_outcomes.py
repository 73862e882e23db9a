"""What came of requests with an idempotency key."""

from alembic import op

from vtn.storage.tables import outcomes

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    outcomes.create(op.get_bind())


def downgrade() -> None:
    outcomes.drop(op.get_bind())
