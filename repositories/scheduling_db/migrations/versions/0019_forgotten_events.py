"""of each booking, and so of each organization: up to where events were purged"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("bookings", sa.Column("forgotten_position", sa.BigInteger(), nullable=True))
    is_forgotten = sa.text("forgotten_position IS NOT NULL")
    op.create_index(
        "ix_bookings_forgotten_position",
        "bookings",
        ["organization_id", "forgotten_position"],
        sqlite_where=is_forgotten,
        postgresql_where=is_forgotten,
        mssql_where=is_forgotten,
    )


def downgrade() -> None:
    op.drop_index("ix_bookings_forgotten_position", "bookings")
    op.drop_column("bookings", "forgotten_position")
