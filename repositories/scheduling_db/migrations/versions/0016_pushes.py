"""pushes to care providers: what waits, what was sent, and what could not be"""

import sqlalchemy as sa
from alembic import op

from repositories.database import UtcDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pushes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("push_key", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("care_provider_id", sa.BigInteger(), nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=True),
        sa.Column("happens_at", UtcDateTime(), nullable=True),
        sa.Column("wants_status", sa.SmallInteger(), nullable=True),
        sa.Column("event", sa.String(length=20), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=80), nullable=True),
        sa.Column("left_to", sa.String(length=20), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("nudged_until", UtcDateTime(), nullable=True),
        sa.Column("lease_token", sa.String(length=32), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("asked_by", sa.Unicode(length=100), nullable=True),
        sa.Column("asked_why", sa.Unicode(length=500), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pushes")),
        sa.UniqueConstraint("push_key", name=op.f("uq_pushes_push_key")),
    )
    op.create_index("ix_pushes_booking_id", "pushes", ["booking_id"])
    _filtered("ix_pushes_due_at", ["due_at"], "due_at IS NOT NULL")
    _filtered("ix_pushes_failed", ["updated_at"], "state = 'failed'")


def _filtered(name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "pushes", columns, sqlite_where=where, postgresql_where=where, mssql_where=where)
