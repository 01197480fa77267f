"""The screening questionnaire and what users answered. Answers are health data: nothing of them shows in a repr."""

from dataclasses import dataclass, field
from datetime import datetime

from repositories.enums import QuestionType


@dataclass(frozen=True, kw_only=True)
class Option:
    id: int
    name_plang: str
    name_slang: str


@dataclass(frozen=True, kw_only=True)
class Question:
    id: int
    type: QuestionType
    is_required: bool
    longest_answer: int | None  # characters of a text; None for a choice
    text_plang: str
    text_slang: str
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Questionnaire:
    version: int
    questions: tuple[Question, ...]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One question answered: by an option, or in words."""

    question_id: int
    option_id: int | None = field(default=None, repr=False)
    text: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class NewSubmission:
    organization_id: int
    user_id: int
    questionnaire_version: int
    answers: tuple[Answer, ...] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class AnswerRead:
    """An answer with the words of its question and option, as they stood in that version."""

    question: Question
    option: Option | None = field(repr=False)
    text: str | None = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Submission:
    id: int
    number: int  # of this user's, from 1; the newest counts
    questionnaire_version: int
    submitted_at: datetime
    answers: tuple[AnswerRead, ...] = field(repr=False)
