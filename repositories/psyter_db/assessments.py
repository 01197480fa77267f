"""The screening questionnaire, and every submission of every user: none is ever changed."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from repositories.acting import about
from repositories.database import Database
from repositories.entities.assessments import (
    Answer,
    AnswerRead,
    NewSubmission,
    Option,
    Question,
    Questionnaire,
    Submission,
)
from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.enums import QuestionType
from repositories.idempotency import KeyedChanges
from repositories.psyter_db.idempotency import PSYTER_KEYS
from repositories.psyter_db.tables import (
    assessment_answers,
    assessment_submissions,
    screening_question_options,
    screening_questionnaires,
    screening_questions,
    users,
)

Line = Any  # a row of a join: a question, and one of its options or none

_QUESTION = (
    screening_questions.c.questionnaire_version,
    screening_questions.c.id,
    screening_questions.c.question_type,
    screening_questions.c.is_required,
    screening_questions.c.longest_answer,
    screening_questions.c.text_plang,
    screening_questions.c.text_slang,
    screening_question_options.c.id.label("option_id"),
    screening_question_options.c.name_plang.label("option_plang"),
    screening_question_options.c.name_slang.label("option_slang"),
)
_PUBLISHED = (
    select(func.max(screening_questionnaires.c.version))
    .where(screening_questionnaires.c.published_at <= bindparam("now"))
    .scalar_subquery()
)
QUESTIONS = (
    select(*_QUESTION)
    .outerjoin(screening_question_options, screening_question_options.c.question_id == screening_questions.c.id)
    .where(screening_questions.c.questionnaire_version == _PUBLISHED)
    .order_by(screening_questions.c.position, screening_question_options.c.position)
)
TAKE_TURN = (  # changes nothing: whoever else submits for this user waits here for the commit
    update(users).where(users.c.id == bindparam("of_user")).values(favorites=users.c.favorites)
)
NEWEST_NUMBER = select(func.coalesce(func.max(assessment_submissions.c.number), 0)).where(
    assessment_submissions.c.user_id == bindparam("of_user")
)
ADD_SUBMISSION = insert(assessment_submissions)
ADD_ANSWER = insert(assessment_answers)
SUBMISSIONS = (
    select(assessment_submissions)
    .where(
        assessment_submissions.c.organization_id == bindparam("of_organization"),
        assessment_submissions.c.user_id == bindparam("of_user"),
        assessment_submissions.c.number < bindparam("before_number"),
    )
    .order_by(assessment_submissions.c.number.desc())
    .limit(bindparam("most"))
)
ANSWERS = (
    select(assessment_answers.c.submission_id, assessment_answers.c.answer_text, *_QUESTION)
    .join(screening_questions, screening_questions.c.id == assessment_answers.c.question_id)
    .outerjoin(screening_question_options, screening_question_options.c.id == assessment_answers.c.option_id)
    .where(assessment_answers.c.submission_id.in_(bindparam("submission_ids", expanding=True)))
    .order_by(assessment_answers.c.submission_id, screening_questions.c.position)
)
ABOVE_ALL = 2**31 - 1  # no submission has this number


class SqlAssessments:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._changes = KeyedChanges(database, PSYTER_KEYS)

    def find_questionnaire(self, *, now: datetime) -> Questionnaire | None:
        with self._database.reading() as connection:
            rows = connection.execute(QUESTIONS, {"now": now}).all()
        if not rows:
            return None
        return Questionnaire(version=rows[0].questionnaire_version, questions=tuple(_questions_of(rows)))

    def submit(self, submission: NewSubmission, *, key: IdempotencyKey | None, now: datetime) -> Change:
        def work(connection: Connection) -> Sequence[int]:
            connection.execute(TAKE_TURN, {"of_user": submission.user_id})
            number = 1 + int(connection.execute(NEWEST_NUMBER, {"of_user": submission.user_id}).scalar_one())
            submission_id = _add_submission(connection, submission, number, now)
            if submission.answers:
                connection.execute(ADD_ANSWER, [_answer_row(submission_id, answer) for answer in submission.answers])
            about("user", submission.user_id)
            return submission_id, number

        return self._changes.make(work, key=key, organization_id=submission.organization_id, now=now)

    def list_submissions(
        self, user_id: int, *, organization_id: int, before: int | None, limit: int
    ) -> Sequence[Submission]:
        wanted = {
            "of_organization": organization_id,
            "of_user": user_id,
            "before_number": before or ABOVE_ALL,
            "most": limit,
        }
        with self._database.reading() as connection:
            rows = connection.execute(SUBMISSIONS, wanted).all()
            lines = connection.execute(ANSWERS, {"submission_ids": [row.id for row in rows]}).all() if rows else []
        answers = {number: tuple(map(_answer_read, given)) for number, given in groupby(lines, _submission_id)}
        return [_submission_of(row, answers.get(row.id, ())) for row in rows]


def _add_submission(connection: Connection, submission: NewSubmission, number: int, now: datetime) -> int:
    values = {
        "organization_id": submission.organization_id,
        "user_id": submission.user_id,
        "number": number,
        "questionnaire_version": submission.questionnaire_version,
        "submitted_at": now,
    }
    return int(connection.execute(ADD_SUBMISSION, values).inserted_primary_key[0])  # type: ignore[index]


def _answer_row(submission_id: int, answer: Answer) -> dict[str, Any]:
    return {
        "submission_id": submission_id,
        "question_id": answer.question_id,
        "option_id": answer.option_id,
        "answer_text": answer.text,
    }


def _questions_of(rows: Iterable[Line]) -> Iterable[Question]:
    """One question for each run of rows; a row for each of its options, or one without."""
    for _, found in groupby(rows, lambda row: row.id):
        of_one = list(found)
        yield _question_of(of_one[0], tuple(option for row in of_one if (option := _option_of(row)) is not None))


def _question_of(row: Line, options: tuple[Option, ...]) -> Question:
    return Question(
        id=row.id,
        type=QuestionType(row.question_type),
        is_required=row.is_required,
        longest_answer=row.longest_answer,
        text_plang=row.text_plang,
        text_slang=row.text_slang,
        options=options,
    )


def _option_of(row: Line) -> Option | None:
    if row.option_id is None:
        return None
    return Option(id=row.option_id, name_plang=row.option_plang, name_slang=row.option_slang)


def _answer_read(row: Line) -> AnswerRead:
    return AnswerRead(question=_question_of(row, ()), option=_option_of(row), text=row.answer_text)


def _submission_id(row: Line) -> int:
    return int(row.submission_id)


def _submission_of(row: Line, answers: tuple[AnswerRead, ...]) -> Submission:
    return Submission(
        id=row.id,
        number=row.number,
        questionnaire_version=row.questionnaire_version,
        submitted_at=row.submitted_at,
        answers=answers,
    )
