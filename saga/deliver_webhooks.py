"""Delivers webhooks: takes what is due of one endpoint, posts it, writes down what came of it."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from integrations.webhooks.ports import Answer, WebhookSender
from repositories.entities.webhooks import Claimed, Delivery, DeliveryAttempt, Endpoint, Outcome, Wish
from repositories.enums import DeliveryState, EndpointState
from repositories.ports.errors import LeaseLost
from repositories.ports.webhooks import WebhookQueue
from saga.webhook_messages import PublicIds, message_of
from saga.webhook_schedule import Moment, outcome_of

log = structlog.get_logger()

MOST = 50  # deliveries in one turn; then others come first
TURN = timedelta(seconds=10)
Ring = Callable[[int], object]  # nudges a worker about an endpoint; never raises

AT_ONCE = 100  # endpoints that one sweep rings for
MILLISECOND = timedelta(milliseconds=1)
MARK = timedelta(seconds=20)  # how long a nudged endpoint is left alone

NO_THREAD = "no thread free"


@dataclass(frozen=True, kw_only=True)
class DeliverWebhooks:
    """Safe to call for any endpoint, at any time, from any number of processes."""

    queue: WebhookQueue
    sender: WebhookSender
    unseal: Callable[[str], str]
    ids: PublicIds
    ring: Ring
    clock: Callable[[], datetime]
    jitter: Callable[[], float]
    new_token: Callable[[], str]
    lease: timedelta
    slots: int  # deliveries of one endpoint at one time
    threads: threading.Semaphore  # of this process that may deliver at one time
    disable_after: timedelta
    pace: float = 1.0
    is_stopping: Callable[[], bool] = lambda: False

    def __call__(self, endpoint_id: int) -> str:
        """Deliver what is due now; returns a short word on it. Raises StoreUnavailable."""
        if not self.threads.acquire(blocking=False):
            self.queue.unmark(endpoint_id)  # the sweep rings again soon
            return NO_THREAD
        try:
            return f"delivered {self._take_turn(endpoint_id)}"
        finally:
            self.threads.release()

    def _take_turn(self, endpoint_id: int) -> int:
        delivered, ends = 0, self.clock() + TURN
        claimed = self.queue.claim(endpoint_id, self._wish())
        if claimed is not None and claimed.is_more:
            self.ring(endpoint_id)
        for number in range(MOST):
            if claimed is None:
                return delivered
            is_last = number == MOST - 1 or self.is_stopping() or self.clock() > ends
            is_delivered, claimed = self._deliver_and_say_so(claimed, is_last=is_last)
            delivered += is_delivered
            if is_last:
                self.ring(endpoint_id)
        return delivered

    def _wish(self) -> Wish:
        return Wish(token=self.new_token(), now=self.clock(), lease=self.lease, slots=self.slots)

    def _deliver_and_say_so(self, claimed: Claimed, *, is_last: bool) -> tuple[bool, Claimed | None]:
        event = claimed.delivery.event
        with structlog.contextvars.bound_contextvars(
            request_id=claimed.request_id,
            organization_id=claimed.endpoint.organization_id,
            booking_id=None if event is None else event.booking_id,
            event_id=None if event is None else event.id,
            delivery_id=claimed.delivery.id,
        ):
            return self._deliver(claimed, is_last=is_last)

    def _deliver(self, claimed: Claimed, *, is_last: bool) -> tuple[bool, Claimed | None]:
        """Whether it was delivered, and what is to be delivered next."""
        started, watch = self.clock(), time.perf_counter()
        answer = self._answer_to(claimed, started)
        attempt = DeliveryAttempt(
            started_at=started,
            duration=timedelta(seconds=time.perf_counter() - watch),
            http_status=answer.http_status,
            error=answer.error,
        )
        wish = self._wish()
        moment = Moment(now=wish.now, chance=self.jitter(), pace=self.pace, disable_after=self.disable_after)

        def rule(endpoint: Endpoint, delivery: Delivery) -> Outcome:
            return outcome_of(answer, endpoint, delivery, moment)

        try:
            outcome, following = self.queue.finish(claimed, attempt, rule=rule, then=None if is_last else wish)
        except LeaseLost:
            log.warning("webhook_lease_lost")
            return False, None if is_last else self.queue.claim(claimed.endpoint.id, wish)
        _tell(outcome, attempt, number=claimed.delivery.attempts, now=moment.now)
        return outcome.delivery.state is DeliveryState.DELIVERED, following

    def _answer_to(self, claimed: Claimed, now: datetime) -> Answer:
        """A fault of ours counts as a failure: else this delivery would be claimed again and again, and never end."""
        try:
            return self._post(claimed, now)
        except Exception:
            log.exception("webhook_not_sent")
            return Answer(error="not_sent")

    def _post(self, claimed: Claimed, now: datetime) -> Answer:
        endpoint = claimed.endpoint
        sealed = [endpoint.sealed_secret]
        if endpoint.earlier_secret is not None and endpoint.earlier_until is not None and endpoint.earlier_until > now:
            sealed.append(endpoint.earlier_secret)
        message = message_of(claimed.delivery, self.ids)
        return self.sender.post(endpoint.url, message, secrets=[self.unseal(one) for one in sealed], now=now)


def _tell(outcome: Outcome, attempt: DeliveryAttempt, *, number: int, now: datetime) -> None:
    endpoint, delivery = outcome.endpoint, outcome.delivery
    log.info(
        "webhook",
        state=delivery.state.value,
        attempt=number,
        status=attempt.http_status,
        error=attempt.error,
        milliseconds=attempt.duration // MILLISECOND,
    )
    if endpoint.state is EndpointState.DISABLED and endpoint.disabled_at == now:
        log.warning("webhook_endpoint_disabled", endpoint_id=endpoint.id, because=str(endpoint.disabled_because))
    if delivery.state is DeliveryState.GIVEN_UP:
        log.warning("webhook_given_up", error=delivery.last_error)


@dataclass(frozen=True, kw_only=True)
class SweepWebhooks:
    """Endpoints with something due whose nudge was lost, or whose retry has come."""

    queue: WebhookQueue
    ring: Ring
    clock: Callable[[], datetime]

    def __call__(self) -> int:
        """Returns how many were rung. Harmless when several run. Raises StoreUnavailable."""
        now = self.clock()
        due = self.queue.take_due(limit=AT_ONCE, now=now, marked_until=now + MARK)
        for endpoint_id in due:
            self.ring(endpoint_id)
        return len(due)
