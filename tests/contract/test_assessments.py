"""What assessments rely on of PsyterDatabase: on the fake, and on every engine alike."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from repositories.database import Database
from repositories.entities.assessments import (
    Answer,
    NewSubmission,
    Option,
    Question,
    Questionnaire,
    Submission,
)
from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.enums import GenderType, QuestionType
from repositories.ports.errors import KeyReused
from repositories.psyter_db import tables
from repositories.psyter_db.assessments import SqlAssessments
from tests.conftest import FreshDatabase
from tests.engines import ENGINES
from tests.fakes.assessments import FakeAssessments

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
OURS, THEIRS = 1, 2
USER, SECOND, THEIR_USER = 1, 2, 3
KEY = IdempotencyKey(key="k", body_digest="d" * 64)


def question(id: int, *options: int, is_required: bool = True) -> Question:
    return Question(
        id=id,
        type=QuestionType.CHOICE if options else QuestionType.TEXT,
        is_required=is_required,
        longest_answer=None if options else 2000,
        text_plang=f"Question {id}",
        text_slang=f"سؤال {id}",
        options=tuple(Option(id=one, name_plang=f"Option {one}", name_slang=f"خيار {one}") for one in options),
    )


FIRST = Questionnaire(version=1, questions=(question(12, 22, 21), question(11), question(13, 23, is_required=False)))
SECOND_VERSION = Questionnaire(version=2, questions=(question(14),))
ANSWERS = (
    Answer(question_id=11, text="قلق\nمنذ شهر " * 100),
    Answer(question_id=12, option_id=21),
)


@dataclass
class World:
    assessments: Any
    publish: Callable[[Questionnaire, datetime | None], None]

    def submit(
        self,
        *answers: Answer,
        user: int = USER,
        version: int = 1,
        organization: int = OURS,
        key: IdempotencyKey | None = None,
        now: datetime = NOW,
    ) -> Change:
        submission = NewSubmission(
            organization_id=organization, user_id=user, questionnaire_version=version, answers=answers or ANSWERS
        )
        made: Change = self.assessments.submit(submission, key=key, now=now)
        return made

    def told(
        self, user: int = USER, *, organization: int = OURS, before: int | None = None, limit: int = 10
    ) -> list[Submission]:
        return list(self.assessments.list_submissions(user, organization_id=organization, before=before, limit=limit))


@pytest.fixture(params=["fake", *ENGINES])
def world(request: pytest.FixtureRequest, fresh_database: FreshDatabase) -> World:
    made = fake_world() if request.param == "fake" else sql_world(fresh_database(request.param, "psyter_db"))
    made.publish(FIRST, NOW)
    return made


def fake_world() -> World:
    fake = FakeAssessments()
    return World(fake, lambda questionnaire, at: fake.add_questionnaire(questionnaire, published_at=at))


def sql_world(database: Database) -> World:
    database.write(fill)

    def publish(questionnaire: Questionnaire, at: datetime | None) -> None:
        database.write(lambda connection: add_questionnaire(connection, questionnaire, at))

    return World(SqlAssessments(database), publish)


def fill(connection: Any) -> None:
    for number in (OURS, THEIRS):
        organization = {"id": number, "name": "x", "is_charity": False, "is_active": True}
        connection.execute(insert(tables.organizations), organization | {"sealed_shared_api_key": "x"})
    for number, organization_id in ((USER, OURS), (SECOND, OURS), (THEIR_USER, THEIRS)):
        user = {"organization_id": organization_id, "reference_id": f"R-{number}", "name": "x", "created_at": NOW}
        connection.execute(insert(tables.users), user | {"dob": NOW.date(), "gender": GenderType.MALE})


def add_questionnaire(connection: Any, questionnaire: Questionnaire, at: datetime | None) -> None:
    version = {"version": questionnaire.version, "published_at": at}
    connection.execute(insert(tables.screening_questionnaires), version)
    for position, one in enumerate(questionnaire.questions):
        row = {
            "id": one.id,
            "questionnaire_version": questionnaire.version,
            "position": position,
            "question_type": one.type,
            "is_required": one.is_required,
            "longest_answer": one.longest_answer,
            "text_plang": one.text_plang,
            "text_slang": one.text_slang,
        }
        connection.execute(insert(tables.screening_questions), row)
        for place, option in enumerate(one.options):
            known = {"id": option.id, "question_id": one.id, "position": place}
            names = {"name_plang": option.name_plang, "name_slang": option.name_slang}
            connection.execute(insert(tables.screening_question_options), known | names)


def test_the_questionnaire_is_read_as_it_was_written_in_its_order(world: World) -> None:
    assert world.assessments.find_questionnaire(now=NOW) == FIRST


def test_the_newest_published_questionnaire_counts_from_its_instant_on(world: World) -> None:
    world.publish(SECOND_VERSION, NOW + timedelta(hours=1))
    world.publish(Questionnaire(version=3, questions=(question(15),)), None)
    assert world.assessments.find_questionnaire(now=NOW - timedelta(seconds=1)) is None
    assert world.assessments.find_questionnaire(now=NOW + timedelta(minutes=59)) == FIRST
    assert world.assessments.find_questionnaire(now=NOW + timedelta(hours=1)) == SECOND_VERSION


def test_answers_are_read_with_their_words_in_the_order_of_the_questions(world: World) -> None:
    submission_id, number = world.submit().ids
    (told,) = world.told()
    assert (told.id, told.number, told.questionnaire_version, told.submitted_at) == (submission_id, number, 1, NOW)
    chosen, text = told.answers
    assert (chosen.question.id, chosen.option, chosen.text) == (12, FIRST.questions[0].options[1], None)
    assert (text.question.id, text.option, text.text) == (11, None, ANSWERS[0].text)


def test_every_submission_is_kept_and_numbered_for_each_user(world: World) -> None:
    numbers = [world.submit(now=NOW + timedelta(hours=n)).ids[1] for n in range(3)]
    assert numbers == [1, 2, 3]
    assert world.submit(user=SECOND).ids[1] == 1
    assert [(one.number, one.submitted_at) for one in world.told()] == [
        (3, NOW + timedelta(hours=2)),
        (2, NOW + timedelta(hours=1)),
        (1, NOW),
    ]
    assert [len(one.answers) for one in world.told()] == [2, 2, 2]


def test_an_earlier_submission_keeps_the_words_of_its_version(world: World) -> None:
    world.submit()
    world.publish(SECOND_VERSION, NOW)
    world.submit(Answer(question_id=14, text="x"), version=2)
    newest, oldest = world.told()
    assert [answer.question.id for answer in newest.answers] == [14]
    assert [answer.question.text_slang for answer in oldest.answers] == ["سؤال 12", "سؤال 11"]


def test_submissions_come_a_few_at_a_time(world: World) -> None:
    for _ in range(5):
        world.submit()
    assert [one.number for one in world.told(limit=2)] == [5, 4]
    assert [one.number for one in world.told(limit=2, before=4)] == [3, 2]
    assert [one.number for one in world.told(limit=2, before=2)] == [1]
    assert world.told(limit=2, before=1) == []


def test_another_organizations_submissions_are_not_there(world: World) -> None:
    world.submit(user=THEIR_USER, organization=THEIRS)
    assert world.told(THEIR_USER) == []
    assert world.told(USER, organization=THEIRS) == []
    assert len(world.told(THEIR_USER, organization=THEIRS)) == 1


def test_the_same_key_is_one_submission(world: World) -> None:
    first = world.submit(key=KEY)
    assert world.submit(key=KEY) == Change(ids=first.ids, is_replay=True)
    assert len(world.told()) == 1
    with pytest.raises(KeyReused):
        world.submit(key=IdempotencyKey(key="k", body_digest="e" * 64))


def test_a_submission_may_hold_no_answer(world: World) -> None:
    world.assessments.submit(
        NewSubmission(organization_id=OURS, user_id=USER, questionnaire_version=1, answers=()), key=None, now=NOW
    )
    assert [one.answers for one in world.told()] == [()]
