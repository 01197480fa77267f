"""Why a saga is where it is: the sentence for each place that it can be at, from sagas that really got there."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from integrations.ports import ProviderMisconfigured, ProviderUnavailable
from repositories.entities.services import ServiceState, ServiceView
from repositories.entities.vital_signs import COUNTED
from repositories.enums import SagaStatus, Service, Trouble
from saga.in_words import clock, many, shut, span, why
from tests.unit.saga.test_operators import Desk
from tests.unit.saga.world import CHARITY

AWAY = ProviderUnavailable("503", may_have_happened=False)


def told(desk: Desk, booking_id: int, *, view: ServiceState | None = None, later: timedelta = timedelta()) -> str:
    record = desk.records.find_record(desk.saga_of(booking_id).id)
    assert record is not None
    views = {} if view is None else {view.service: ServiceView(state=view, waiting_since=desk.now)}
    return why(desk.operator.sagas[record.state.name], record, views, now=desk.now + later)


def waiting(desk: Desk, times: int) -> int:
    booked = desk.book(CHARITY)
    for _ in range(times):
        desk.rooms.fail_next(AWAY, of="open_room")
        desk.runner().advance(desk.saga_of(booked.booking_id).id)
        desk.now = desk.saga_of(booked.booking_id).due_at or desk.now
    desk.now -= timedelta(milliseconds=1)
    return booked.booking_id


def test_a_saga_that_waits_says_until_when_why_how_often_and_how_many_tries_are_left() -> None:
    desk = Desk()
    booking_id = waiting(desk, 2)
    state = desk.saga_of(booking_id)
    assert state.failures == 2
    sentence = told(desk, booking_id)
    assert state.due_at is not None
    assert sentence.startswith(f"Waits until {state.due_at:%H:%M:%S} UTC to try create_meeting again because VideoSDK ")
    assert "was not available twice; 7 tries left." in sentence
    assert sentence.endswith(f"At {state.deadline_at:%H:%M:%S} UTC it turns back by itself.")


def test_the_first_failure_is_once() -> None:
    desk = Desk()
    assert "was not available once; 8 tries left." in told(desk, waiting(desk, 1))


def test_a_saga_that_is_due_asks_for_workers_only_if_it_is_late() -> None:
    desk = Desk()
    booking_id = desk.book().booking_id
    assert told(desk, booking_id, later=timedelta(seconds=2)).startswith(
        "Due for 2.0 s: the next free worker takes check_slot up. At "
    )
    assert "Are workers and beat up?" in told(desk, booking_id, later=timedelta(seconds=31))


def test_a_saga_in_hand_says_until_when() -> None:
    desk = Desk()
    booking_id = desk.book().booking_id
    saga = desk.saga_of(booking_id)
    assert desk.scheduling.claim(saga.id, now=desk.now, lease=timedelta(seconds=30), token="t")
    until = desk.now + timedelta(seconds=30)
    assert told(desk, booking_id).startswith(
        f"A worker has check_slot in hand, until {until:%H:%M:%S} UTC at the latest."
    )


def test_stuck_sagas_say_what_happened_and_what_helps() -> None:
    desk = Desk()
    bug = told(desk, desk.stuck_by_a_bug())
    assert bug == (
        "Stuck at create_meeting, and waits for you: it failed of an error that nobody foresaw (KeyError); the log "
        "has it as saga_bug. Mend it, then retry."
    )
    undo = told(desk := Desk(), desk.stuck_undoing())
    assert undo == (
        "Stuck at the undo of create_meeting, and waits for you: VideoSDK said no to it. Mend the cause and retry, "
        "or do it by hand and skip."
    )


def test_ended_sagas_say_how() -> None:
    desk = Desk()
    booked = desk.book()
    desk.settle()
    assert told(desk, booked.booking_id).startswith("Done at ")
    desk = Desk()
    failed = told(desk, desk.failed_booking())
    assert failed.startswith("Turned back at create_meeting (1014 meeting refused); everything was given back by ")
    desk = Desk()
    stuck = desk.stuck_by_a_bug()
    desk.operator.resolve(desk.wish(stuck))
    assert told(desk, stuck).endswith(" by Huda: VideoSDK was called: ticket 7.")


def test_a_saga_that_this_version_does_not_know_says_so() -> None:
    desk = Desk()
    record = desk.records.find_record(desk.saga_of(desk.book().booking_id).id)
    assert record is not None
    unknown = replace(record, state=replace(record.state, name="future"))
    assert "knows no saga future" in why(None, unknown, {}, now=desk.now)


def test_a_saga_in_line_says_why_the_service_is_not_asked() -> None:
    desk = Desk()
    booked = desk.book()
    desk.rooms.fail_next(ProviderMisconfigured("401"), of="open_room")
    desk.work()
    state = desk.saga_of(booked.booking_id)
    assert state.status is SagaStatus.RUNNING
    view = ServiceState(service=Service.VIDEOSDK, failures=1, trouble=Trouble.MISCONFIGURED, opened_at=desk.now)
    sentence = told(desk, booked.booking_id, view=view)
    if state.in_line is not None:
        assert "Waits in line for VideoSDK since" in sentence
        assert "it refuses our key: look at its setting" in sentence
    else:
        assert "because VideoSDK refuses our key" in sentence


NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
CLOSED = ServiceState(service=Service.VIDEOSDK)
OPEN = replace(CLOSED, failures=5, trouble=Trouble.FAILING, open_until=NOW + timedelta(seconds=10))


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (CLOSED, "others wait longer, or every place is taken"),
        (OPEN, "it failed 5 times in a row; it is tried again at 12:00:10 UTC"),
        (replace(OPEN, open_until=NOW), "it failed 5 times in a row; one call tries now whether it answers again"),
        (
            replace(OPEN, trouble=Trouble.LIMITED),
            "it asked not to be called for a while; it is tried again at 12:00:10 UTC",
        ),
        (replace(OPEN, paused_at=NOW, paused_by="Huda", paused_why="new key"), "paused by Huda (new key)"),
    ],
)
def test_a_service_says_why_it_is_not_asked(state: ServiceState, said: str) -> None:
    assert shut(ServiceView(state=state, waiting_since=None), NOW) == said


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(milliseconds=3), "3 ms"),
        (timedelta(seconds=1), "1.0 s"),
        (timedelta(seconds=59.94), "59.9 s"),
        (timedelta(seconds=60), "1 min 0 s"),
        (timedelta(minutes=3, seconds=5), "3 min 5 s"),
        (timedelta(hours=2, minutes=10, seconds=59), "2 h 10 min"),
        (timedelta(days=3, hours=4), "3 d 4 h"),
        (timedelta(seconds=-1), "0 ms"),
    ],
)
def test_a_span_has_the_units_that_matter(length: timedelta, said: str) -> None:
    assert span(length) == said


def test_an_instant_of_another_day_has_its_date() -> None:
    assert clock(NOW, NOW) == "12:00:00 UTC"
    assert clock(NOW, NOW + timedelta(days=1)) == "2026-01-05 12:00:00 UTC"


def test_a_count_that_ended_early_says_so() -> None:
    assert (many(0), many(COUNTED - 1), many(COUNTED)) == ("0", "9999", "10000+")
