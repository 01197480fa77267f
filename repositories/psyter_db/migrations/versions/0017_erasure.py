"""which users were erased, when, by whom and why"""

import sqlalchemy as sa
from alembic import op

from repositories.database import UtcDateTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("erased_at", UtcDateTime(), nullable=True))
    op.add_column("users", sa.Column("erased_by", sa.Unicode(length=100), nullable=True))
    op.add_column("users", sa.Column("erased_why", sa.Unicode(length=500), nullable=True))
    op.create_index("ix_orders_user_id", "orders", ["user_id"])


def downgrade() -> None:
    op.drop_index("ix_orders_user_id", "orders")
    op.drop_column("users", "erased_why")
    op.drop_column("users", "erased_by")
    op.drop_column("users", "erased_at")
