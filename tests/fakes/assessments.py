"""Assessments in memory: a published questionnaire, and every submission ever made."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from repositories.entities.assessments import Answer, AnswerRead, NewSubmission, Question, Questionnaire, Submission
from repositories.entities.idempotency import Change, IdempotencyKey
from tests.fakes.idempotency import FakeChanges


@dataclass
class FakeAssessments:
    changes: FakeChanges = field(default_factory=FakeChanges)
    published: dict[int, tuple[Questionnaire, datetime | None]] = field(default_factory=dict)  # by version
    submissions: list[tuple[NewSubmission, Submission]] = field(default_factory=list)

    def add_questionnaire(self, questionnaire: Questionnaire, *, published_at: datetime | None) -> None:
        self.published[questionnaire.version] = (questionnaire, published_at)

    def find_questionnaire(self, *, now: datetime) -> Questionnaire | None:
        known = [one for one, at in self.published.values() if at is not None and at <= now]
        return max(known, key=lambda one: one.version, default=None)

    def submit(self, submission: NewSubmission, *, key: IdempotencyKey | None, now: datetime) -> Change:
        def work() -> Sequence[int]:
            number = 1 + sum(made.user_id == submission.user_id for made, _ in self.submissions)
            kept = Submission(
                id=len(self.submissions) + 1,
                number=number,
                questionnaire_version=submission.questionnaire_version,
                submitted_at=now,
                answers=tuple(self._read(submission)),
            )
            self.submissions.append((submission, kept))
            return kept.id, number

        return self.changes.make(work, key=key, organization_id=submission.organization_id, now=now)

    def list_submissions(
        self, user_id: int, *, organization_id: int, before: int | None, limit: int
    ) -> Sequence[Submission]:
        whose = (organization_id, user_id)
        found = [kept for made, kept in self.submissions if (made.organization_id, made.user_id) == whose]
        return [kept for kept in reversed(found) if before is None or kept.number < before][:limit]

    def _read(self, submission: NewSubmission) -> list[AnswerRead]:
        """In the order of the questions."""
        questions = self.published[submission.questionnaire_version][0].questions
        given = {answer.question_id: answer for answer in submission.answers}
        return [_answer_read(question, given[question.id]) for question in questions if question.id in given]


def _answer_read(question: Question, answer: Answer) -> AnswerRead:
    chosen = [option for option in question.options if option.id == answer.option_id]
    alone = Question(**{**vars(question), "options": ()})
    return AnswerRead(question=alone, option=chosen[0] if chosen else None, text=answer.text)
