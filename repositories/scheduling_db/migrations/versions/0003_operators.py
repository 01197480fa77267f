"""what operators do to sagas, and what reconciliation looks for"""

import sqlalchemy as sa
from alembic import op

from repositories.database import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "saga_audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("saga_id", sa.String(length=32), nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("step", sa.String(length=40), nullable=True),
        sa.Column("operator", sa.Unicode(length=100), nullable=False),
        sa.Column("why", sa.Unicode(length=500), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saga_audit")),
    )
    op.create_index(op.f("ix_saga_audit_saga_id"), "saga_audit", ["saga_id"])
    op.create_index("ix_bookings_updated_at", "bookings", ["updated_at"])
    op.create_index("ix_sagas_status_updated_at", "sagas", ["status", "updated_at"])
