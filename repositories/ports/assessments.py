"""Assessments."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from repositories.entities.assessments import NewSubmission, Questionnaire, Submission
from repositories.entities.idempotency import Change, IdempotencyKey


class Assessments(Protocol):
    def find_questionnaire(self, *, now: datetime) -> Questionnaire | None:
        """The newest that is published; questions and options in their order."""
        ...

    def submit(self, submission: NewSubmission, *, key: IdempotencyKey | None, now: datetime) -> Change:
        """Keep these answers beside all earlier ones; the ids are the submission's and its number. Raises KeyReused."""
        ...

    def list_submissions(
        self, user_id: int, *, organization_id: int, before: int | None, limit: int
    ) -> Sequence[Submission]:
        """The newest first; with `before`, those with a smaller number."""
        ...
