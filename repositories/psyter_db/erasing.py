"""One user's data in PsyterDatabase: all of it to read, and a row without a person in its place.

The row stays, for orders and bookings name it by its id; what says who it was goes. Its referenceId becomes a random
one, so that the partner may register somebody under the old one anew.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, select, update

from repositories.acting import about
from repositories.database import Database
from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.enums import Recipient
from repositories.idempotency import KeyedChanges
from repositories.ports.errors import UserUnknown
from repositories.psyter_db.idempotency import PSYTER_KEYS
from repositories.psyter_db.tables import (
    assessment_answers,
    assessment_submissions,
    favorite_care_providers,
    orders,
    reminder_preferences,
    screening_question_options,
    screening_questions,
    users,
)

NOBODYS_BIRTH = date(1900, 1, 1)
NOBODYS_GENDER = 9  # ISO 5218: not applicable

_OF_USER: BindParameter[Any] = bindparam("of_user")
WHOSE = select(users.c.organization_id).where(users.c.id == _OF_USER)
ROW = select(
    users.c.id,
    users.c.organization_id,
    users.c.reference_id,
    users.c.name,
    users.c.dob,
    users.c.gender,
    users.c.created_at,
    users.c.erased_at,
).where(users.c.id == _OF_USER)
SUBMITTED = (
    select(
        assessment_submissions.c.number,
        assessment_submissions.c.questionnaire_version,
        assessment_submissions.c.submitted_at,
        screening_questions.c.text_plang.label("question"),
        assessment_answers.c.answer_text,
        screening_question_options.c.name_plang.label("option"),
    )
    .join(assessment_answers, assessment_answers.c.submission_id == assessment_submissions.c.id)
    .join(screening_questions, screening_questions.c.id == assessment_answers.c.question_id)
    .outerjoin(screening_question_options, screening_question_options.c.id == assessment_answers.c.option_id)
    .where(assessment_submissions.c.user_id == _OF_USER)
    .order_by(assessment_submissions.c.number, screening_questions.c.position)
)
FAVORITES = (
    select(favorite_care_providers.c.care_provider_id, favorite_care_providers.c.added_at)
    .where(favorite_care_providers.c.user_id == _OF_USER)
    .order_by(favorite_care_providers.c.added_at)
)
_IS_THEIRS = (
    reminder_preferences.c.recipient == Recipient.USER.value,
    reminder_preferences.c.recipient_id == _OF_USER,
)
REMINDERS = select(reminder_preferences.c.minutes, reminder_preferences.c.changed_at).where(*_IS_THEIRS)
ORDERS = (
    select(
        orders.c.id,
        orders.c.booking_id,
        orders.c.care_provider_id,
        orders.c.status,
        orders.c.amount_minor,
        orders.c.is_charged_to_balance,
        orders.c.created_at,
    )
    .where(orders.c.user_id == _OF_USER)
    .order_by(orders.c.id)
)

FORGET_PERSON = (
    update(users)
    .where(users.c.id == _OF_USER, users.c.erased_at.is_(None))
    .values(
        name="",
        dob=NOBODYS_BIRTH,
        gender=NOBODYS_GENDER,
        favorites=0,
        reference_id=bindparam("reference"),
        erased_at=bindparam("now"),
        erased_by=bindparam("by"),
        erased_why=bindparam("why"),
    )
)
FORGET_ANSWERS = delete(assessment_answers).where(
    assessment_answers.c.submission_id.in_(
        select(assessment_submissions.c.id).where(assessment_submissions.c.user_id == _OF_USER)
    )
)
FORGET_SUBMISSIONS = delete(assessment_submissions).where(assessment_submissions.c.user_id == _OF_USER)
FORGET_FAVORITES = delete(favorite_care_providers).where(favorite_care_providers.c.user_id == _OF_USER)
FORGET_REMINDERS = delete(reminder_preferences).where(*_IS_THEIRS)
FORGET_ALL = (FORGET_ANSWERS, FORGET_SUBMISSIONS, FORGET_FAVORITES, FORGET_REMINDERS)


class SqlPersonalData:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._changes = KeyedChanges(database, PSYTER_KEYS)

    def organization_of(self, user_id: int, *, organization_id: int | None) -> int:
        with self._database.reading() as connection:
            found = connection.execute(WHOSE, {"of_user": user_id}).scalar_one_or_none()
        if found is None or organization_id not in (None, found):
            raise UserUnknown
        return int(found)

    def export(self, user_id: int) -> Mapping[str, Any]:
        which = {"of_user": user_id}
        with self._database.reading(one_moment=True) as connection:
            return {
                "user": plain(connection.execute(ROW, which).one()._mapping),
                "assessments": [plain(row._mapping) for row in connection.execute(SUBMITTED, which)],
                "favorites": [plain(row._mapping) for row in connection.execute(FAVORITES, which)],
                "reminders": [plain(row._mapping) for row in connection.execute(REMINDERS, which)],
                "orders": [plain(row._mapping) for row in connection.execute(ORDERS, which)],
            }

    def erase(
        self,
        user_id: int,
        *,
        organization_id: int,
        key: IdempotencyKey | None,
        asked: tuple[str | None, str | None],
        now: datetime,
    ) -> Change:
        by, why = asked
        values = {"of_user": user_id, "reference": f"erased-{uuid.uuid4().hex}", "now": now, "by": by, "why": why}

        def work(connection: Connection) -> Sequence[int]:
            connection.execute(FORGET_PERSON, values)  # first: whoever submits for this user waits for the row
            for forget in FORGET_ALL:
                connection.execute(forget, {"of_user": user_id})
            about("user", user_id, action="user.erase", organization_id=organization_id)
            return [user_id]

        return self._changes.make(work, key=key, organization_id=organization_id, now=now)


def plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """As JSON can have it: instants in UTC with a Z, dates as dates."""
    return {str(name): _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return value.isoformat() if isinstance(value, date) else value
