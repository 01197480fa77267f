"""What is answered of a booking's meeting."""

from marshmallow import fields

from api.schemas.fields import EncryptedId, OneOf, OpenSchema
from api.security.id_cipher import IdKind
from repositories.enums import BookingStatus


class RecordingSchema(OpenSchema):
    recording_id = fields.String(data_key="recordingId", required=True)
    session_id = fields.String(data_key="sessionId", required=True, allow_none=True)
    created_at = fields.DateTime(data_key="createdAt", required=True, allow_none=True)
    is_ready = fields.Boolean(data_key="isReady", required=True, metadata={"description": "it has a file"})
    file_url = fields.String(data_key="fileUrl", required=True, allow_none=True)
    file_type = fields.String(data_key="fileType", required=True, allow_none=True)
    file_size_bytes = fields.Integer(data_key="fileSizeBytes", required=True, allow_none=True)
    duration_seconds = fields.Integer(data_key="durationSeconds", required=True, allow_none=True)
    resolution = fields.String(required=True, allow_none=True)
    format = fields.String(required=True, allow_none=True)


class RecordingsSchema(OpenSchema):
    booking_id = EncryptedId(IdKind.BOOKING, data_key="bookingId", required=True)
    recordings_list = fields.List(fields.Nested(RecordingSchema), data_key="recordingsList", required=True)


class MeetingSchema(OpenSchema):
    booking_id = EncryptedId(IdKind.BOOKING, data_key="bookingId", required=True)
    booking_status = OneOf(BookingStatus, data_key="bookingStatus", required=True)
    meeting_id = fields.String(data_key="meetingId", required=True, allow_none=True)
    is_valid = fields.Boolean(data_key="isValid", required=True)
    starts_at = fields.DateTime(data_key="startsAt", required=True)
    participant_id = EncryptedId(IdKind.USER, data_key="participantId", required=True)
    session_started_at = fields.DateTime(
        data_key="sessionStartedAt",
        required=True,
        allow_none=True,
        metadata={"description": "when somebody was first in the meeting, as far as the video service told"},
    )
    session_ended_at = fields.DateTime(
        data_key="sessionEndedAt",
        required=True,
        allow_none=True,
        metadata={"description": "when everybody had left; null while somebody may be in it"},
    )
    ends_at = fields.DateTime(data_key="endsAt", required=True)
