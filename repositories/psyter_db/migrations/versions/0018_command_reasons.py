"""why operators gave commands that concern no row of their own"""

import sqlalchemy as sa
from alembic import op

from repositories.database import UtcDateTime

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "command_reasons",
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("why", sa.Unicode(length=500), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_command_reasons")),
    )


def downgrade() -> None:
    op.drop_table("command_reasons")
