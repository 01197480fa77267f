"""Ids in paths and queries, and whether what they name is the caller's: what is another's is as good as missing."""

from api.auth import caller
from api.errors import InvalidBody
from api.security.id_cipher import IdKind, IdTampered
from api.services import services
from repositories.entities.users import User
from saga.accept_booking import UserNotFound


def booking_number(public_id: str) -> int:
    """The id of a booking in a path. Raises InvalidBody."""
    return _decrypted(IdKind.BOOKING, public_id, field="bookingId")


def user_number(public_id: str) -> int:
    """The id of a user in a path. Raises InvalidBody."""
    return _decrypted(IdKind.USER, public_id, field="userId")


def endpoint_number(public_id: str) -> int:
    """The id of a webhook endpoint in a path. Raises InvalidBody."""
    return _decrypted(IdKind.WEBHOOK_ENDPOINT, public_id, field="endpointId")


def delivery_number(public_id: str) -> int:
    """The id of a delivery in a path. Raises InvalidBody."""
    return _decrypted(IdKind.WEBHOOK_DELIVERY, public_id, field="deliveryId")


def _decrypted(kind: IdKind, text: str, *, field: str) -> int:
    try:
        return services().id_cipher.decrypt(kind, text)
    except IdTampered as error:
        raise InvalidBody([{"field": field, "message": (IdTampered.__doc__ or "").strip()}]) from error


def own_user(user_id: int) -> User:
    """The caller's user. Raises UserNotFound."""
    user = services().users.find_user(user_id, organization_id=caller().organization_id)
    if user is None:
        raise UserNotFound("userId")
    return user
