"""The name under which a booking's room is known to VideoSDK."""

from repositories.entities.sagas import key_of


def create_meeting_key(saga_id: str) -> str:
    """The customRoomId of the room that this saga opened."""
    return key_of(saga_id, "create_meeting")
