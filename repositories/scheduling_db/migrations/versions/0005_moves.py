"""moves of confirmed bookings to another time"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("bookings", sa.Column("moving_saga_id", sa.String(length=32), nullable=True))
