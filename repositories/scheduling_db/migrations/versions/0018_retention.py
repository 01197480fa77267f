"""indexes on what the purge looks for"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

ENDED = "ended_at IS NOT NULL"


def upgrade() -> None:
    where = sa.text(ENDED)
    op.create_index(
        "ix_webhook_deliveries_ended_at",
        "webhook_deliveries",
        ["ended_at"],
        sqlite_where=where,
        postgresql_where=where,
        mssql_where=where,
    )
    op.create_index("ix_booking_events_occurred_at", "booking_events", ["occurred_at"])
    op.create_index("ix_meeting_reports_last_received_at", "meeting_reports", ["last_received_at"])
    op.create_index("ix_pushes_updated_at", "pushes", ["updated_at"])
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])


def downgrade() -> None:
    op.drop_index("ix_idempotency_keys_created_at", "idempotency_keys")
    op.drop_index("ix_pushes_updated_at", "pushes")
    op.drop_index("ix_meeting_reports_last_received_at", "meeting_reports")
    op.drop_index("ix_booking_events_occurred_at", "booking_events")
    op.drop_index("ix_webhook_deliveries_ended_at", "webhook_deliveries")
