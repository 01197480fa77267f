"""reminders: when those of a booking are looked at next, and what became of each that was due"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from repositories.database import UtcDateTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

BOOKINGS = sa.table(
    "bookings",
    sa.column("status", sa.SmallInteger()),
    sa.column("starts_at", sa.DateTime()),
    sa.column("reminders_at", sa.DateTime()),
)


def upgrade() -> None:
    op.add_column("bookings", sa.Column("reminders_at", UtcDateTime(), nullable=True))
    now = sa.literal(datetime.now(UTC).replace(tzinfo=None, microsecond=0), sa.DateTime())
    is_to_come = sa.and_(BOOKINGS.c.status == sa.text("1"), BOOKINGS.c.starts_at > now)
    op.execute(BOOKINGS.update().where(is_to_come).values(reminders_at=now))
    is_set = sa.text("reminders_at IS NOT NULL")
    op.create_index(
        "ix_bookings_reminders_at",
        "bookings",
        ["reminders_at"],
        sqlite_where=is_set,
        postgresql_where=is_set,
        mssql_where=is_set,
    )
    op.create_table(
        "reminders",
        sa.Column("booking_id", sa.BigInteger(), nullable=False),
        sa.Column("recipient", sa.String(length=15), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("booking_id", "recipient", "starts_at", "minutes", name=op.f("pk_reminders")),
    )
