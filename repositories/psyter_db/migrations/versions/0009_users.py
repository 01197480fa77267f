"""assessments and favorites of users"""

import sqlalchemy as sa
from alembic import op

from repositories.database import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _questionnaires()
    _submissions()
    op.create_table(
        "favorite_care_providers",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("care_provider_id", sa.BigInteger(), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        _foreign("favorite_care_providers", "user_id", "users.id"),
        _foreign("favorite_care_providers", "care_provider_id", "care_providers.id"),
        sa.PrimaryKeyConstraint("user_id", "care_provider_id", name=op.f("pk_favorite_care_providers")),
    )
    op.add_column("users", sa.Column("favorites", sa.SmallInteger(), server_default="0", nullable=False))


def _foreign(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"))


def _questionnaires() -> None:
    op.create_table(
        "screening_questionnaires",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("published_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_screening_questionnaires")),
    )
    op.create_table(
        "screening_questions",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("questionnaire_version", sa.Integer(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("question_type", sa.SmallInteger(), nullable=False),
        sa.Column("is_required", sa.Boolean(), nullable=False),
        sa.Column("longest_answer", sa.Integer(), nullable=True),
        sa.Column("text_plang", sa.Unicode(length=500), nullable=False),
        sa.Column("text_slang", sa.Unicode(length=500), nullable=False),
        _foreign("screening_questions", "questionnaire_version", "screening_questionnaires.version"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_screening_questions")),
        sa.UniqueConstraint(
            "questionnaire_version", "position", name=op.f("uq_screening_questions_questionnaire_version_position")
        ),
    )
    op.create_table(
        "screening_question_options",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("question_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("name_plang", sa.Unicode(length=200), nullable=False),
        sa.Column("name_slang", sa.Unicode(length=200), nullable=False),
        _foreign("screening_question_options", "question_id", "screening_questions.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_screening_question_options")),
        sa.UniqueConstraint("question_id", "position", name=op.f("uq_screening_question_options_question_id_position")),
    )


def _submissions() -> None:
    op.create_table(
        "assessment_submissions",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("questionnaire_version", sa.Integer(), nullable=False),
        sa.Column("submitted_at", UtcDateTime(), nullable=False),
        _foreign("assessment_submissions", "organization_id", "organizations.id"),
        _foreign("assessment_submissions", "user_id", "users.id"),
        _foreign("assessment_submissions", "questionnaire_version", "screening_questionnaires.version"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment_submissions")),
        sa.UniqueConstraint("user_id", "number", name=op.f("uq_assessment_submissions_user_id_number")),
    )
    op.create_table(
        "assessment_answers",
        sa.Column("submission_id", sa.BigInteger(), nullable=False),
        sa.Column("question_id", sa.BigInteger(), nullable=False),
        sa.Column("option_id", sa.BigInteger(), nullable=True),
        sa.Column("answer_text", sa.Unicode(length=2000), nullable=True),
        _foreign("assessment_answers", "submission_id", "assessment_submissions.id"),
        _foreign("assessment_answers", "question_id", "screening_questions.id"),
        _foreign("assessment_answers", "option_id", "screening_question_options.id"),
        sa.PrimaryKeyConstraint("submission_id", "question_id", name=op.f("pk_assessment_answers")),
    )
