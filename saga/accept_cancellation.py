"""Cancel a booking: Pending is withdrawn, Confirmed is cancelled at once, and what has ended stays as it is.

Refusals:  BookingNotFound | CareProviderContradicted | SessionTooSoon   name a field
           KeyReused | KeyInFlight                                       name the idempotency key
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from repositories.entities.bookings import Booking, Withdrawal
from repositories.entities.idempotency import IdempotencyKey
from repositories.ports.bookings import Bookings
from repositories.ports.errors import CancelledTooLate, KeyInFlight, KeyReused, KeyTaken
from repositories.ports.organizations import Organizations
from saga.accept_booking import HEAD_START
from saga.cancel_booking import first_state
from saga.slot_choice import Refusal
from saga.sweep import Nudge


class BookingNotFound(Refusal):
    """There is no such booking."""


class CareProviderContradicted(Refusal):
    """This is not the care provider of the booking."""


class SessionTooSoon(Refusal):
    """The session begins too soon, or has begun: it cannot be cancelled or moved any more."""

    def __init__(self, field: str, *, until: datetime) -> None:
        super().__init__(field)
        self.detail = f"It could be cancelled or moved until {until:%Y-%m-%dT%H:%M:%SZ}."


@dataclass(frozen=True, kw_only=True)
class CancellationRequest:
    organization_id: int
    booking_id: int
    user_id: int
    care_provider_id: int
    why: str | None = field(repr=False)
    idempotency: IdempotencyKey | None


@dataclass(frozen=True, kw_only=True)
class AcceptCancellation:
    bookings: Bookings
    organizations: Organizations
    nudge: Nudge
    clock: Callable[[], datetime]
    new_saga_id: Callable[[], str]

    def __call__(self, request: CancellationRequest) -> Booking:
        """The booking as the cancellation leaves it; doing it twice is doing it once. Raises the refusals above."""
        self._check_key(request)
        booking = self._booking_of(request)
        deadline = cancellation_deadline(self.organizations, request.organization_id)
        now = self.clock()
        try:
            withdrawn = self.bookings.withdraw(
                Withdrawal(
                    booking_id=booking.id,
                    organization_id=request.organization_id,
                    by="partner",
                    why=request.why,
                ),
                starts_after=now + deadline,
                follow_up=lambda cancelled, booked_by: first_state(
                    self.new_saga_id(), cancelled, booked_by=booked_by, now=now
                ),
                idempotency=request.idempotency,
                now=now,
                nudged_until=now + HEAD_START,
            )
        except CancelledTooLate as error:
            raise SessionTooSoon("bookingId", until=booking.starts_at - deadline) from error
        except KeyTaken:
            return self._booking_of_the_winner(request)
        if withdrawn is None:
            raise BookingNotFound("bookingId")
        if withdrawn.saga is not None:
            self.nudge(withdrawn.saga.name, withdrawn.saga.id)
        return withdrawn.booking

    def _check_key(self, request: CancellationRequest) -> bool:
        """Whether this key was used for this request before. Raises KeyReused."""
        if request.idempotency is None:
            return False
        use = self.bookings.find_key_use(request.organization_id, request.idempotency.key, now=self.clock())
        if use is not None and use.body_digest != request.idempotency.body_digest:
            raise KeyReused
        return use is not None

    def _booking_of_the_winner(self, request: CancellationRequest) -> Booking:
        if not self._check_key(request):
            raise KeyInFlight
        return self._booking_of(request)

    def _booking_of(self, request: CancellationRequest) -> Booking:
        return own_booking(
            self.bookings,
            request.booking_id,
            organization_id=request.organization_id,
            user_id=request.user_id,
            care_provider_id=request.care_provider_id,
        )


def own_booking(
    bookings: Bookings, booking_id: int, *, organization_id: int, user_id: int, care_provider_id: int
) -> Booking:
    """The booking of this organization and user. Raises BookingNotFound, CareProviderContradicted."""
    booking = bookings.find_booking(booking_id, organization_id=organization_id)
    if booking is None or booking.user_id != user_id:
        raise BookingNotFound("bookingId")
    if booking.care_provider_id != care_provider_id:
        raise CareProviderContradicted("careProviderId")
    return booking


def cancellation_deadline(organizations: Organizations, organization_id: int) -> timedelta:
    """How long before the session a booking of this organization can still be cancelled or moved."""
    organization = organizations.find_organization(organization_id)
    return timedelta() if organization is None else organization.cancellation_deadline
