"""Mental health assessment: the questions, a user's answers, and what a user answered so far."""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from api.auth import caller
from api.contract import Contract, contract
from api.idempotency import idempotency_key, replayed
from api.instants import instant
from api.ownership import own_user
from api.pagination import CursorWrong, Listing
from api.schemas import loaded
from api.schemas.assessments import (
    QuestionnaireSchema,
    SubmissionsQuerySchema,
    SubmissionsSchema,
    SubmitAssessmentSchema,
    SubmittedSchema,
)
from api.schemas.queries import query
from api.security.scopes import Scope
from api.services import services
from api.strict_json import json_object
from repositories.acting import about
from repositories.entities.assessments import Answer, AnswerRead, Option, Question, Submission
from saga.accept_booking import UserNotFound
from saga.submit_assessment import AnswersWrong, AssessmentOutdated, AssessmentRequest

SUBMIT, SUBMISSIONS = SubmitAssessmentSchema(), SubmissionsQuerySchema()


def blueprint() -> Blueprint:
    routes = Blueprint("assessments", __name__)
    routes.get("/user/getassessmentquestions")(get_assessment_questions)
    routes.post("/user/submituserassessmentquestions")(submit_user_assessment_questions)
    routes.get("/user/getuserassessments")(get_user_assessments)
    return routes


@contract(Contract(scope=Scope.ASSESSMENTS_READ, answers={200: QuestionnaireSchema}))
def get_assessment_questions() -> Response:
    """The questionnaire that users answer now, in both languages, with its version."""
    questionnaire = services().assessments.find_questionnaire(now=services().clock())
    if questionnaire is None:
        return jsonify(questionnaireVersion=None, questionsList=[])
    questions = [question_body(question) for question in questionnaire.questions]
    return jsonify(questionnaireVersion=questionnaire.version, questionsList=questions)


@contract(
    Contract(
        scope=Scope.ASSESSMENTS_WRITE,
        body=SubmitAssessmentSchema,
        answers={200: SubmittedSchema},
        refusals=(UserNotFound, AnswersWrong, AssessmentOutdated),
        is_signed=True,
        is_idempotent=True,
        audit="assessment.submit",
    )
)
def submit_user_assessment_questions() -> Response:
    """A user's answers, kept beside all earlier ones and numbered; the newest count."""
    body = json_object(request)
    wish = loaded(SUBMIT, body)
    change = services().submit_assessment(
        AssessmentRequest(
            organization_id=caller().organization_id,
            user_id=wish["user_id"],
            questionnaire_version=wish["questionnaire_version"],
            answers=tuple(Answer(**answer) for answer in wish["answers"]),
            key=idempotency_key("submituserassessmentquestions", body),
        )
    )
    data = {
        "userId": body["userId"],
        "submissionNumber": change.ids[1],
        "questionnaireVersion": wish["questionnaire_version"],
    }
    return replayed(jsonify(status=1, data=data), is_replay=change.is_replay)


@contract(
    Contract(
        scope=Scope.ASSESSMENTS_READ,
        query=SubmissionsQuerySchema,
        answers={200: SubmissionsSchema},
        refusals=(UserNotFound, CursorWrong),
        audit="assessment.read",
    )
)
def get_user_assessments() -> Response:
    """What a user answered, the newest submission first, each with the words of its own version."""
    wish = query(SUBMISSIONS)
    user = own_user(wish["user_id"])
    about("user", user.id)
    listing = Listing(name="assessments", organization_id=user.organization_id, filters={"user": user.id})
    found = services().assessments.list_submissions(
        user.id,
        organization_id=user.organization_id,
        before=number_before(wish["cursor"], listing),
        limit=wish["limit"] + 1,
    )
    page = services().cursors.page(found, limit=wish["limit"], position_of=lambda one: (one.number,), of=listing)
    return jsonify(submissionsList=[submission_body(one) for one in page.lines], nextCursor=page.next_cursor)


def number_before(cursor: str | None, listing: Listing) -> int | None:
    if cursor is None:
        return None
    (number,) = services().cursors.read(cursor, of=listing)
    return int(str(number))


# --- how it is told ----------------------------------------------------------------------


def question_body(question: Question) -> dict[str, Any]:
    return {
        **question_words(question),
        "questionType": int(question.type),
        "isRequired": question.is_required,
        "maxLength": question.longest_answer,
        "optionsList": [option_body(option) for option in question.options],
    }


def question_words(question: Question) -> dict[str, Any]:
    return {
        "screeningQuestionId": question.id,
        "questionPLang": question.text_plang,
        "questionSLang": question.text_slang,
    }


def option_body(option: Option) -> dict[str, Any]:
    return {
        "catScreeningQuetionOptionId": option.id,
        "namePLang": option.name_plang,
        "nameSLang": option.name_slang,
    }


def submission_body(submission: Submission) -> dict[str, Any]:
    return {
        "submissionNumber": submission.number,
        "questionnaireVersion": submission.questionnaire_version,
        "submittedAt": instant(submission.submitted_at),
        "answersList": [answer_body(answer) for answer in submission.answers],
    }


def answer_body(answer: AnswerRead) -> dict[str, Any]:
    option = answer.option
    return {
        **question_words(answer.question),
        "catScreeningQuetionOptionId": option.id if option else None,
        "optionPLang": option.name_plang if option else None,
        "optionSLang": option.name_slang if option else None,
        "answerText": answer.text,
    }
