"""bookings that are made all or none"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("bookings", sa.Column("group_id", sa.String(length=32), nullable=True))
    is_grouped = sa.text("group_id IS NOT NULL")
    op.create_index(
        "ix_bookings_group_id",
        "bookings",
        ["group_id"],
        sqlite_where=is_grouped,
        postgresql_where=is_grouped,
        mssql_where=is_grouped,
    )
