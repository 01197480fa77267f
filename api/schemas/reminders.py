"""How long before sessions users are reminded."""

from marshmallow import fields, validate

from api.schemas.fields import PUBLIC_ID, DoneSchema, EncryptedId, OpenSchema, StrictSchema
from api.security.id_cipher import IdKind
from repositories.entities.reminders import LONGEST, MOST_REMINDERS, SHORTEST


class RemindersQuerySchema(StrictSchema):
    user_id = EncryptedId(IdKind.USER, data_key="userId", required=True)


class ReminderSchema(StrictSchema):
    minutes_before = fields.Integer(
        strict=True,
        data_key="minutesBefore",
        required=True,
        validate=validate.Range(min=SHORTEST, max=LONGEST),
        metadata={"description": "minutes that pass before the session, whatever clocks on walls do meanwhile"},
    )


class ChangeRemindersSchema(StrictSchema):
    EXAMPLE = {"userId": PUBLIC_ID, "remindersList": [{"minutesBefore": 1440}, {"minutesBefore": 60}]}

    user_id = EncryptedId(IdKind.USER, data_key="userId", required=True)
    reminders = fields.List(
        fields.Nested(ReminderSchema),
        data_key="remindersList",
        required=True,
        validate=validate.Length(max=MOST_REMINDERS),
    )


# --- answers -----------------------------------------------------------------------------


class OneReminderSchema(OpenSchema):
    minutes_before = fields.Integer(data_key="minutesBefore", required=True)


class RemindersSchema(OpenSchema):
    user_id = EncryptedId(IdKind.USER, data_key="userId", required=True)
    reminders = fields.List(
        fields.Nested(OneReminderSchema),
        data_key="remindersList",
        required=True,
        metadata={"description": "the longest first; none: no reminders"},
    )
    is_default = fields.Boolean(
        data_key="isDefault", required=True, metadata={"description": "true: nothing was chosen for this user"}
    )


class RemindersAnswerSchema(DoneSchema):
    data = fields.Nested(RemindersSchema, required=True)
