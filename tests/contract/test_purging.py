"""What is forgotten, and above all what is not: on every engine."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table, func, insert, select, update

from repositories.database import Database
from repositories.entities.bookings import Withdrawal, Withdrawn
from repositories.enums import BookingStatus, Kept
from repositories.ports.errors import CancelledTooLate
from repositories.psyter_db import tables as psyter
from repositories.psyter_db.purging import psyter_forgets
from repositories.scheduling_db import tables as scheduling
from repositories.scheduling_db.bookings import SqlBookings
from repositories.scheduling_db.purging import scheduling_forgets
from saga.purge import Purge
from tests.contract.test_scheduling import NOW

DAY = timedelta(days=1)
AGE = 30 * DAY
OLD, BORDER, NEW = NOW - AGE - DAY, NOW - AGE, NOW - AGE + DAY
BEFORE = BORDER


def add(database: Database, table: Table, **values: Any) -> Any:
    return database.write(lambda c: c.execute(insert(table), values).inserted_primary_key[0])  # type: ignore[index]


def count(database: Database, table: Table) -> int:
    with database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def ids(database: Database, table: Table, column: str = "id") -> list[Any]:
    with database.reading() as connection:
        return sorted(connection.execute(select(table.c[column])).scalars())


def booking(database: Database, *, ended: datetime = OLD, **changes: Any) -> int:
    if not count(database, scheduling.slots):
        add(database, scheduling.slot_durations, id=1, minutes=60)
        hours = {"starts_at": OLD, "ends_at": OLD, "slot_duration_id": 1, "is_open": True}
        add(database, scheduling.slots, id=7, care_provider_id=42, **hours)
    values = {
        "organization_id": 1,
        "user_id": 5,
        "care_provider_id": 42,
        "slot_id": 7,
        "starts_at": ended - timedelta(hours=1),
        "ends_at": ended,
        "communication_type": 1,
        "platform": 1,
        "is_from_mobile": False,
        "status": BookingStatus.CONFIRMED,
        "created_at": OLD,
        "updated_at": OLD,
        **changes,
    }
    return int(add(database, scheduling.bookings, **values))


def saga(database: Database, booking_id: int, number: int = 1, *, at: datetime = OLD, status: str = "done") -> str:
    values: Mapping[str, Any] = {
        "id": f"{booking_id}-{number}",
        "name": "book_session",
        "booking_id": booking_id,
        "input": "{}",
        "owed": "[]",
        "receipts": "{}",
        "failures": 0,
        "claims": 0,
        "status": status,
        "deadline_at": at,
        "expires_at": at,
        "created_at": OLD,
        "updated_at": at,
        "version": 1,
    }
    add(database, scheduling.sagas, **values)
    attempt = {"step": "check_slot", "kind": "action", "number": 1, "outcome": "done", "duration_us": 1}
    add(database, scheduling.saga_attempts, saga_id=values["id"], booking_id=booking_id, started_at=at, **attempt)
    return str(values["id"])


def forget(database: Database, kind: Kept, *, limit: int = 100) -> int:
    kept = scheduling_forgets(database)
    counted = kept.count(kind, before=BEFORE)
    forgotten = kept.forget(kind, before=BEFORE, limit=limit)
    assert forgotten == min(counted, limit)  # what a dry run says
    return forgotten


# --- the journal -----------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["done", "undone", "resolved"])
def test_a_finished_saga_goes_with_its_attempts_and_its_booking_stays(
    scheduling_database: Database, status: str
) -> None:
    saga(scheduling_database, booking(scheduling_database), status=status)
    assert forget(scheduling_database, Kept.SAGAS) == 1
    assert count(scheduling_database, scheduling.sagas) == 0
    assert count(scheduling_database, scheduling.saga_attempts) == 0
    assert count(scheduling_database, scheduling.bookings) == 1


@pytest.mark.parametrize("status", ["running", "undoing", "stuck"])
def test_a_saga_that_has_not_ended_stays_with_all_others_of_its_booking(
    scheduling_database: Database, status: str
) -> None:
    booking_id = booking(scheduling_database)
    saga(scheduling_database, booking_id, 1)
    saga(scheduling_database, booking_id, 2, status=status)
    assert forget(scheduling_database, Kept.SAGAS) == 0
    assert count(scheduling_database, scheduling.saga_attempts) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"ended": NEW},
        {"ended": BORDER},
        {"ended": NOW + DAY},
        {"status": BookingStatus.PENDING},
        {"moving_saga_id": "m"},
    ],
)
def test_the_story_of_a_booking_that_can_be_asked_for_stays(
    scheduling_database: Database, changes: dict[str, Any]
) -> None:
    saga(scheduling_database, booking(scheduling_database, **changes))
    assert forget(scheduling_database, Kept.SAGAS) == 0


@pytest.mark.parametrize("at", [BORDER, NEW])
def test_sagas_of_a_booking_go_together_when_the_last_of_them_is_old(
    scheduling_database: Database, at: datetime
) -> None:
    booking_id = booking(scheduling_database)
    saga(scheduling_database, booking_id, 1)
    saga(scheduling_database, booking_id, 2, at=at)
    assert forget(scheduling_database, Kept.SAGAS) == 0


def test_a_batch_is_no_larger_than_asked(scheduling_database: Database) -> None:
    for _ in range(5):
        saga(scheduling_database, booking(scheduling_database))
    assert forget(scheduling_database, Kept.SAGAS, limit=2) == 2
    assert count(scheduling_database, scheduling.sagas) == 3


def test_a_booking_whose_journal_is_gone_answers_as_it_ended(scheduling_database: Database) -> None:
    kept = {status: booking(scheduling_database, status=status) for status in (1, 3)}
    for booking_id in kept.values():
        saga(scheduling_database, booking_id)
    assert forget(scheduling_database, Kept.SAGAS) == 2
    bookings = SqlBookings(scheduling_database)

    def withdrawn(booking_id: int) -> Withdrawn | None:
        return bookings.withdraw(
            Withdrawal(booking_id=booking_id, organization_id=1, by="partner", why=None),
            starts_after=NOW,
            follow_up=lambda _booking, _saga: pytest.fail("a saga for what is over"),
            idempotency=None,
            now=NOW,
            nudged_until=NOW,
        )

    with pytest.raises(CancelledTooLate):
        withdrawn(kept[BookingStatus.CONFIRMED])
    again = withdrawn(kept[BookingStatus.CANCELLED])
    assert again is not None
    assert (again.booking.status, again.saga) == (BookingStatus.CANCELLED, None)
    assert withdrawn(999) is None


# --- pushes, events, deliveries, reports --------------------------------------------------------


def push(database: Database, key: str, **changes: Any) -> None:
    values = {"kind": 13, "care_provider_id": 42, "state": "sent", "left_to": "", "attempts": 1, "created_at": OLD}
    times = {"expires_at": OLD, "updated_at": OLD}
    add(database, scheduling.pushes, push_key=key, **{**values, **times, **changes})


def test_a_push_goes_when_no_step_can_want_it_again(scheduling_database: Database) -> None:
    stuck = booking(scheduling_database)
    saga(scheduling_database, stuck, status="stuck")
    push(scheduling_database, "old")
    push(scheduling_database, "failed", state="failed")
    push(scheduling_database, "waiting", state="waiting")
    push(scheduling_database, "new", updated_at=NEW)
    push(scheduling_database, "good for longer", expires_at=NEW)
    push(scheduling_database, "of a stuck one", booking_id=stuck)
    assert forget(scheduling_database, Kept.PUSHES) == 2
    assert ids(scheduling_database, scheduling.pushes, "push_key") == [
        "good for longer",
        "new",
        "of a stuck one",
        "waiting",
    ]


def endpoint(database: Database, *, position: int, state: str = "active", organization: int = 1) -> int:
    values = {"url": "https://partner.example/", "kinds": "[]", "sealed_secret": "s", "is_behind": False, "failures": 0}
    times = {"created_at": OLD, "updated_at": OLD, "version": 1}
    of = {"organization_id": organization, "state": state, "position": position}
    return int(add(database, scheduling.webhook_endpoints, **values, **times, **of))


def delivery(database: Database, of_endpoint: int, state: str = "delivered", **changes: Any) -> int:
    values = {"endpoint_id": of_endpoint, "state": state, "attempts": 1, "created_at": OLD, "ended_at": OLD, **changes}
    delivery_id = int(add(database, scheduling.webhook_deliveries, **values))
    add(database, scheduling.webhook_attempts, delivery_id=delivery_id, started_at=OLD, duration_us=1)
    return delivery_id


def test_an_ended_delivery_goes_with_its_attempts(scheduling_database: Database) -> None:
    of = endpoint(scheduling_database, position=9)
    delivery(scheduling_database, of)
    delivery(scheduling_database, of, "given_up")
    kept = [
        delivery(scheduling_database, of, "pending", ended_at=None),
        delivery(scheduling_database, of, "pending"),  # sent again by hand after it had ended
        delivery(scheduling_database, of, ended_at=NEW),
    ]
    assert forget(scheduling_database, Kept.DELIVERIES) == 2
    assert ids(scheduling_database, scheduling.webhook_deliveries) == kept
    assert ids(scheduling_database, scheduling.webhook_attempts, "delivery_id") == kept


def event(database: Database, booking_id: int, sequence: int = 1, **changes: Any) -> int:
    values = {"kind": "confirmed", "status": 1, "occurred_at": OLD, "position": booking_id * 10 + sequence, **changes}
    of = {"booking_id": booking_id, "organization_id": 1, "sequence": sequence}
    return int(add(database, scheduling.booking_events, **of, **values))


def test_an_event_goes_when_it_was_announced_and_delivered_and_its_booking_can_have_no_more(
    scheduling_database: Database,
) -> None:
    database = scheduling_database
    over, to_come = booking(database), booking(database, ended=NEW)
    event(database, over)
    kept = [
        event(database, to_come),
        event(database, over, 2, occurred_at=NEW),
        event(database, over, 3, position=None),
        event(database, over, 4),
    ]
    delivery(database, endpoint(database, position=999), "pending", ended_at=None, event_id=kept[-1])
    endpoint(database, position=0, organization=2)  # another's is none of its business
    endpoint(database, position=0, state="deleted")
    assert forget(database, Kept.EVENTS) == 1
    assert ids(database, scheduling.booking_events) == kept


@pytest.mark.parametrize("state", ["active", "paused"])
def test_an_event_waits_for_an_endpoint_that_has_not_come_to_it(scheduling_database: Database, state: str) -> None:
    event(scheduling_database, booking(scheduling_database), position=5)
    behind = endpoint(scheduling_database, position=4, state=state)
    assert forget(scheduling_database, Kept.EVENTS) == 0
    scheduling_database.write(
        lambda c: c.execute(
            update(scheduling.webhook_endpoints).where(scheduling.webhook_endpoints.c.id == behind).values(position=5)
        )
    )
    assert forget(scheduling_database, Kept.EVENTS) == 1


def test_a_report_that_was_worked_through_goes_and_one_for_an_operator_stays(scheduling_database: Database) -> None:
    texts = {"kind": "k", "meeting_id": "m", "session_id": "s", "participant": "", "recording": ""}
    numbers = {"claims": 1, "deliveries": 1, "received_at": OLD}
    for digest, status, at in (
        ("done", "done", OLD),
        ("ignored", "ignored", OLD),
        ("waiting", "waiting", OLD),
        ("parked", "parked", OLD),
        ("repeated", "done", NEW),
    ):
        add(
            scheduling_database,
            scheduling.meeting_reports,
            digest=digest,
            status=status,
            last_received_at=at,
            **texts,
            **numbers,
        )
    assert forget(scheduling_database, Kept.REPORTS) == 2
    assert ids(scheduling_database, scheduling.meeting_reports, "digest") == ["parked", "repeated", "waiting"]


# --- keys and tokens ----------------------------------------------------------------------------


def test_an_idempotency_key_goes_when_it_promises_nothing_any_more(scheduling_database: Database) -> None:
    for key, at in (("old", OLD), ("older", OLD - DAY), ("border", BORDER), ("new", NEW)):
        add(
            scheduling_database,
            scheduling.idempotency_keys,
            organization_id=1,
            idempotency_key=key,
            body_digest="d",
            ids="[]",
            created_at=at,
        )
    assert forget(scheduling_database, Kept.SCHEDULING_KEYS, limit=1) == 1
    assert ids(scheduling_database, scheduling.idempotency_keys, "idempotency_key") == ["border", "new", "old"]
    assert forget(scheduling_database, Kept.SCHEDULING_KEYS) == 1
    assert ids(scheduling_database, scheduling.idempotency_keys, "idempotency_key") == ["border", "new"]


def test_a_token_family_goes_after_its_last_token(psyter_database: Database) -> None:
    database = psyter_database
    organization = add(
        database, psyter.organizations, name="n", is_charity=False, is_active=True, sealed_shared_api_key="s"
    )
    access_key = add(
        database,
        psyter.organization_access_keys,
        organization_id=organization,
        key_digest="k",
        role="r",
        label="l",
        is_active=True,
    )
    families = [
        add(database, psyter.token_families, access_key_id=access_key, scope="", started_at=OLD, expires_at=at)
        for at in (OLD, NEW, OLD)
    ]
    for digest, family, at in (("a", 0, OLD), ("b", 1, OLD), ("c", 1, NEW), ("d", 2, NEW)):
        add(database, psyter.refresh_tokens, digest=digest, family_id=families[family], expires_at=at)
    kept = psyter_forgets(database)
    assert kept.forget(Kept.REFRESH_TOKENS, before=BEFORE, limit=9) == 2
    assert ids(database, psyter.refresh_tokens, "digest") == ["c", "d"]
    assert kept.count(Kept.TOKEN_FAMILIES, before=BEFORE) == 1
    assert kept.forget(Kept.TOKEN_FAMILIES, before=BEFORE, limit=9) == 1
    assert ids(database, psyter.token_families) == families[1:]


def test_a_run_is_bounded_and_the_next_goes_on(scheduling_database: Database, psyter_database: Database) -> None:
    for _ in range(7):
        saga(scheduling_database, booking(scheduling_database))
    purge = Purge(
        databases=(scheduling_forgets(scheduling_database), psyter_forgets(psyter_database)),
        ages=dict.fromkeys(Kept, AGE),
        clock=lambda: NOW,
        batch=2,
        batches=2,
    )
    assert purge.preview()[Kept.SAGAS] == 7
    assert [purge()[Kept.SAGAS] for _ in range(3)] == [4, 3, 0]
    assert set(purge()) == set(Kept)
