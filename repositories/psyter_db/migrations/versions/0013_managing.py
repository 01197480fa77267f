"""who decided which organization manages which care provider, and why"""

import sqlalchemy as sa
from alembic import op

from repositories.database import UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "managed_provider_audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("care_provider_id", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(length=10), nullable=False),
        sa.Column("operator", sa.Unicode(length=100), nullable=False),
        sa.Column("why", sa.Unicode(length=500), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_managed_provider_audit")),
    )
    op.create_index(op.f("ix_managed_provider_audit_organization_id"), "managed_provider_audit", ["organization_id"])


def downgrade() -> None:
    op.drop_table("managed_provider_audit")
