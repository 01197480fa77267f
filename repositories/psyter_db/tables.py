"""PsyterDatabase: organizations and their keys, users and their assessments, care providers,
catalogue, orders, ledger, settings, idempotency keys.

Money is in hundredths of the currency unit. Names may be Arabic, so they are Unicode on every engine.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
)

from repositories.columns import filtered_index
from repositories.database import NAMING, BigId, UtcDateTime, exact, text
from repositories.deed_rows import deed_columns, outbox_table
from repositories.idempotency import keys_table

metadata = MetaData(naming_convention=NAMING)

organizations = Table(
    "organizations",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("name", text(200), nullable=False),
    Column("is_charity", Boolean, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("sealed_shared_api_key", String(400), nullable=False),
    Column("cancellation_deadline_minutes", Integer, nullable=False, server_default="0"),
)

organization_access_keys = Table(
    "organization_access_keys",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("organization_id", BigInteger, ForeignKey("organizations.id"), nullable=False),
    Column("key_digest", String(64), nullable=False, unique=True),
    Column("role", String(20), nullable=False),
    Column("label", text(100), nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("extra_scopes", String(1000), nullable=False, server_default=""),  # with blanks between
    Column("created_at", UtcDateTime),
    Column("expires_at", UtcDateTime),
    Column("last_used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Column("revoked_by", text(100)),
    Column("revoked_why", text(500)),
    Index("ix_organization_access_keys_organization_id", "organization_id"),
)

token_families = Table(
    "token_families",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("access_key_id", BigInteger, ForeignKey("organization_access_keys.id"), nullable=False),
    Column("scope", String(1000), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),  # from then on no token of it is good
    Column("ended_at", UtcDateTime),
    Column("ended_why", String(10)),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("family_id", BigInteger, ForeignKey("token_families.id"), nullable=False, index=True),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("used_at", UtcDateTime),
    Column("successor_digest", String(64)),
)

organization_rate_limits = Table(
    "organization_rate_limits",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.id"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("per_minute", Integer, nullable=False),
    PrimaryKeyConstraint("organization_id", "kind"),
)

organization_balances = Table(
    "organization_balances",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.id"), primary_key=True, autoincrement=False),
    Column("balance_minor", BigInteger, nullable=False),
    Column("deposited_minor", BigInteger, nullable=False, server_default="0"),  # all that was ever paid in
    CheckConstraint("balance_minor >= 0", name="ck_organization_balances_not_negative"),
)

users = Table(
    "users",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("organization_id", BigInteger, ForeignKey("organizations.id"), nullable=False),
    Column("reference_id", exact(100), nullable=False),
    Column("name", text(200), nullable=False),
    Column("dob", Date, nullable=False),
    Column("gender", SmallInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("favorites", SmallInteger, nullable=False, server_default="0"),  # how many; never more than there may be
    Column("erased_at", UtcDateTime),  # from then on the row stands for nobody
    Column("erased_by", text(100)),
    Column("erased_why", text(500)),
    UniqueConstraint("organization_id", "reference_id"),
)

screening_questionnaires = Table(
    "screening_questionnaires",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("published_at", UtcDateTime),  # NULL while it is being written; the newest that is published counts
)

screening_questions = Table(
    "screening_questions",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("questionnaire_version", Integer, ForeignKey("screening_questionnaires.version"), nullable=False),
    Column("position", SmallInteger, nullable=False),
    Column("question_type", SmallInteger, nullable=False),
    Column("is_required", Boolean, nullable=False),
    Column("longest_answer", Integer),  # characters; NULL for a choice
    Column("text_plang", text(500), nullable=False),
    Column("text_slang", text(500), nullable=False),
    UniqueConstraint("questionnaire_version", "position"),
)

screening_question_options = Table(
    "screening_question_options",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("question_id", BigInteger, ForeignKey("screening_questions.id"), nullable=False),
    Column("position", SmallInteger, nullable=False),
    Column("name_plang", text(200), nullable=False),
    Column("name_slang", text(200), nullable=False),
    UniqueConstraint("question_id", "position"),
)

assessment_submissions = Table(
    "assessment_submissions",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("organization_id", BigInteger, ForeignKey("organizations.id"), nullable=False),
    Column("user_id", BigInteger, ForeignKey("users.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("questionnaire_version", Integer, ForeignKey("screening_questionnaires.version"), nullable=False),
    Column("submitted_at", UtcDateTime, nullable=False),
    UniqueConstraint("user_id", "number"),
)

assessment_answers = Table(
    "assessment_answers",
    metadata,
    Column("submission_id", BigInteger, ForeignKey("assessment_submissions.id"), nullable=False),
    Column("question_id", BigInteger, ForeignKey("screening_questions.id"), nullable=False),
    Column("option_id", BigInteger, ForeignKey("screening_question_options.id")),
    Column("answer_text", text(2000)),
    PrimaryKeyConstraint("submission_id", "question_id"),
)

care_providers = Table(
    "care_providers",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("full_name_plang", text(200), nullable=False),
    Column("full_name_slang", text(200), nullable=False),
    Column("gender", SmallInteger, nullable=False),
    Column("experience_years", SmallInteger, nullable=False),
    Column("provider_level_id", Integer, ForeignKey("provider_levels.id"), nullable=False),
    Column("hourly_rate_minor", BigInteger, nullable=False),
    Column("rating_hundredths", Integer, nullable=False),
    Column("time_zone", String(64), nullable=False),
    Column("profile_image_url", String(400), nullable=False),
    Column("bio_plang", text(1000), nullable=False),
    Column("bio_slang", text(1000), nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("title_plang", text(100), nullable=False, server_default=""),
    Column("title_slang", text(100), nullable=False, server_default=""),
    Column("short_bio_plang", text(300), nullable=False, server_default=""),
    Column("short_bio_slang", text(300), nullable=False, server_default=""),
    Column("country_code", String(2), nullable=False, server_default=""),  # ISO 3166
    Column("reviews_count", Integer, nullable=False, server_default="0"),
)

care_provider_qualifications = Table(
    "care_provider_qualifications",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("care_provider_id", BigInteger, ForeignKey("care_providers.id"), nullable=False, index=True),
    Column("kind", String(15), nullable=False),
    Column("title_plang", text(200), nullable=False),
    Column("title_slang", text(200), nullable=False),
    Column("issuer_plang", text(200), nullable=False),
    Column("issuer_slang", text(200), nullable=False),
    Column("number", text(50), nullable=False),  # of a licence or a certificate
    Column("from_year", SmallInteger),
    Column("to_year", SmallInteger),
)

care_provider_images = Table(
    "care_provider_images",
    metadata,
    Column("care_provider_id", BigInteger, ForeignKey("care_providers.id"), nullable=False),
    Column("position", SmallInteger, nullable=False),
    Column("url", String(400), nullable=False),
    PrimaryKeyConstraint("care_provider_id", "position"),
)


managed_care_providers = Table(  # whose hours and slots an organization may open, block and remove
    "managed_care_providers",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.id"), nullable=False),
    Column("care_provider_id", BigInteger, ForeignKey("care_providers.id"), nullable=False),
    PrimaryKeyConstraint("organization_id", "care_provider_id"),
)

managed_provider_audit = Table(  # who decided so, and why
    "managed_provider_audit",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("organization_id", BigInteger, nullable=False, index=True),
    Column("care_provider_id", BigInteger, nullable=False),
    Column("action", String(10), nullable=False),
    Column("operator", text(100), nullable=False),
    Column("why", text(500), nullable=False),
    Column("at", UtcDateTime, nullable=False),
)


def _catalogue(name: str, *more: Column[Any]) -> Table:
    return Table(
        name,
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("name_plang", text(100), nullable=False),
        Column("name_slang", text(100), nullable=False),
        *more,
    )


def _link(name: str, catalogue: Table, column: str) -> Table:
    return Table(
        name,
        metadata,
        Column("care_provider_id", BigInteger, ForeignKey("care_providers.id"), nullable=False),
        Column(column, Integer, ForeignKey(catalogue.c.id), nullable=False),
        PrimaryKeyConstraint("care_provider_id", column),
        Index(f"ix_{name}_{column}", column),
    )


languages = _catalogue("languages")
specialties = _catalogue("specialties")
experience_levels = _catalogue(
    "experience_levels", Column("min_years", SmallInteger, nullable=False, server_default="0")
)
provider_levels = _catalogue("provider_levels")
care_provider_languages = _link("care_provider_languages", languages, "language_id")
care_provider_specialties = _link("care_provider_specialties", specialties, "specialty_id")

favorite_care_providers = Table(
    "favorite_care_providers",
    metadata,
    Column("user_id", BigInteger, ForeignKey("users.id"), nullable=False),
    Column("care_provider_id", BigInteger, ForeignKey("care_providers.id"), nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("user_id", "care_provider_id"),
)

orders = Table(
    "orders",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("booking_id", BigInteger, nullable=False, unique=True),
    Column("organization_id", BigInteger),  # NULL in a void order that only keeps a late one out
    Column("user_id", BigInteger),
    Column("care_provider_id", BigInteger),
    Column("status", String(10), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("is_charged_to_balance", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("ix_orders_updated_at", "updated_at"),
    Index("ix_orders_user_id", "user_id"),
)

balance_ledger = Table(
    "balance_ledger",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("organization_id", BigInteger, ForeignKey("organizations.id"), nullable=False, index=True),
    Column("order_id", BigInteger, ForeignKey("orders.id"), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("change_key", String(64), nullable=False, server_default=""),  # of the order's change, if it is one
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("order_id", "kind", "change_key"),
)

order_changes = Table(
    "order_changes",
    metadata,
    Column("change_key", String(64), primary_key=True),
    Column("booking_id", BigInteger, nullable=False, index=True),
    Column("before_minor", BigInteger, nullable=False),
    Column("after_minor", BigInteger, nullable=False),
    Column("is_reverted", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

cat_app_config_settings = Table(
    "cat_app_config_settings",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("group_id", Integer, nullable=False),
    Column("name", String(100), nullable=False),
    Column("value", text(1000), nullable=False),
    UniqueConstraint("group_id", "name"),
)

operators = Table(
    "operators",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("name", exact(100), nullable=False, unique=True),
    Column("password_hash", String(300), nullable=False),
    Column("role", String(20), nullable=False),
    Column("generation", Integer, nullable=False),  # of sessions: one begun under an earlier one has ended
    Column("disabled_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("signed_in_at", UtcDateTime),
)

operator_audit = Table(
    "operator_audit",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("operator_id", BigInteger, ForeignKey("operators.id"), nullable=False, index=True),
    Column("action", String(20), nullable=False),
    Column("done_by", text(100), nullable=False),
    Column("why", text(500), nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

reminder_preferences = Table(
    "reminder_preferences",
    metadata,
    Column("recipient", String(15), nullable=False),
    Column("recipient_id", BigInteger, nullable=False),  # a user, or a care provider
    Column("minutes", String(100), nullable=False),  # before a session, with blanks between; none: no reminders
    Column("changed_at", UtcDateTime, nullable=False),
    Column("unapplied_since", UtcDateTime),  # until their bookings know of the change
    PrimaryKeyConstraint("recipient", "recipient_id"),
)
is_unapplied = reminder_preferences.c.unapplied_since.is_not(None)
filtered_index("ix_reminder_preferences_unapplied_since", reminder_preferences.c.unapplied_since, where=is_unapplied)

idempotency_keys = keys_table(metadata)

audit_outbox = outbox_table(metadata)

audit_log = Table(
    "audit_log",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("seal", String(64), nullable=False),
    *deed_columns(),
    Index("ix_audit_log_organization_id_occurred_at", "organization_id", "occurred_at", "sequence"),
    Index("ix_audit_log_organization_id_action", "organization_id", "action", "occurred_at", "sequence"),
)

command_reasons = Table(  # of the deed with this request id
    "command_reasons",
    metadata,
    Column("request_id", String(64), primary_key=True),
    Column("why", text(500), nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

audit_head = Table(  # one row
    "audit_head",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
    Column("seal", String(64), nullable=False),
    Column("signature", String(64), nullable=False),
    Column("sealed_at", UtcDateTime),
)
