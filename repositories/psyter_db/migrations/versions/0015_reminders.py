"""when users and care providers want to be reminded of their sessions"""

import sqlalchemy as sa
from alembic import op

from repositories.database import UtcDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reminder_preferences",
        sa.Column("recipient", sa.String(length=15), nullable=False),
        sa.Column("recipient_id", sa.BigInteger(), nullable=False),
        sa.Column("minutes", sa.String(length=100), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("unapplied_since", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("recipient", "recipient_id", name=op.f("pk_reminder_preferences")),
    )
    is_unapplied = sa.text("unapplied_since IS NOT NULL")
    op.create_index(
        "ix_reminder_preferences_unapplied_since",
        "reminder_preferences",
        ["unapplied_since"],
        sqlite_where=is_unapplied,
        postgresql_where=is_unapplied,
        mssql_where=is_unapplied,
    )
