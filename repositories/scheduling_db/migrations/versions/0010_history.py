"""what serves the history of bookings: of an organization, and of one of its users"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_bookings_history", "bookings", ["organization_id", "status", "starts_at", "id"])
    op.create_index(
        "ix_bookings_history_of_user", "bookings", ["organization_id", "user_id", "status", "starts_at", "id"]
    )
