"""StoreUnavailable (we do not know: locked, deadlock, link lost)
DriverMissing (found when the process starts)
LeaseLost | SagaMoved (someone else holds the saga)
all others (a "no")
"""


class StoreUnavailable(Exception):
    """A database did not answer, or asked to try again; whether a commit happened is not known."""


class DriverMissing(Exception):
    """What reaches this database is not on this machine; the message says how to get it."""


class SlotTaken(Exception):
    """Someone else holds or booked this time."""


class BookingWithdrawn(Exception):
    """The booking was withdrawn, or has ended, before it could be confirmed."""


class BalanceOut(Exception):
    """The charity organization's balance does not cover this session."""


class CancelledTooLate(Exception):
    """The session begins too soon, or has begun: it cannot be cancelled any more."""


class NotConfirmed(Exception):
    """Only a confirmed booking can be moved to another time."""


class MoveInFlight(Exception):
    """This booking is being moved to another time right now."""


class OrderVoided(Exception):
    """The order of this booking was voided; it cannot be saved again."""


class ReferenceContradicted(Exception):
    """This referenceId is registered with other details."""


class OrganizationUnknown(Exception):
    """There is no such organization."""


class AccessKeyUnknown(Exception):
    """The organization has no such access key in force."""


class RefreshTokenUnknown(Exception):
    """This refresh token is not valid, or has expired."""


class RefreshTokenReused(Exception):
    """This refresh token was used before: all tokens that came of it have ended."""

    def __init__(self, *, organization_id: int, family_id: int) -> None:
        super().__init__()
        self.organization_id = organization_id
        self.family_id = family_id


class ScopeExceeded(Exception):
    """A scope was asked for that was not granted."""


class CareProviderUnknown(Exception):
    """There is no such care provider, or it cannot be booked any more."""


class UserUnknown(Exception):
    """This user is not registered with your organization."""


class UserHasBookings(Exception):
    """A booking of this user is pending or still to come: cancel it first, or wait until it is over."""


class FavoritesFull(Exception):
    """This user has as many favorites as there can be."""


class KeyTaken(Exception):
    """This idempotency key is already in use."""


class KeyReused(Exception):
    """This Idempotency-Key was used for another request."""


class KeyInFlight(Exception):
    """A request with this Idempotency-Key is being accepted right now."""


class SagaMoved(Exception):
    """The saga is in the hands of a worker, or has changed since it was read. Look again."""


class LeaseLost(Exception):
    """Another worker holds this saga now."""


class EventsForgotten(Exception):
    """Events after this place are not kept any more: begin anew without it, and look up your bookings."""

    field = "after"


class PushUnknown(Exception):
    """There is no such push."""


class PushNotFailed(Exception):
    """This push has not failed: it waits to be sent, or was sent."""


class PushOutdated(Exception):
    """The booking has changed since: what this push tells is no longer so."""


class LineUnreadable(Exception):
    """A line of the audit log holds what was never written there."""

    def __init__(self, sequence: int) -> None:
        super().__init__(sequence)
        self.sequence = sequence


class OfferRefused(Exception):
    """This cannot be opened, blocked or removed."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class HoursOverlap(OfferRefused):
    """This overlaps other hours of the care provider."""


class SlotOverlaps(OfferRefused):
    """This overlaps another slot of the care provider."""


class OutsideHours(OfferRefused):
    """This slot is not within the care provider's hours."""


class SlotLengthUnknown(OfferRefused):
    """Slots do not have this length."""


class SlotUnknown(OfferRefused):
    """The care provider has no such slot."""


class HoursUnknown(OfferRefused):
    """The care provider has no such hours."""


class EndpointsFull(Exception):
    """An organization has 20 webhook endpoints at most."""


class EndpointUnknown(Exception):
    """There is no such webhook endpoint."""


class DeliveryUnknown(Exception):
    """There is no such delivery."""


class EndpointNotActive(Exception):
    """This webhook endpoint is paused or disabled; enable it first."""


class ReplayTooLong(Exception):
    """More than 1000 events lie in this period; replay it in parts."""


class OperatorUnknown(Exception):
    """The console knows no operator of this name."""


class OperatorExists(Exception):
    """The console knows an operator of this name already."""
