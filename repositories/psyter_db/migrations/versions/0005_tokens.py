"""tokens: what an access key may do and when it was used; families of tokens"""

import sqlalchemy as sa
from alembic import op

from repositories.database import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEYS = "organization_access_keys"


def upgrade() -> None:
    op.add_column(KEYS, sa.Column("extra_scopes", sa.String(length=1000), server_default="", nullable=False))
    for name in ("created_at", "expires_at", "last_used_at", "revoked_at"):
        op.add_column(KEYS, sa.Column(name, UtcDateTime(), nullable=True))
    op.add_column(KEYS, sa.Column("revoked_by", sa.Unicode(length=100), nullable=True))
    op.add_column(KEYS, sa.Column("revoked_why", sa.Unicode(length=500), nullable=True))
    op.create_index("ix_organization_access_keys_organization_id", KEYS, ["organization_id"])
    op.create_table(
        "token_families",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("access_key_id", sa.BigInteger(), nullable=False),
        sa.Column("scope", sa.String(length=1000), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_why", sa.String(length=10), nullable=True),
        sa.ForeignKeyConstraint(
            ["access_key_id"], ["organization_access_keys.id"], name=op.f("fk_token_families_access_key_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token_families")),
    )
    op.create_index(op.f("ix_token_families_expires_at"), "token_families", ["expires_at"])
    op.create_table(
        "refresh_tokens",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("family_id", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("successor_digest", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["family_id"], ["token_families.id"], name=op.f("fk_refresh_tokens_family_id")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_refresh_tokens")),
    )
    op.create_index(op.f("ix_refresh_tokens_family_id"), "refresh_tokens", ["family_id"])
    op.create_index(op.f("ix_refresh_tokens_expires_at"), "refresh_tokens", ["expires_at"])
