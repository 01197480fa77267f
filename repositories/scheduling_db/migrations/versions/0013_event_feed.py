"""an order of all events, given when they are announced; which fields an event is about"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("booking_events", sa.Column("position", sa.BigInteger(), nullable=True))
    op.add_column("booking_events", sa.Column("changed", sa.String(length=200), server_default="[]", nullable=False))
    op.create_index("ix_booking_events_organization_id_position", "booking_events", ["organization_id", "position"])
    _filtered_index("ix_booking_events_position", "position", "position IS NOT NULL", unique=True)
    _filtered_index("ix_booking_events_unannounced", "id", "position IS NULL")
    feed = op.create_table(
        "event_feed",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_feed")),
    )
    op.bulk_insert(feed, [{"id": 1, "last_position": 0}])


def _filtered_index(name: str, column: str, condition: str, *, unique: bool = False) -> None:
    where = sa.text(condition)
    op.create_index(
        name,
        "booking_events",
        [column],
        unique=unique,
        sqlite_where=where,
        postgresql_where=where,
        mssql_where=where,
    )
