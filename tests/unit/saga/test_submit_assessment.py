"""Which answers are taken, and what is said of the others."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repositories.entities.assessments import Answer, Option, Question, Questionnaire
from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.entities.users import Guest
from repositories.enums import GenderType, QuestionType
from repositories.ports.errors import KeyReused
from saga.accept_booking import UserNotFound
from saga.submit_assessment import (
    AnswersWrong,
    AssessmentOutdated,
    AssessmentRequest,
    SubmitAssessment,
    problems_of,
)
from tests.fakes.assessments import FakeAssessments
from tests.fakes.psyter import FakePsyter

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
OURS, THEIRS = 1, 2
MOOD, STORY, MORE = 10, 11, 12  # a choice and a text that are required, a text that is not
LONGEST = 20
GUEST = Guest(reference_id="R-1", name="سارة", dob=date(1990, 5, 15), gender=GenderType.FEMALE)


def question(id: int, *, options: tuple[int, ...] = (), is_required: bool = True) -> Question:
    return Question(
        id=id,
        type=QuestionType.CHOICE if options else QuestionType.TEXT,
        is_required=is_required,
        longest_answer=None if options else LONGEST,
        text_plang="How are you?",
        text_slang="كيف حالك؟",
        options=tuple(Option(id=one, name_plang="Well", name_slang="بخير") for one in options),
    )


QUESTIONNAIRE = Questionnaire(
    version=3, questions=(question(MOOD, options=(1, 2)), question(STORY), question(MORE, is_required=False))
)
CHOSEN, TOLD = Answer(question_id=MOOD, option_id=2), Answer(question_id=STORY, text="قلق منذ شهر")
GOOD = (CHOSEN, TOLD)


@dataclass
class World:
    now: datetime = NOW
    psyter: FakePsyter = field(default_factory=FakePsyter)
    assessments: FakeAssessments = field(default_factory=FakeAssessments)

    def __post_init__(self) -> None:
        self.assessments.add_questionnaire(QUESTIONNAIRE, published_at=NOW)
        self.user = self.psyter.register(GUEST, organization_id=OURS, now=NOW)

    def submit(self, *answers: Answer, key: IdempotencyKey | None = None, **changes: Any) -> Change:
        submit = SubmitAssessment(
            assessments=self.assessments,
            users=self.psyter,
            changes=self.assessments.changes,
            clock=lambda: self.now,
        )
        asked: dict[str, Any] = {
            "organization_id": OURS,
            "user_id": self.user.id,
            "questionnaire_version": 3,
            "answers": answers or GOOD,
            "key": key,
        }
        return submit(AssessmentRequest(**(asked | changes)))

    def problems(self, *answers: Answer) -> list[tuple[str, str]]:
        with pytest.raises(AnswersWrong) as caught:
            self.submit(*answers)
        assert not self.assessments.submissions
        return [(error["field"], error["message"]) for error in caught.value.errors]


@pytest.fixture
def world() -> World:
    return World()


def key(digest: str = "d") -> IdempotencyKey:
    return IdempotencyKey(key="k", body_digest=digest)


def test_answers_are_kept_and_numbered_for_each_user(world: World) -> None:
    assert [world.submit().ids[1] for _ in range(3)] == [1, 2, 3]
    other = world.psyter.register(Guest(**{**vars(GUEST), "reference_id": "R-2"}), organization_id=OURS, now=NOW)
    assert world.submit(user_id=other.id).ids[1] == 1
    newest, *_ = world.assessments.list_submissions(world.user.id, organization_id=OURS, before=None, limit=9)
    assert [(a.question.id, a.option.id if a.option else None, a.text) for a in newest.answers] == [
        (MOOD, 2, None),
        (STORY, None, "قلق منذ شهر"),
    ]


def test_an_optional_question_may_be_left_open_or_out(world: World) -> None:
    world.submit(*GOOD, Answer(question_id=MORE))
    world.submit(*GOOD, Answer(question_id=MORE, text="x"))
    kept = [[answer.question_id for answer in made.answers] for made, _ in world.assessments.submissions]
    assert kept == [[MOOD, STORY], [MOOD, STORY, MORE]]


WRONG: list[tuple[str, tuple[Answer, ...], str, str]] = [
    (
        "unknown question",
        (*GOOD, Answer(question_id=99, text="x")),
        "answers.2.screeningQuestionId",
        "no such question",
    ),
    ("twice the same", (*GOOD, CHOSEN), "answers.2.screeningQuestionId", "twice"),
    (
        "option of another question",
        (Answer(question_id=MOOD, option_id=7), TOLD),
        "answers.0.catScreeningQuetionOptionId",
        "no such option",
    ),
    ("words for a choice", (Answer(question_id=MOOD, text="x"), TOLD), "answers.0.answerText", "one of its options"),
    (
        "option for words",
        (CHOSEN, Answer(question_id=STORY, option_id=1)),
        "answers.1.catScreeningQuetionOptionId",
        "in words",
    ),
    ("too long", (CHOSEN, Answer(question_id=STORY, text="x" * 21)), "answers.1.answerText", "length 20"),
    ("required left out", (CHOSEN,), "answers", f"Question {STORY}"),
    ("required text open", (CHOSEN, Answer(question_id=STORY)), "answers.1.answerText", "has to be answered"),
    (
        "required choice open",
        (Answer(question_id=MOOD), TOLD),
        "answers.0.catScreeningQuetionOptionId",
        "has to be answered",
    ),
]


@pytest.mark.parametrize(("answers", "field", "words"), [wrong[1:] for wrong in WRONG], ids=[w[0] for w in WRONG])
def test_what_is_wrong_is_named_where_it_is(world: World, answers: tuple[Answer, ...], field: str, words: str) -> None:
    ((named, message),) = world.problems(*answers)
    assert named == field
    assert words in message


def test_everything_that_is_wrong_is_named_at_once(world: World) -> None:
    fields = [field for field, _ in world.problems(Answer(question_id=MOOD, option_id=9), Answer(question_id=99))]
    assert fields == ["answers.0.catScreeningQuetionOptionId", "answers.1.screeningQuestionId", "answers"]


def test_a_choice_with_words_beside_its_option_is_refused(world: World) -> None:
    both = Answer(question_id=MOOD, option_id=1, text="and")
    assert [field for field, _ in world.problems(both, TOLD)] == ["answers.0.answerText"]


def test_a_text_is_as_long_as_it_may_be(world: World) -> None:
    assert world.submit(CHOSEN, Answer(question_id=STORY, text="ق" * LONGEST)).ids[1] == 1


@pytest.mark.parametrize("version", [2, 4])
def test_answers_to_another_version_are_outdated(world: World, version: int) -> None:
    with pytest.raises(AssessmentOutdated):
        world.submit(questionnaire_version=version)
    assert not world.assessments.submissions


def test_a_new_version_counts_from_when_it_is_published(world: World) -> None:
    later = Questionnaire(version=4, questions=QUESTIONNAIRE.questions)
    world.assessments.add_questionnaire(later, published_at=NOW + timedelta(hours=1))
    world.assessments.add_questionnaire(Questionnaire(version=5, questions=()), published_at=None)
    world.submit()
    world.now += timedelta(hours=1)
    with pytest.raises(AssessmentOutdated):
        world.submit()
    assert world.submit(questionnaire_version=4).ids[1] == 2


def test_without_a_questionnaire_nothing_can_be_submitted(world: World) -> None:
    world.assessments.published.clear()
    with pytest.raises(AssessmentOutdated):
        world.submit()


@pytest.mark.parametrize("changes", [{"user_id": 99}, {"organization_id": THEIRS}])
def test_an_unknown_or_foreign_user_has_no_assessment(world: World, changes: Any) -> None:
    with pytest.raises(UserNotFound):
        world.submit(**changes)
    assert not world.assessments.submissions


def test_the_same_key_is_one_submission_though_the_questionnaire_changed_meanwhile(world: World) -> None:
    first = world.submit(key=key())
    world.assessments.add_questionnaire(Questionnaire(version=4, questions=()), published_at=NOW)
    assert world.submit(key=key()) == Change(ids=first.ids, is_replay=True)
    assert len(world.assessments.submissions) == 1
    with pytest.raises(KeyReused):
        world.submit(key=key("other"))


def test_answers_do_not_show_themselves() -> None:
    request = AssessmentRequest(organization_id=1, user_id=2, questionnaire_version=3, answers=GOOD, key=None)
    for text in (repr(TOLD), repr(CHOSEN), repr(request)):
        assert "قلق" not in text
        assert "option_id" not in text


IDS, TEXTS = st.sampled_from([MOOD, STORY, MORE, 99]), st.none() | st.text(max_size=LONGEST + 2)
ANSWERS = st.builds(Answer, question_id=IDS, option_id=st.none() | st.sampled_from([1, 2, 7]), text=TEXTS)


@given(st.lists(ANSWERS, max_size=6).map(tuple))
def test_answers_without_a_problem_are_exactly_the_complete_and_fitting_ones(answers: tuple[Answer, ...]) -> None:
    problems = list(problems_of(QUESTIONNAIRE, answers))
    by_question = {answer.question_id: answer for answer in answers}
    mood, story, more = (by_question.get(id, Answer(question_id=id)) for id in (MOOD, STORY, MORE))
    is_good = (
        len(by_question) == len(answers)
        and by_question.keys() <= {MOOD, STORY, MORE}
        and (mood.option_id in {1, 2} and mood.text is None)
        and (story.option_id is None and story.text is not None and len(story.text) <= LONGEST)
        and (more.option_id is None and len(more.text or "") <= LONGEST)
    )
    assert (not problems) is is_good
    for problem in problems:
        place = problem.field.split(".")[1:2]
        assert problem.field == "answers" or int(place[0]) < len(answers)
