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
        "cat_app_config_settings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("value", sa.Unicode(length=1000), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cat_app_config_settings")),
        sa.UniqueConstraint("group_id", "name", name=op.f("uq_cat_app_config_settings_group_id_name")),
    )
    op.create_table(
        "experience_levels",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name_plang", sa.Unicode(length=100), nullable=False),
        sa.Column("name_slang", sa.Unicode(length=100), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experience_levels")),
    )
    op.create_table(
        "languages",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name_plang", sa.Unicode(length=100), nullable=False),
        sa.Column("name_slang", sa.Unicode(length=100), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_languages")),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("care_provider_id", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("is_charged_to_balance", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("booking_id", name=op.f("uq_orders_booking_id")),
    )
    op.create_table(
        "organizations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Unicode(length=200), nullable=False),
        sa.Column("is_charity", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("sealed_shared_api_key", sa.String(length=400), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organizations")),
    )
    op.create_table(
        "provider_levels",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name_plang", sa.Unicode(length=100), nullable=False),
        sa.Column("name_slang", sa.Unicode(length=100), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_levels")),
    )
    op.create_table(
        "specialties",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name_plang", sa.Unicode(length=100), nullable=False),
        sa.Column("name_slang", sa.Unicode(length=100), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_specialties")),
    )
    op.create_table(
        "balance_ledger",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_balance_ledger_order_id")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_balance_ledger_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_balance_ledger")),
        sa.UniqueConstraint("order_id", "kind", name=op.f("uq_balance_ledger_order_id_kind")),
    )
    op.create_index(op.f("ix_balance_ledger_organization_id"), "balance_ledger", ["organization_id"], unique=False)
    op.create_table(
        "care_providers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("full_name_plang", sa.Unicode(length=200), nullable=False),
        sa.Column("full_name_slang", sa.Unicode(length=200), nullable=False),
        sa.Column("gender", sa.SmallInteger(), nullable=False),
        sa.Column("experience_years", sa.SmallInteger(), nullable=False),
        sa.Column("provider_level_id", sa.Integer(), nullable=False),
        sa.Column("hourly_rate_minor", sa.BigInteger(), nullable=False),
        sa.Column("rating_hundredths", sa.Integer(), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("profile_image_url", sa.String(length=400), nullable=False),
        sa.Column("bio_plang", sa.Unicode(length=1000), nullable=False),
        sa.Column("bio_slang", sa.Unicode(length=1000), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_level_id"], ["provider_levels.id"], name=op.f("fk_care_providers_provider_level_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_care_providers")),
    )
    op.create_table(
        "organization_access_keys",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("key_digest", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("label", sa.Unicode(length=100), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_organization_access_keys_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organization_access_keys")),
        sa.UniqueConstraint("key_digest", name=op.f("uq_organization_access_keys_key_digest")),
    )
    op.create_table(
        "organization_balances",
        sa.Column("organization_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("balance_minor >= 0", name="ck_organization_balances_not_negative"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_organization_balances_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_organization_balances")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("reference_id", sa.Unicode(length=100), nullable=False),
        sa.Column("name", sa.Unicode(length=200), nullable=False),
        sa.Column("dob", sa.Date(), nullable=False),
        sa.Column("gender", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_users_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("organization_id", "reference_id", name=op.f("uq_users_organization_id_reference_id")),
    )
    op.create_table(
        "care_provider_languages",
        sa.Column("care_provider_id", sa.BigInteger(), nullable=False),
        sa.Column("language_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["care_provider_id"], ["care_providers.id"], name=op.f("fk_care_provider_languages_care_provider_id")
        ),
        sa.ForeignKeyConstraint(["language_id"], ["languages.id"], name=op.f("fk_care_provider_languages_language_id")),
        sa.PrimaryKeyConstraint("care_provider_id", "language_id", name=op.f("pk_care_provider_languages")),
    )
    op.create_index("ix_care_provider_languages_language_id", "care_provider_languages", ["language_id"], unique=False)
    op.create_table(
        "care_provider_specialties",
        sa.Column("care_provider_id", sa.BigInteger(), nullable=False),
        sa.Column("specialty_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["care_provider_id"], ["care_providers.id"], name=op.f("fk_care_provider_specialties_care_provider_id")
        ),
        sa.ForeignKeyConstraint(
            ["specialty_id"], ["specialties.id"], name=op.f("fk_care_provider_specialties_specialty_id")
        ),
        sa.PrimaryKeyConstraint("care_provider_id", "specialty_id", name=op.f("pk_care_provider_specialties")),
    )
    op.create_index(
        "ix_care_provider_specialties_specialty_id", "care_provider_specialties", ["specialty_id"], unique=False
    )


def downgrade() -> None:

    op.drop_index("ix_care_provider_specialties_specialty_id", table_name="care_provider_specialties")
    op.drop_table("care_provider_specialties")
    op.drop_index("ix_care_provider_languages_language_id", table_name="care_provider_languages")
    op.drop_table("care_provider_languages")
    op.drop_table("users")
    op.drop_table("organization_balances")
    op.drop_table("organization_access_keys")
    op.drop_table("care_providers")
    op.drop_index(op.f("ix_balance_ledger_organization_id"), table_name="balance_ledger")
    op.drop_table("balance_ledger")
    op.drop_table("specialties")
    op.drop_table("provider_levels")
    op.drop_table("organizations")
    op.drop_table("orders")
    op.drop_table("languages")
    op.drop_table("experience_levels")
    op.drop_table("cat_app_config_settings")
