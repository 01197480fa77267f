"""cancelling: the deadline of an organization; what was paid into a balance, so that the ledger can be checked"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# The money there is now, and what the ledger says was taken out of it, is what was once paid in.
OPENING = """
UPDATE organization_balances SET deposited_minor = balance_minor + COALESCE((
    SELECT SUM(CASE WHEN kind = 'debit' THEN amount_minor ELSE -amount_minor END)
    FROM balance_ledger WHERE balance_ledger.organization_id = organization_balances.organization_id), 0)
"""


def upgrade() -> None:
    op.add_column(
        "organizations",
        sa.Column("cancellation_deadline_minutes", sa.Integer(), server_default="0", nullable=False),
    )
    op.add_column(
        "organization_balances", sa.Column("deposited_minor", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.execute(OPENING)
