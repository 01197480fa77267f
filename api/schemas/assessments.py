"""The screening questionnaire and the answers to it. The inventory's spelling: catScreeningQuetionOptionId."""

from marshmallow import fields, validate

from api.schemas.fields import (
    PUBLIC_ID,
    SECURE_HASH,
    DoneSchema,
    EncryptedId,
    ListOf,
    OneOf,
    OpenSchema,
    SafeParagraph,
    SecureHash,
    StrictSchema,
    WholeNumber,
)
from api.schemas.queries import Digits, PageSchema
from api.security.id_cipher import IdKind
from repositories.enums import QuestionType

MOST_ANSWERS = 200
LONGEST_ANSWER = 2000  # what the database holds; a question may allow less
LARGEST_PAGE, USUAL_PAGE = 20, 5  # a submission is a page by itself


class AnswerSchema(StrictSchema):
    question_id = WholeNumber(data_key="screeningQuestionId", required=True)
    option_id = WholeNumber(data_key="catScreeningQuetionOptionId", load_default=None)
    text = SafeParagraph(
        data_key="answerText", load_default=None, allows_html=True, validate=validate.Length(max=LONGEST_ANSWER)
    )


class SubmitAssessmentSchema(StrictSchema):
    EXAMPLE = {
        "userId": PUBLIC_ID,
        "questionnaireVersion": 1,
        "answers": [
            {"screeningQuestionId": 1, "catScreeningQuetionOptionId": 2},
            {"screeningQuestionId": 4, "answerText": "I sleep badly."},
        ],
        "secureHash": SECURE_HASH,
    }

    user_id = EncryptedId(IdKind.USER, data_key="userId", required=True)
    questionnaire_version = WholeNumber(data_key="questionnaireVersion", required=True)
    answers = ListOf(AnswerSchema, data_key="answers", required=True, validate=validate.Length(max=MOST_ANSWERS))
    secure_hash = SecureHash()


class SubmissionsQuerySchema(PageSchema):
    user_id = EncryptedId(IdKind.USER, data_key="userId", required=True)
    limit = Digits(load_default=USUAL_PAGE, validate=validate.Range(min=1, max=LARGEST_PAGE))


# --- answers -----------------------------------------------------------------------------


class OptionSchema(OpenSchema):
    option_id = fields.Integer(data_key="catScreeningQuetionOptionId", required=True)
    name_plang = fields.String(data_key="namePLang", required=True)
    name_slang = fields.String(data_key="nameSLang", required=True)


class QuestionSchema(OpenSchema):
    question_id = fields.Integer(data_key="screeningQuestionId", required=True)
    text_plang = fields.String(data_key="questionPLang", required=True)
    text_slang = fields.String(data_key="questionSLang", required=True)
    type = OneOf(QuestionType, data_key="questionType", required=True)
    is_required = fields.Boolean(data_key="isRequired", required=True)
    longest_answer = fields.Integer(
        data_key="maxLength", required=True, allow_none=True, metadata={"description": "characters of answerText"}
    )
    options = fields.List(fields.Nested(OptionSchema), data_key="optionsList", required=True)


class QuestionnaireSchema(OpenSchema):
    version = fields.Integer(
        data_key="questionnaireVersion",
        required=True,
        allow_none=True,
        metadata={"description": "to send with the answers; null while there is no questionnaire"},
    )
    questions = fields.List(fields.Nested(QuestionSchema), data_key="questionsList", required=True)


class SubmittedDataSchema(OpenSchema):
    user_id = EncryptedId(IdKind.USER, data_key="userId", required=True)
    number = fields.Integer(
        data_key="submissionNumber", required=True, metadata={"description": "of this user's, from 1"}
    )
    version = fields.Integer(data_key="questionnaireVersion", required=True)


class SubmittedSchema(DoneSchema):
    data = fields.Nested(SubmittedDataSchema, required=True)


class AnswerReadSchema(OpenSchema):
    question_id = fields.Integer(data_key="screeningQuestionId", required=True)
    text_plang = fields.String(data_key="questionPLang", required=True)
    text_slang = fields.String(data_key="questionSLang", required=True)
    option_id = fields.Integer(data_key="catScreeningQuetionOptionId", required=True, allow_none=True)
    option_plang = fields.String(data_key="optionPLang", required=True, allow_none=True)
    option_slang = fields.String(data_key="optionSLang", required=True, allow_none=True)
    text = fields.String(data_key="answerText", required=True, allow_none=True)


class SubmissionSchema(OpenSchema):
    number = fields.Integer(data_key="submissionNumber", required=True)
    version = fields.Integer(data_key="questionnaireVersion", required=True)
    submitted_at = fields.DateTime(data_key="submittedAt", required=True)
    answers = fields.List(fields.Nested(AnswerReadSchema), data_key="answersList", required=True)


class SubmissionsSchema(OpenSchema):
    submissions = fields.List(fields.Nested(SubmissionSchema), data_key="submissionsList", required=True)
    next_cursor = fields.String(data_key="nextCursor", required=True, allow_none=True)
