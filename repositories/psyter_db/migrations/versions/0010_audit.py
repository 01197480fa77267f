"""the audit log: its outbox, its chain, and where the chain ends"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from repositories.database import UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def deed_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("deed_id", sa.String(length=32), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Integer(), nullable=True),
        sa.Column("organization_id", sa.BigInteger(), nullable=True),
        sa.Column("access_key_id", sa.BigInteger(), nullable=True),
        sa.Column("token_id", sa.String(length=64), nullable=True),
        sa.Column("operator", sa.Unicode(length=100), nullable=True),
        sa.Column("resource_kind", sa.String(length=30), nullable=True),
        sa.Column("resource_id", sa.String(length=64), nullable=True),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("occurred_at", UtcDateTime(), nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "audit_outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        *deed_columns(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_outbox")),
        sa.UniqueConstraint("deed_id", name=op.f("uq_audit_outbox_deed_id")),
    )
    op.create_table(
        "audit_log",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seal", sa.String(length=64), nullable=False),
        *deed_columns(),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit_log")),
        sa.UniqueConstraint("deed_id", name=op.f("uq_audit_log_deed_id")),
    )
    op.create_index(
        "ix_audit_log_organization_id_occurred_at", "audit_log", ["organization_id", "occurred_at", "sequence"]
    )
    op.create_index(
        "ix_audit_log_organization_id_action", "audit_log", ["organization_id", "action", "occurred_at", "sequence"]
    )
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("seal", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.String(length=64), nullable=False),
        sa.Column("sealed_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.bulk_insert(head, [{"id": 1, "sequence": 0, "seal": "", "signature": ""}])
