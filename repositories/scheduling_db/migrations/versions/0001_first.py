"""first"""

import sqlalchemy as sa
from alembic import op

from repositories.database import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "booking_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("reason", sa.Integer(), nullable=True),
        sa.Column("occurred_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking_events")),
        sa.UniqueConstraint("booking_id", "sequence", name=op.f("uq_booking_events_booking_id_sequence")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("idempotency_key", sa.Unicode(length=255), nullable=False),
        sa.Column("body_digest", sa.String(length=64), nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "idempotency_key", name=op.f("pk_idempotency_keys")),
    )
    op.create_table(
        "provider_hours",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("care_provider_id", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_hours")),
    )
    op.create_index(
        "ix_provider_hours_care_provider_id_starts_at",
        "provider_hours",
        ["care_provider_id", "starts_at"],
        unique=False,
    )
    op.create_table(
        "reserved_cells",
        sa.Column("care_provider_id", sa.BigInteger(), nullable=False),
        sa.Column("cell_start", sa.BigInteger(), nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("care_provider_id", "cell_start", name=op.f("pk_reserved_cells")),
    )
    op.create_index("ix_reserved_cells_booking_id", "reserved_cells", ["booking_id"], unique=False)
    op.create_table(
        "saga_attempts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("saga_id", sa.String(length=32), nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("error", sa.String(length=80), nullable=True),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("duration_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saga_attempts")),
    )
    op.create_index(op.f("ix_saga_attempts_booking_id"), "saga_attempts", ["booking_id"], unique=False)
    op.create_table(
        "sagas",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=False),
        sa.Column("input", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("step", sa.String(length=40), nullable=True),
        sa.Column("owed", sa.Text(), nullable=False),
        sa.Column("receipts", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("nudged_until", UtcDateTime(), nullable=True),
        sa.Column("lease_token", sa.String(length=32), nullable=True),
        sa.Column("deadline_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.Integer(), nullable=True),
        sa.Column("failed_step", sa.String(length=40), nullable=True),
        sa.Column("error", sa.String(length=80), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sagas")),
    )
    op.create_index(op.f("ix_sagas_booking_id"), "sagas", ["booking_id"], unique=False)
    op.create_index(
        "ix_sagas_due_at",
        "sagas",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
        mssql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_table(
        "slot_durations",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slot_durations")),
        sa.UniqueConstraint("minutes", name=op.f("uq_slot_durations_minutes")),
    )
    op.create_table(
        "slots",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("care_provider_id", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("slot_duration_id", sa.Integer(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["slot_duration_id"], ["slot_durations.id"], name=op.f("fk_slots_slot_duration_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slots")),
    )
    op.create_index("ix_slots_care_provider_id_starts_at", "slots", ["care_provider_id", "starts_at"], unique=False)
    op.create_table(
        "bookings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("care_provider_id", sa.BigInteger(), nullable=False),
        sa.Column("slot_id", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("communication_type", sa.SmallInteger(), nullable=False),
        sa.Column("platform", sa.SmallInteger(), nullable=False),
        sa.Column("is_from_mobile", sa.Boolean(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("meeting_id", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.Integer(), nullable=True),
        sa.Column("failed_step", sa.String(length=40), nullable=True),
        sa.Column("withdrawn_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["slot_id"], ["slots.id"], name=op.f("fk_bookings_slot_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bookings")),
    )
    op.create_index("ix_bookings_organization_id_id", "bookings", ["organization_id", "id"], unique=False)


def downgrade() -> None:

    op.drop_index("ix_bookings_organization_id_id", table_name="bookings")
    op.drop_table("bookings")
    op.drop_index("ix_slots_care_provider_id_starts_at", table_name="slots")
    op.drop_table("slots")
    op.drop_table("slot_durations")
    op.drop_index(
        "ix_sagas_due_at",
        table_name="sagas",
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
        mssql_where=sa.text("due_at IS NOT NULL"),
    )
    op.drop_index(op.f("ix_sagas_booking_id"), table_name="sagas")
    op.drop_table("sagas")
    op.drop_index(op.f("ix_saga_attempts_booking_id"), table_name="saga_attempts")
    op.drop_table("saga_attempts")
    op.drop_index("ix_reserved_cells_booking_id", table_name="reserved_cells")
    op.drop_table("reserved_cells")
    op.drop_index("ix_provider_hours_care_provider_id_starts_at", table_name="provider_hours")
    op.drop_table("provider_hours")
    op.drop_table("idempotency_keys")
    op.drop_table("booking_events")
