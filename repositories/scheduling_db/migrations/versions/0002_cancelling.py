"""cancelling: by whom, when and why"""

import sqlalchemy as sa
from alembic import op

from repositories.database import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("bookings", sa.Column("withdrawn_by", sa.Unicode(length=100), nullable=True))
    op.add_column("bookings", sa.Column("withdrawal_reason", sa.Unicode(length=500), nullable=True))
    op.add_column("sagas", sa.Column("withdrawn_at", UtcDateTime(), nullable=True))
