"""what reconciliation looks for: bookings that are pending; settled ones are found by their sagas"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    is_pending = sa.text("status = 6")
    op.create_index(
        "ix_bookings_pending",
        "bookings",
        ["id"],
        sqlite_where=is_pending,
        postgresql_where=is_pending,
        mssql_where=is_pending,
    )
    op.drop_index("ix_bookings_updated_at", table_name="bookings")
