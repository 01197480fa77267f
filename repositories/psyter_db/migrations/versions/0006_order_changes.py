"""changes of an order's amount, and ledger entries of them"""

import sqlalchemy as sa
from alembic import op

from repositories.database import NAMING, UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "order_changes",
        sa.Column("change_key", sa.String(length=64), nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=False),
        sa.Column("before_minor", sa.BigInteger(), nullable=False),
        sa.Column("after_minor", sa.BigInteger(), nullable=False),
        sa.Column("is_reverted", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("change_key", name=op.f("pk_order_changes")),
    )
    op.create_index(op.f("ix_order_changes_booking_id"), "order_changes", ["booking_id"])
    with op.batch_alter_table("balance_ledger", naming_convention=NAMING) as ledger:
        ledger.add_column(sa.Column("change_key", sa.String(length=64), nullable=False, server_default=""))
        ledger.drop_constraint(op.f("uq_balance_ledger_order_id_kind"), type_="unique")
        ledger.create_unique_constraint(
            op.f("uq_balance_ledger_order_id_kind_change_key"), ["order_id", "kind", "change_key"]
        )
