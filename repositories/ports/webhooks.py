"""Webhooks, as their owners and as workers use them."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.entities.webhooks import (
    Claimed,
    Delivery,
    DeliveryAttempt,
    DeliveryRecord,
    Endpoint,
    EndpointChange,
    NewEndpoint,
    Outcome,
    Wish,
)
from repositories.enums import DeliveryState, EndpointState

MOST_ENDPOINTS = 20  # of an organization
MOST_REPLAYED = 1000  # events in one replay


class WebhookEndpoints(Protocol):
    """An organization's endpoints. Whatever names one that is not its own raises EndpointUnknown."""

    def find_change(self, key: IdempotencyKey | None, *, organization_id: int, now: datetime) -> Change | None: ...

    def add(self, new: NewEndpoint, *, key: IdempotencyKey | None, now: datetime) -> Change:
        """It hears of what is announced from now on. Raises EndpointsFull."""
        ...

    def list_endpoints(self, organization_id: int) -> Sequence[Endpoint]:
        """The oldest first."""
        ...

    def get_endpoint(self, endpoint_id: int, *, organization_id: int) -> Endpoint: ...

    def change(
        self,
        endpoint_id: int,
        change: EndpointChange,
        *,
        organization_id: int,
        key: IdempotencyKey | None,
        now: datetime,
    ) -> Change: ...

    def rotate_secret(
        self,
        endpoint_id: int,
        sealed_secret: str,
        *,
        organization_id: int,
        overlap: timedelta,
        key: IdempotencyKey | None,
        now: datetime,
    ) -> Change:
        """From now on this secret signs; the one before it too, for `overlap`."""
        ...

    def seal_anew(self, anew: Callable[[str], str | None]) -> Sequence[tuple[int, bool]]:
        """Put what `anew` makes of each sealed secret in its place, of all organizations. The ids of their endpoints,
        and whether it made something of all their seals; if not, they stay as they are."""
        ...

    def set_state(
        self,
        endpoint_id: int,
        state: EndpointState,
        *,
        organization_id: int,
        key: IdempotencyKey | None,
        now: datetime,
    ) -> Change:
        """Active again, it catches up with what was announced meanwhile, and what was given up since it began to fail
        is tried anew. Deleted, it is unknown from now on."""
        ...

    def add_test(self, endpoint_id: int, *, organization_id: int, key: IdempotencyKey | None, now: datetime) -> Change:
        """A delivery without an event; ids: endpoint, delivery. Raises EndpointNotActive."""
        ...

    def resend(self, delivery_id: int, *, organization_id: int, key: IdempotencyKey | None, now: datetime) -> Change:
        """Deliver it once more, whatever came of it; ids: endpoint, delivery. Raises DeliveryUnknown,
        EndpointNotActive."""
        ...

    def replay(
        self,
        endpoint_id: int,
        *,
        since: datetime,
        until: datetime,
        organization_id: int,
        key: IdempotencyKey | None,
        now: datetime,
    ) -> Change:
        """Deliver once more what happened in [since, until) and this endpoint wants to hear of; ids: endpoint, how
        many. Raises EndpointNotActive, ReplayTooLong."""
        ...

    def list_deliveries(
        self,
        endpoint_id: int,
        *,
        organization_id: int,
        state: DeliveryState | None,
        before: int | None,
        limit: int,
    ) -> Sequence[Delivery]:
        """The newest first; `before` is the id of the last one of the page before."""
        ...

    def get_record(self, delivery_id: int, *, organization_id: int) -> DeliveryRecord:
        """Raises DeliveryUnknown."""
        ...


class WebhookQueue(Protocol):
    """What is to be delivered, as workers take it."""

    def fan_out(self, *, limit: int, now: datetime) -> Sequence[int]:
        """Give up to `limit` endpoints that are behind the deliveries of the next announced events; returns the ids of
        those that have something to deliver now. Harmless when several run at once."""
        ...

    def take_due(self, *, limit: int, now: datetime, marked_until: datetime) -> Sequence[int]:
        """The ids of endpoints that have something to do and are not marked; marked now."""
        ...

    def unmark(self, endpoint_id: int) -> None: ...

    def claim(self, endpoint_id: int, wish: Wish) -> Claimed | None:
        """The next delivery of this endpoint that is due: the event before it of the same booking is not pending, and
        fewer than `slots` are under way, one if the last one failed. None: not now."""
        ...

    def finish(
        self,
        claimed: Claimed,
        attempt: DeliveryAttempt,
        *,
        rule: Callable[[Endpoint, Delivery], Outcome],
        then: Wish | None,
    ) -> tuple[Outcome, Claimed | None]:
        """Write the attempt, and what follows from it by `rule`, which is told how the endpoint stands by now; and
        claim the next, in the same transaction. Raises LeaseLost; then nothing is written."""
        ...
