"""Telling care providers: a push is first recorded, once for each key, then sent by a worker (saga/send_pushes.py).

What its booking must be for a push to be true, and for how long it is worth sending, are of its type.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from integrations.ports import NotificationType, Tells, told_by
from repositories.entities.pushes import NewPush, PushRecord, RecordPush
from repositories.entities.sagas import SagaState
from repositories.enums import BookingStatus, PushState
from repositories.ports.care_providers import CareProviders
from repositories.ports.errors import PushUnknown
from repositories.ports.pushes import Pushes
from saga.definition import Ended
from saga.operators import NotPossible
from saga.sweep import MARK, Nudge

SEND_PUSH = "send_push"  # the task that a push's id is published to

WANTS: Mapping[NotificationType, BookingStatus] = {
    NotificationType.NEW_BOOKING: BookingStatus.CONFIRMED,
    NotificationType.RESERVE_SLOT: BookingStatus.CONFIRMED,
    NotificationType.CANCEL_REFUND_BOOKING: BookingStatus.CANCELLED,
    NotificationType.REMINDER_NOTIFICATION: BookingStatus.CONFIRMED,
    NotificationType.OTHER_PARTY_JOINED: BookingStatus.CONFIRMED,
}
SENT_BY_FLOWS = frozenset(WANTS)
WORTH_SENDING = timedelta(days=1)  # for so long
WORTH: Mapping[NotificationType, timedelta] = {NotificationType.OTHER_PARTY_JOINED: timedelta(minutes=10)}
TELL_OF_A_SESSION_TO_COME = frozenset(
    {NotificationType.NEW_BOOKING, NotificationType.RESERVE_SLOT, NotificationType.REMINDER_NOTIFICATION}
)


@dataclass(frozen=True, kw_only=True)
class Notify:
    """Tell a booking's care provider. Safe to call twice: one push for each key."""

    pushes: Pushes
    nudge: Nudge
    clock: Callable[[], datetime]

    def __call__(self, booking_id: int, kind: NotificationType, *, key: str) -> bool:
        """Record the push and ring for a worker; False if there is one of this key, or it would not be true.

        `key` has at most 100 letters. Raises StoreUnavailable: then whether it is recorded is not known.
        """
        now = self.clock()
        push_id = self.pushes.add_of_booking(
            booking_id,
            key=key,
            kind=int(kind),
            wants_status=WANTS[kind],
            expires_at=now + worth_sending(kind),
            now=now,
            nudged_until=now + MARK,
        )
        if push_id is not None:
            self.nudge(SEND_PUSH, str(push_id))
        return push_id is not None


@dataclass(frozen=True, kw_only=True)
class PushOperator:
    """What an operator may do: send a push of a type that no flow sends, and send again what failed."""

    pushes: Pushes
    providers: CareProviders
    nudge: Nudge
    clock: Callable[[], datetime]
    new_key: Callable[[], str]

    def send(
        self,
        kind: NotificationType,
        *,
        care_provider_id: int | None,
        booking_id: int | None,
        day: datetime | None,
        asked: tuple[str, str],
    ) -> int:
        """The id of the push: to a care provider, or about a booking and then to its own. `asked`: by whom, and why.

        Raises NotPossible, CareProviderUnknown.
        """
        _refuse_what_does_not_fit(kind, care_provider_id=care_provider_id, booking_id=booking_id, day=day)
        now, key = self.clock(), f"asked-{self.new_key()}"
        until, mark = now + worth_sending(kind), now + MARK
        if booking_id is not None:
            push_id = self.pushes.add_of_booking(
                booking_id,
                key=key,
                kind=int(kind),
                wants_status=None,
                expires_at=until,
                now=now,
                nudged_until=mark,
                asked=asked,
            )
        else:
            provider = self.providers.get_care_provider(care_provider_id or 0)
            push = NewPush(key=key, kind=int(kind), care_provider_id=provider.id, happens_at=day, expires_at=until)
            push_id = self.pushes.add(push, now=now, nudged_until=mark, asked=asked)
        if push_id is None:
            raise NotPossible("there is no such booking")
        self.nudge(SEND_PUSH, str(push_id))
        return push_id

    def send_again(self, push_id: int, *, asked: tuple[str, str]) -> PushRecord:
        """Raises PushUnknown, PushNotFailed, PushOutdated, NotPossible: it would come too late."""
        now, found = self.clock(), self.pushes.find(push_id)
        if found is None:
            raise PushUnknown
        until = _worth_sending_again_until(found, now)
        if found.state is PushState.FAILED and until <= now:
            raise NotPossible(f"it is too late to send this again: it was news until {until:%Y-%m-%d %H:%M:%S} UTC")
        record = self.pushes.send_again(push_id, asked=asked, expires_at=until, now=now, nudged_until=now + MARK)
        self.nudge(SEND_PUSH, str(push_id))
        return record


def _refuse_what_does_not_fit(
    kind: NotificationType, *, care_provider_id: int | None, booking_id: int | None, day: datetime | None
) -> None:
    if kind in SENT_BY_FLOWS:
        raise NotPossible("it is sent by the flow that causes it: send the failed one again")
    tells = told_by(kind)
    if (booking_id is not None) != (tells is Tells.SESSION) or (care_provider_id is None) != (tells is Tells.SESSION):
        raise NotPossible("it goes to a booking's care provider" if tells is Tells.SESSION else "name a care provider")
    if (day is not None) != (tells is Tells.DAY):
        raise NotPossible("it tells of a day" if tells is Tells.DAY else "it tells of no day")


def worth_sending(kind: NotificationType) -> timedelta:
    return WORTH.get(kind, WORTH_SENDING)


def _worth_sending_again_until(record: PushRecord, now: datetime) -> datetime:
    """As long as a new one; but no session to come once it has started, and nobody joins anew by being told again."""
    kind, push = NotificationType(record.push.kind), record.push
    if kind in WORTH:
        return record.created_at + WORTH[kind]
    until = now + WORTH_SENDING
    if kind in TELL_OF_A_SESSION_TO_COME and push.happens_at is not None:
        return min(until, push.happens_at)
    return until


def recorded(state: SagaState, kind: NotificationType, ended: Ended, *, starts_at: datetime, key: str) -> RecordPush:
    """What came of a push that a saga's own step sent, to be kept with the save that ends the step."""
    push = NewPush(
        key=key,
        kind=int(kind),
        care_provider_id=state.input["care_provider_id"],
        booking_id=state.booking_id,
        happens_at=starts_at,
        wants_status=WANTS[kind],
        expires_at=ended.at + worth_sending(kind),
    )
    return RecordPush(push=push, reason=ended.error, attempts=ended.attempts)
