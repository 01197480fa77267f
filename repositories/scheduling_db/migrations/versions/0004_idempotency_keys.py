"""an idempotency key stands for any change, not only a booking's; keys in use are kept"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEYS = sa.table("idempotency_keys", sa.column("booking_id"), sa.column("user_id"), sa.column("ids", sa.String(4000)))


def _text(name: str) -> sa.ColumnElement[str]:
    return sa.cast(KEYS.c[name], sa.String(20))


def upgrade() -> None:
    op.add_column("idempotency_keys", sa.Column("ids", sa.String(length=4000), nullable=True))
    op.execute(KEYS.update().values(ids=sa.literal("[") + _text("booking_id") + ", " + _text("user_id") + "]"))
    with op.batch_alter_table("idempotency_keys") as keys:
        keys.alter_column("ids", existing_type=sa.String(length=4000), nullable=False)
        keys.drop_column("booking_id")
        keys.drop_column("user_id")
