"""A booking's meeting: whether it can be joined, and its recordings."""

from typing import Any

from flask import Blueprint, Response, jsonify

from api.auth import caller
from api.contract import Contract, Limit, contract
from api.instants import instant
from api.ownership import booking_number
from api.schemas.meetings import MeetingSchema, RecordingsSchema
from api.security.id_cipher import IdKind
from api.security.scopes import Scope
from api.services import services
from integrations.ports import Recording
from repositories.acting import about
from saga.accept_cancellation import BookingNotFound
from saga.booked_meetings import MeetingsUnavailable
from saga.meeting_reports import session_times


def blueprint() -> Blueprint:
    routes = Blueprint("meetings", __name__)
    routes.get("/sessionbooking/getrecording/<booking_id>")(get_recording)
    routes.get("/sessionbooking/validatemeeting/<booking_id>")(validate_meeting)
    return routes


@contract(
    Contract(
        scope=Scope.RECORDINGS_READ,
        answers={200: RecordingsSchema},
        refusals=(BookingNotFound, MeetingsUnavailable),
        audit="recording.read",
    )
)
def get_recording(booking_id: str) -> Response:
    """All recordings of a booking's meeting; the links are VideoSDK's and not kept by us."""
    own_id = booking_number(booking_id)
    about("booking", own_id)
    found = services().booked_meetings.recordings(own_id, organization_id=caller().organization_id)
    return jsonify(bookingId=booking_id, recordingsList=[line(recording) for recording in found])


@contract(
    Contract(
        scope=Scope.BOOKINGS_READ,
        limit=Limit.POLLING,
        answers={200: MeetingSchema},
        refusals=(BookingNotFound, MeetingsUnavailable),
    )
)
def validate_meeting(booking_id: str) -> Response:
    """Whether a booking's meeting can be joined, under which participant id its user joins, and what happened in it."""
    booking, is_valid = services().booked_meetings.validate(
        booking_number(booking_id), organization_id=caller().organization_id
    )
    started_at, ended_at = session_times(services().meeting_facts.facts_of(booking.id))
    return jsonify(
        bookingId=booking_id,
        bookingStatus=int(booking.status),
        meetingId=booking.meeting_id,
        participantId=services().id_cipher.encrypt(IdKind.USER, booking.user_id),
        isValid=is_valid,
        startsAt=instant(booking.starts_at),
        endsAt=instant(booking.ends_at),
        sessionStartedAt=None if started_at is None else instant(started_at),
        sessionEndedAt=None if ended_at is None else instant(ended_at),
    )


def line(recording: Recording) -> dict[str, Any]:
    return {
        "recordingId": recording.id,
        "sessionId": recording.session_id,
        "createdAt": None if recording.created_at is None else instant(recording.created_at),
        "isReady": recording.url is not None,
        "fileUrl": recording.url,
        "fileType": recording.type,
        "fileSizeBytes": recording.size_bytes,
        "durationSeconds": recording.seconds,
        "resolution": recording.resolution,
        "format": recording.format,
    }
