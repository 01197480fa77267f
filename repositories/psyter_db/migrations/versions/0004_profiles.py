"""care providers: what their profile shows, and from how many years on an experience level holds"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

FIRST_YEAR_OF = {1: 0, 2: 5, 3: 11}  # "up to 5", "5 to 10", "over 10"


def upgrade() -> None:
    for name, length in (("title", 100), ("short_bio", 300)):
        for language in ("plang", "slang"):
            column = sa.Column(f"{name}_{language}", sa.Unicode(length=length), server_default="", nullable=False)
            op.add_column("care_providers", column)
    op.add_column("care_providers", sa.Column("country_code", sa.String(length=2), server_default="", nullable=False))
    op.add_column("care_providers", sa.Column("reviews_count", sa.Integer(), server_default="0", nullable=False))
    op.add_column("experience_levels", sa.Column("min_years", sa.SmallInteger(), server_default="0", nullable=False))
    for level, years in FIRST_YEAR_OF.items():
        op.execute(f"UPDATE experience_levels SET min_years = {years} WHERE id = {level}")  # noqa: S608  our numbers
    _qualifications()
    _images()


def _qualifications() -> None:
    op.create_table(
        "care_provider_qualifications",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("care_provider_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=15), nullable=False),
        sa.Column("title_plang", sa.Unicode(length=200), nullable=False),
        sa.Column("title_slang", sa.Unicode(length=200), nullable=False),
        sa.Column("issuer_plang", sa.Unicode(length=200), nullable=False),
        sa.Column("issuer_slang", sa.Unicode(length=200), nullable=False),
        sa.Column("number", sa.Unicode(length=50), nullable=False),
        sa.Column("from_year", sa.SmallInteger(), nullable=True),
        sa.Column("to_year", sa.SmallInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["care_provider_id"],
            ["care_providers.id"],
            name=op.f("fk_care_provider_qualifications_care_provider_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_care_provider_qualifications")),
    )
    op.create_index(
        op.f("ix_care_provider_qualifications_care_provider_id"), "care_provider_qualifications", ["care_provider_id"]
    )


def _images() -> None:
    op.create_table(
        "care_provider_images",
        sa.Column("care_provider_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("url", sa.String(length=400), nullable=False),
        sa.ForeignKeyConstraint(
            ["care_provider_id"], ["care_providers.id"], name=op.f("fk_care_provider_images_care_provider_id")
        ),
        sa.PrimaryKeyConstraint("care_provider_id", "position", name=op.f("pk_care_provider_images")),
    )
