"""the inbox of VideoSDK's webhooks, and the facts of meetings"""

import sqlalchemy as sa
from alembic import op

from repositories.database import UtcDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "meeting_reports",
        sa.Column("id", ID, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("meeting_id", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("participant", sa.String(length=80), nullable=False),
        sa.Column("recording", sa.String(length=64), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=True),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.Column("deliveries", sa.Integer(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("nudged_until", UtcDateTime(), nullable=True),
        sa.Column("lease_token", sa.String(length=32), nullable=True),
        sa.Column("error", sa.String(length=80), nullable=True),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("last_received_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meeting_reports")),
        sa.UniqueConstraint("digest", name=op.f("uq_meeting_reports_digest")),
    )
    op.create_index("ix_meeting_reports_status_id", "meeting_reports", ["status", "id"])
    filtered("ix_meeting_reports_due_at", "meeting_reports", "due_at")
    op.create_table(
        "meeting_facts",
        sa.Column("id", ID, nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meeting_facts")),
        sa.UniqueConstraint(
            *("booking_id", "kind", "session_id", "subject"),
            name=op.f("uq_meeting_facts_booking_id_kind_session_id_subject"),
        ),
    )
    filtered("ix_bookings_meeting_id", "bookings", "meeting_id")


def filtered(name: str, table: str, column: str) -> None:
    is_there = sa.text(f"{column} IS NOT NULL")
    op.create_index(name, table, [column], sqlite_where=is_there, postgresql_where=is_there, mssql_where=is_there)
