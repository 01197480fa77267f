"""The questionnaire over HTTP, a user's answers, and what a user answered."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.security.id_cipher import IdKind
from repositories.entities.assessments import Option, Question, Questionnaire
from repositories.entities.users import Guest
from repositories.enums import GenderType, QuestionType, Reason, Role
from tests.unit.api.world import CIPHER, NOW, OTHERS, OURS, World, fields_named, signed

QUESTIONS, SUBMIT, READ = (
    f"/api/v1/user/{name}" for name in ("getassessmentquestions", "submituserassessmentquestions", "getuserassessments")
)
CHOICE = Question(
    id=10,
    type=QuestionType.CHOICE,
    is_required=True,
    longest_answer=None,
    text_plang="How do you sleep?",
    text_slang="كيف تنام؟",
    options=(
        Option(id=1, name_plang="Well", name_slang="جيدًا"),
        Option(id=2, name_plang="Badly", name_slang="سيئًا"),
    ),
)
TEXT = Question(
    id=11,
    type=QuestionType.TEXT,
    is_required=False,
    longest_answer=40,
    text_plang="Anything else?",
    text_slang="أي شيء آخر؟",
)
CHOSEN = {"screeningQuestionId": 10, "catScreeningQuetionOptionId": 2}
TOLD = {"screeningQuestionId": 11, "answerText": "منذ شهر\nI worry: 1 < 2 & so on"}


@pytest.fixture
def world() -> World:
    return furnished()


def furnished() -> World:
    world = World()
    world.assessments.add_questionnaire(Questionnaire(version=3, questions=(CHOICE, TEXT)), published_at=NOW)
    guest = Guest(reference_id="R-1", name="x", dob=date(1990, 5, 15), gender=GenderType.FEMALE)
    for organization in (OURS, OTHERS):
        world.people.register(guest, organization_id=organization, now=NOW)
    return world


OUR_USER, THEIR_USER, NOBODY = (CIPHER.encrypt(IdKind.USER, number) for number in (1, 2, 99))


def body(*answers: Any, **changes: Any) -> dict[str, Any]:
    return {"userId": OUR_USER, "questionnaireVersion": 3, "answers": list(answers or (CHOSEN, TOLD)), **changes}


def submit(world: World, sent: Any, **headers: str) -> Any:
    return world.post(SUBMIT, sent, **headers)


# --- getassessmentquestions ----------------------------------------------------------------


def test_the_questionnaire_is_told_in_both_languages_with_its_version(world: World) -> None:
    answer = world.get(QUESTIONS)
    assert answer.status_code == 200
    assert answer.json["questionnaireVersion"] == 3
    choice, text = answer.json["questionsList"]
    assert choice == {
        "screeningQuestionId": 10,
        "questionPLang": "How do you sleep?",
        "questionSLang": "كيف تنام؟",
        "questionType": 2,
        "isRequired": True,
        "maxLength": None,
        "optionsList": [
            {"catScreeningQuetionOptionId": 1, "namePLang": "Well", "nameSLang": "جيدًا"},
            {"catScreeningQuetionOptionId": 2, "namePLang": "Badly", "nameSLang": "سيئًا"},
        ],
    }
    assert (text["questionType"], text["isRequired"], text["maxLength"], text["optionsList"]) == (1, False, 40, [])


def test_while_there_is_no_questionnaire_there_are_no_questions(world: World) -> None:
    world.assessments.published.clear()
    assert world.get(QUESTIONS).json == {"questionnaireVersion": None, "questionsList": []}


# --- submituserassessmentquestions ---------------------------------------------------------


def test_answers_are_kept_and_numbered(world: World) -> None:
    first, second = submit(world, body()), submit(world, body(CHOSEN))
    assert first.json == {
        "status": 1,
        "data": {"userId": OUR_USER, "submissionNumber": 1, "questionnaireVersion": 3},
    }
    assert second.json["data"]["submissionNumber"] == 2
    (made, _), _ = world.assessments.submissions
    assert [(answer.option_id, answer.text) for answer in made.answers] == [(2, None), (None, TOLD["answerText"])]


@pytest.mark.parametrize(
    "change",
    [
        {"answers": [CHOSEN | {"catScreeningQuetionOptionId": 1}, TOLD]},
        {"answers": [TOLD, CHOSEN]},
        {"answers": [CHOSEN]},
        {"questionnaireVersion": 4},
    ],
    ids=["another option", "another order", "one less", "another version"],
)
def test_every_answer_is_signed(world: World, change: dict[str, Any]) -> None:
    answer = world.book_raw(signed(body()) | change, path=SUBMIT)
    assert (answer.status_code, answer.json["reason"]) == (400, Reason.INVALID_SECURE_HASH)
    assert not world.assessments.submissions


WRONG: list[tuple[Any, str, Reason]] = [
    (body(CHOSEN, {"screeningQuestionId": 99}), "answers.1.screeningQuestionId", Reason.INVALID_PARAMETER),
    (body(CHOSEN, CHOSEN), "answers.1.screeningQuestionId", Reason.INVALID_PARAMETER),
    (
        body(CHOSEN | {"catScreeningQuetionOptionId": 7}),
        "answers.0.catScreeningQuetionOptionId",
        Reason.INVALID_PARAMETER,
    ),
    (body(CHOSEN, TOLD | {"answerText": "x" * 41}), "answers.1.answerText", Reason.INVALID_PARAMETER),
    (body(CHOSEN, TOLD | {"answerText": "x" * 2001}), "answers.1.answerText", Reason.INVALID_PARAMETER),
    (body(CHOSEN, TOLD | {"answerText": "bell\a"}), "answers.1.answerText", Reason.INVALID_PARAMETER),
    (body(CHOSEN, TOLD | {"answerText": 5}), "answers.1.answerText", Reason.INVALID_PARAMETER),
    (body(CHOSEN, TOLD | {"mood": 5}), "answers.1.mood", Reason.INVALID_PARAMETER),
    (
        body(CHOSEN | {"catScreeningQuetionOptionId": "2"}),
        "answers.0.catScreeningQuetionOptionId",
        Reason.INVALID_PARAMETER,
    ),
    (body(CHOSEN, 5), "answers.1", Reason.INVALID_PARAMETER),
    (body(CHOSEN, ["x"]), "answers.1", Reason.INVALID_PARAMETER),
    (body(answers="x"), "answers", Reason.INVALID_PARAMETER),
    (body(answers={"0": CHOSEN}), "answers", Reason.INVALID_PARAMETER),
    (body(answers=[CHOSEN] * 201), "answers", Reason.INVALID_PARAMETER),
    (body(questionnaireVersion="3"), "questionnaireVersion", Reason.INVALID_PARAMETER),
    (body(TOLD), "answers", Reason.EMPTY_PARAMETER),
    (body(answers=[]), "answers", Reason.EMPTY_PARAMETER),
    (body({"screeningQuestionId": 10}), "answers.0.catScreeningQuetionOptionId", Reason.EMPTY_PARAMETER),
    (body({"catScreeningQuetionOptionId": 2}), "answers.0.screeningQuestionId", Reason.EMPTY_PARAMETER),
    (body(answers=None), "answers", Reason.EMPTY_PARAMETER),
    (body(userId=None), "userId", Reason.EMPTY_PARAMETER),
    (body(userId=NOBODY), "userId", Reason.USER_NOT_FOUND),
    (body(userId=THEIR_USER), "userId", Reason.USER_NOT_FOUND),
]


@pytest.mark.parametrize(("sent", "field", "reason"), WRONG, ids=lambda value: str(value)[:60])
def test_what_is_wrong_is_named_by_its_path_and_nothing_is_kept(
    world: World, sent: Any, field: str, reason: Reason
) -> None:
    answer = submit(world, sent)
    assert (answer.status_code, answer.json["reason"]) == (400, reason)
    assert fields_named(answer) == {field}
    assert not world.assessments.submissions


def test_everything_wrong_is_named_at_once(world: World) -> None:
    answer = submit(world, body({"screeningQuestionId": 98}, TOLD | {"answerText": "x" * 41}))
    assert fields_named(answer) == {"answers.0.screeningQuestionId", "answers.1.answerText", "answers"}


def test_text_that_a_browser_could_run_is_refused_where_it_stands(world: World) -> None:
    answer = submit(world, body(CHOSEN, TOLD | {"answerText": "<img src=x>"}))
    assert (answer.status_code, answer.json["reason"]) == (400, Reason.UNSAFE_TEXT)
    assert fields_named(answer) == {"answers.1.answerText"}


def test_an_outdated_version_is_a_409_that_says_to_ask_again(world: World) -> None:
    answer = submit(world, body(questionnaireVersion=2))
    assert (answer.status_code, answer.json["reason"]) == (409, Reason.ASSESSMENT_OUTDATED)
    assert fields_named(answer) == {"questionnaireVersion"}


def test_problems_are_told_in_arabic_too(world: World) -> None:
    answer = submit(world, body(TOLD), Accept_Language="ar")
    assert answer.json["errors"] == [{"field": "answers", "message": "يجب الإجابة عن السؤال 10."}]


def test_the_same_key_is_one_submission(world: World) -> None:
    first = submit(world, body(), Idempotency_Key="k")
    again = submit(world, body(), Idempotency_Key="k")
    assert (again.json, again.headers["Idempotency-Replayed"]) == (first.json, "true")
    assert len(world.assessments.submissions) == 1
    reused = submit(world, body(CHOSEN), Idempotency_Key="k")
    assert (reused.status_code, reused.json["reason"]) == (422, Reason.IDEMPOTENCY_KEY_REUSED)


def test_answers_are_never_logged(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    for sent in (body(), body(CHOSEN, TOLD | {"answerText": "SECRET" * 10}), body(CHOSEN, TOLD | {"x": "SECRET"})):
        submit(world, sent)
    out, err = capfd.readouterr()
    assert "SECRET" not in out + err
    assert "worry" not in out + err


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*CHOSEN, *TOLD, "x"]), inner),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answers=JSON)
def test_no_answers_are_a_fault_of_ours(answers: Any) -> None:
    answer = submit(furnished(), body(answers=answers))
    assert answer.status_code in {200, 400}
    assert all(error["field"].startswith("answers") for error in answer.json.get("errors", []))


# --- getuserassessments --------------------------------------------------------------------


def test_submissions_are_read_newest_first_with_the_words_of_their_version(world: World) -> None:
    submit(world, body(CHOSEN))
    submit(world, body())
    answer = world.get(READ, {"userId": OUR_USER})
    newest, oldest = answer.json["submissionsList"]
    assert (newest["submissionNumber"], oldest["submissionNumber"], answer.json["nextCursor"]) == (2, 1, None)
    assert (newest["questionnaireVersion"], newest["submittedAt"]) == (3, "2026-01-05T12:00:00.000Z")
    assert newest["answersList"] == [
        {
            "screeningQuestionId": 10,
            "questionPLang": "How do you sleep?",
            "questionSLang": "كيف تنام؟",
            "catScreeningQuetionOptionId": 2,
            "optionPLang": "Badly",
            "optionSLang": "سيئًا",
            "answerText": None,
        },
        {
            "screeningQuestionId": 11,
            "questionPLang": "Anything else?",
            "questionSLang": "أي شيء آخر؟",
            "catScreeningQuetionOptionId": None,
            "optionPLang": None,
            "optionSLang": None,
            "answerText": TOLD["answerText"],
        },
    ]


def test_submissions_come_page_by_page(world: World) -> None:
    for _ in range(5):
        submit(world, body(CHOSEN))
    numbers: list[list[int]] = []
    query: dict[str, Any] = {"userId": OUR_USER, "limit": 2}
    while True:
        page = world.get(READ, query).json
        numbers.append([one["submissionNumber"] for one in page["submissionsList"]])
        if page["nextCursor"] is None:
            break
        query["cursor"] = page["nextCursor"]
    assert numbers == [[5, 4], [3, 2], [1]]


def test_a_cursor_of_another_user_is_refused(world: World) -> None:
    guest = Guest(reference_id="R-2", name="x", dob=date(1990, 5, 15), gender=GenderType.FEMALE)
    other = world.people.register(guest, organization_id=OURS, now=NOW)
    for _ in range(2):
        submit(world, body(CHOSEN))
    cursor = world.get(READ, {"userId": OUR_USER, "limit": 1}).json["nextCursor"]
    answer = world.get(READ, {"userId": CIPHER.encrypt(IdKind.USER, other.id), "cursor": cursor})
    assert (answer.status_code, fields_named(answer)) == (400, {"cursor"})


@pytest.mark.parametrize(
    ("query", "field", "reason"),
    [
        ({}, "userId", Reason.EMPTY_PARAMETER),
        ({"userId": "x"}, "userId", Reason.INVALID_PARAMETER),
        ({"userId": NOBODY}, "userId", Reason.USER_NOT_FOUND),
        ({"userId": THEIR_USER}, "userId", Reason.USER_NOT_FOUND),
        ({"userId": OUR_USER, "limit": 0}, "limit", Reason.INVALID_PARAMETER),
        ({"userId": OUR_USER, "limit": 21}, "limit", Reason.INVALID_PARAMETER),
    ],
)
def test_what_is_wrong_with_a_query_is_named(world: World, query: dict[str, Any], field: str, reason: Reason) -> None:
    answer = world.get(READ, query)
    assert (answer.status_code, answer.json["reason"], fields_named(answer)) == (400, reason, {field})


def test_a_reader_reads_and_submits_nothing(world: World) -> None:
    reader = world.bearer(role=Role.READ_ONLY)
    assert submit(world, body(), **reader).status_code == 403
    assert world.client.get(READ, query_string={"userId": OUR_USER}, headers=reader).status_code == 200


def test_the_newest_questionnaire_counts_once_it_is_published(world: World) -> None:
    def publish(version: int, at: datetime | None) -> None:
        world.assessments.add_questionnaire(Questionnaire(version=version, questions=(TEXT,)), published_at=at)

    publish(4, NOW)
    publish(5, NOW + timedelta(seconds=1))
    publish(6, None)
    assert world.get(QUESTIONS).json["questionnaireVersion"] == 4
