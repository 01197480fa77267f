"""breakers of outside services, and the lines of sagas that wait for one"""

import sqlalchemy as sa
from alembic import op

from repositories.database import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SERVICES = ("videosdk", "fcm")


def upgrade() -> None:
    breakers = op.create_table(
        "service_breakers",
        sa.Column("service", sa.String(length=20), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("trouble", sa.String(length=20), nullable=True),
        sa.Column("error", sa.String(length=80), nullable=True),
        sa.Column("opened_at", UtcDateTime(), nullable=True),
        sa.Column("open_until", UtcDateTime(), nullable=True),
        sa.Column("probe_token", sa.String(length=32), nullable=True),
        sa.Column("probe_until", UtcDateTime(), nullable=True),
        sa.Column("paused_at", UtcDateTime(), nullable=True),
        sa.Column("paused_by", sa.Unicode(length=100), nullable=True),
        sa.Column("paused_why", sa.Unicode(length=500), nullable=True),
        sa.Column("standing_since", UtcDateTime(), nullable=True),
        sa.Column("stood_still_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("service", name=op.f("pk_service_breakers")),
    )
    op.bulk_insert(breakers, [{"service": service, "failures": 0, "stood_still_us": 0} for service in SERVICES])
    op.create_table(
        "service_audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("service", sa.String(length=20), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("operator", sa.Unicode(length=100), nullable=False),
        sa.Column("why", sa.Unicode(length=500), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_audit")),
    )
    op.create_index(op.f("ix_service_audit_service"), "service_audit", ["service"])
    op.add_column("sagas", sa.Column("waits_for", sa.String(length=20), nullable=True))
    op.add_column("sagas", sa.Column("waits_since", UtcDateTime(), nullable=True))
    op.add_column("sagas", sa.Column("stood_still_us", sa.BigInteger(), nullable=True))
    waits = sa.text("waits_for IS NOT NULL")
    op.create_index(
        "ix_sagas_waits_for_created_at",
        "sagas",
        ["waits_for", "created_at"],
        sqlite_where=waits,
        postgresql_where=waits,
        mssql_where=waits,
    )
