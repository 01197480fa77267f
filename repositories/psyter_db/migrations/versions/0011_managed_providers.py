"""which organization manages which care provider"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "managed_care_providers",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("care_provider_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_managed_care_providers_organization_id")
        ),
        sa.ForeignKeyConstraint(
            ["care_provider_id"], ["care_providers.id"], name=op.f("fk_managed_care_providers_care_provider_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "care_provider_id", name=op.f("pk_managed_care_providers")),
    )
