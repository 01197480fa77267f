"""Submit a user's answers to the screening questionnaire: judged precisely, then kept beside all earlier ones.

Refusals:  UserNotFound | AssessmentOutdated | AnswersWrong   name the fields
           KeyReused | KeyInFlight                            name the idempotency key
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from repositories.entities.assessments import Answer, NewSubmission, Question, Questionnaire
from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.enums import QuestionType
from repositories.ports.assessments import Assessments
from repositories.ports.idempotency import IdempotencyKeys
from repositories.ports.users import Users
from saga.accept_booking import UserNotFound
from saga.slot_choice import Refusal

QUESTION, OPTION, TEXT = "screeningQuestionId", "catScreeningQuetionOptionId", "answerText"


class AssessmentOutdated(Refusal):
    """This is not the version of the questionnaire that is asked now. Get the questions again."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with one answer, or missing."""

    message: str
    field: str
    is_missing: bool = False


class AnswersWrong(Exception):
    """Some answers are missing or wrong."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__()
        self.errors = [{"field": problem.field, "message": problem.message} for problem in problems]
        self.is_empty = any(problem.is_missing for problem in problems)


@dataclass(frozen=True, kw_only=True)
class AssessmentRequest:
    organization_id: int
    user_id: int
    questionnaire_version: int
    answers: tuple[Answer, ...] = field(repr=False)
    key: IdempotencyKey | None


@dataclass(frozen=True, kw_only=True)
class SubmitAssessment:
    assessments: Assessments
    users: Users
    changes: IdempotencyKeys
    clock: Callable[[], datetime]

    def __call__(self, request: AssessmentRequest) -> Change:
        """The ids are the submission's and its number among the user's. Raises the refusals above."""
        now = self.clock()
        earlier = self.changes.find_change(request.key, organization_id=request.organization_id, now=now)
        if earlier is not None:
            return earlier
        self._check_user(request)
        questionnaire = self._questionnaire(request, now)
        if problems := list(problems_of(questionnaire, request.answers)):
            raise AnswersWrong(problems)
        submission = NewSubmission(
            organization_id=request.organization_id,
            user_id=request.user_id,
            questionnaire_version=questionnaire.version,
            answers=tuple(answer for answer in request.answers if not is_blank(answer)),
        )
        return self.assessments.submit(submission, key=request.key, now=now)

    def _check_user(self, request: AssessmentRequest) -> None:
        if self.users.find_user(request.user_id, organization_id=request.organization_id) is None:
            raise UserNotFound("userId")

    def _questionnaire(self, request: AssessmentRequest, now: datetime) -> Questionnaire:
        asked = self.assessments.find_questionnaire(now=now)
        if asked is None or asked.version != request.questionnaire_version:
            raise AssessmentOutdated("questionnaireVersion")
        return asked


# --- judging answers -----------------------------------------------------------------------


def problems_of(questionnaire: Questionnaire, answers: Sequence[Answer]) -> Iterator[Problem]:
    """Everything that is wrong with these answers, each by the place of its answer, and then what is missing."""
    questions = {question.id: question for question in questionnaire.questions}
    seen: set[int] = set()
    for place, answer in enumerate(answers):
        at = f"answers.{place}"
        question = questions.get(answer.question_id)
        if question is None:
            yield Problem("The questionnaire has no such question.", f"{at}.{QUESTION}")
        elif question.id in seen:
            yield Problem("This question is answered twice.", f"{at}.{QUESTION}")
        else:
            yield from _problems_of_one(question, answer, at)
        seen.add(answer.question_id)
    for question in questionnaire.questions:
        if question.is_required and question.id not in seen:
            yield Problem(f"Question {question.id} has to be answered.", "answers", is_missing=True)


def is_blank(answer: Answer) -> bool:
    """An answer that was left open, as a form sends it for what was not filled in."""
    return answer.option_id is None and answer.text is None


def _problems_of_one(question: Question, answer: Answer, at: str) -> Iterator[Problem]:
    is_choice = question.type is QuestionType.CHOICE
    if is_blank(answer):
        if question.is_required:
            yield Problem("This question has to be answered.", f"{at}.{OPTION if is_choice else TEXT}", is_missing=True)
        return
    if is_choice and answer.text is not None:
        yield Problem("This question is answered by one of its options.", f"{at}.{TEXT}")
    if not is_choice and answer.option_id is not None:
        yield Problem("This question is answered in words.", f"{at}.{OPTION}")
    if is_choice and answer.option_id not in {None, *(option.id for option in question.options)}:
        yield Problem("The question has no such option.", f"{at}.{OPTION}")
    if not is_choice and len(answer.text or "") > (question.longest_answer or 0):
        yield Problem(f"Longer than maximum length {question.longest_answer}.", f"{at}.{TEXT}")
