"""what a search reads: which free slot is a provider's next, and what providers can be filtered by"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

IS_FREE = sa.text("next_after IS NOT NULL")


def upgrade() -> None:
    for name in ("starts_cell", "ends_cell", "next_after"):
        op.add_column("slots", sa.Column(name, sa.BigInteger(), nullable=True))
    op.add_column("slots", sa.Column("gap_class", sa.SmallInteger(), nullable=True))
    op.drop_index("ix_slots_care_provider_id_starts_at", "slots")
    op.create_index("ix_slots_care_provider_id_starts_cell", "slots", ["care_provider_id", "starts_cell"])
    _free_index("ix_slots_free_of_provider", ["care_provider_id", "starts_cell"])
    _free_index("ix_slots_free_by_gap", ["gap_class", "starts_cell", "care_provider_id", "next_after"])
    op.create_table(
        "provider_calendars",
        sa.Column("care_provider_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("changes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("facts_digest", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("care_provider_id", name=op.f("pk_provider_calendars")),
    )
    op.execute("INSERT INTO provider_calendars (care_provider_id) SELECT DISTINCT care_provider_id FROM slots")
    _facets()


def _free_index(name: str, columns: list[str]) -> None:
    op.create_index(name, "slots", columns, sqlite_where=IS_FREE, postgresql_where=IS_FREE, mssql_where=IS_FREE)


def _facets() -> None:
    op.create_table(
        "provider_facets",
        sa.Column("care_provider_id", sa.BigInteger(), nullable=False),
        sa.Column("language_id", sa.Integer(), nullable=False),
        sa.Column("specialty_id", sa.Integer(), nullable=False),
        sa.Column("gender", sa.SmallInteger(), nullable=False),
        sa.Column("experience_level_id", sa.Integer(), nullable=False),
        sa.Column("provider_level_id", sa.Integer(), nullable=False),
        sa.Column("hourly_rate_minor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("care_provider_id", "language_id", "specialty_id", name=op.f("pk_provider_facets")),
    )
    op.create_index(
        "ix_provider_facets_filter",
        "provider_facets",
        [
            *("language_id", "specialty_id", "gender", "experience_level_id", "provider_level_id"),
            *("hourly_rate_minor", "care_provider_id"),
        ],
    )
