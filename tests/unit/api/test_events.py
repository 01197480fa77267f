"""GET /events: an organization's events, in order, with a cursor that always leads on."""

from dataclasses import replace
from typing import Any

import pytest

from api.pagination import Cursors, Listing
from api.security.id_cipher import IdKind
from api.security.scopes import SCOPES_OF, Scope
from repositories.enums import BookingStatus, EventKind, Reason, Role
from tests.contract.test_event_feed import event
from tests.unit.api.world import BOOKING, CIPHER, CONFIRMED, KEY, OTHERS, OURS, World

EVENTS = "/api/v1/events"
PUBLIC_ID = CIPHER.encrypt(IdKind.BOOKING, BOOKING)


@pytest.fixture
def world() -> World:
    return World(view=CONFIRMED)


def asked(world: World, *, organization_id: int = OURS, prefer: str | None = None, **query: Any) -> Any:
    headers = world.bearer(organization_id=organization_id) | ({"Prefer": prefer} if prefer else {})
    return world.client.get(EVENTS, query_string=query, headers=headers)


def positions(answer: Any) -> list[int]:
    return [line["sequence"] for line in answer.json["eventsList"]]


def test_an_event_is_told_thin(world: World) -> None:
    world.feed.events = [replace(event(1, booking=BOOKING), status=BookingStatus.FAILED, kind="failed", reason=4)]
    answer = asked(world)
    assert answer.status_code == 200
    assert answer.json["eventsList"] == [
        {
            "eventId": CIPHER.encrypt(IdKind.EVENT, 101),
            "type": "booking.failed",
            "bookingId": PUBLIC_ID,
            "sequence": 1,
            "bookingStatus": 8,
            "reason": 4,
            "changed": ["bookingStatus", "meetingId"],
            "occurredAt": "2026-01-05T12:00:00.250Z",
        }
    ]


def test_the_cursor_leads_on_also_when_there_was_nothing(world: World) -> None:
    first = asked(world)
    assert (first.json["eventsList"], first.json["hasMore"]) == ([], False)
    world.feed.events = [event(1), event(2), event(3)]
    second = asked(world, after=first.json["nextCursor"], limit=2)
    assert (positions(second), second.json["hasMore"]) == ([1, 2], True)
    third = asked(world, after=second.json["nextCursor"], limit=2)
    assert (positions(third), third.json["hasMore"]) == ([3], False)
    again = asked(world, after=third.json["nextCursor"])
    assert again.json == {"eventsList": [], "nextCursor": third.json["nextCursor"], "hasMore": False}


def test_a_cursor_before_what_was_purged_is_answered_with_what_to_do(world: World) -> None:
    cursor = asked(world).json["nextCursor"]
    world.feed.forgotten = [event(1)]
    world.feed.events = [event(2)]
    gone = asked(world, after=cursor)
    assert (gone.status_code, gone.json["reason"]) == (410, Reason.EVENTS_FORGOTTEN)
    assert [problem["field"] for problem in gone.json["errors"]] == ["after"]
    anew = asked(world)
    assert (positions(anew), asked(world, after=anew.json["nextCursor"]).status_code) == ([2], 200)
    assert asked(world, after=cursor, prefer="wait=5").status_code == 410


def test_whoever_begins_anew_is_led_past_what_is_gone_already(world: World) -> None:
    world.feed.events = [event(1), event(4)]
    world.feed.forgotten = [event(2), event(3)]
    first = asked(world, limit=1)
    second = asked(world, after=first.json["nextCursor"], limit=1)
    assert (positions(first), positions(second)) == ([1], [4])


def test_a_cursor_that_was_given_out_before_purges_were_told_of_is_good(world: World) -> None:
    listing = Listing(
        name="events",
        organization_id=OURS,
        filters={"organization_id": OURS, "booking_id": None, "kinds": None},
    )
    world.feed.events = [event(1), event(2)]
    cursor = Cursors(KEY).write((1,), of=listing)
    assert positions(asked(world, after=cursor)) == [2]
    world.feed.forgotten = [event(2)]
    assert asked(world, after=cursor).status_code == 410


def test_another_organizations_events_are_not_there(world: World) -> None:
    world.feed.events = [event(1), event(2, organization=OTHERS)]
    assert positions(asked(world)) == [1]
    assert positions(asked(world, organization_id=OTHERS)) == [2]


def test_another_organizations_cursor_is_worthless(world: World) -> None:
    answer = asked(world, organization_id=OTHERS, after=asked(world).json["nextCursor"])
    assert (answer.status_code, answer.json["reason"]) == (400, Reason.INVALID_PARAMETER)
    assert [problem["field"] for problem in answer.json["errors"]] == ["after"]


def test_another_organizations_booking_is_a_missing_one(world: World) -> None:
    answer = asked(world, organization_id=OTHERS, bookingId=PUBLIC_ID)
    assert (answer.status_code, answer.json["reason"]) == (404, Reason.NOT_FOUND)


def test_types_and_a_booking_narrow_it(world: World) -> None:
    world.feed.events = [event(1, booking=BOOKING), event(2, kind="failed", booking=6), event(3, kind="cancelled")]
    assert positions(asked(world, type="booking.failed,booking.cancelled")) == [2, 3]
    assert positions(asked(world, bookingId=PUBLIC_ID)) == [1, 3]
    assert positions(asked(world, bookingId=PUBLIC_ID, type="booking.failed")) == []


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_can_be_asked_for(world: World, kind: EventKind) -> None:
    world.feed.events = [event(1, kind=kind.value)]
    assert positions(asked(world, type=f"booking.{kind.value}")) == [1]


def test_a_kind_that_is_newer_than_this_process_is_told_all_the_same(world: World) -> None:
    world.feed.events = [event(1, kind="unheard_of")]
    assert asked(world).json["eventsList"][0]["type"] == "booking.unheard_of"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"type": "booking.exploded"}, "type"),
        ({"type": "confirmed"}, "type"),
        ({"after": "nonsense"}, "after"),
        ({"bookingId": "A" * 43}, "bookingId"),
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"unheardOf": "1"}, "unheardOf"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_name(world: World, query: dict[str, Any], field: str) -> None:
    answer = asked(world, **query)
    assert answer.status_code == 400
    assert [problem["field"] for problem in answer.json["errors"]] == [field]


def test_a_cursor_is_good_for_its_filters_only(world: World) -> None:
    cursor = asked(world, type="booking.failed").json["nextCursor"]
    assert asked(world, type="booking.failed", after=cursor).status_code == 200
    assert asked(world, after=cursor).status_code == 400


def test_with_a_preference_it_answers_when_something_comes(world: World) -> None:
    read, looks = world.feed.read, []

    def looked(*given: Any, **named: Any) -> Any:
        looks.append(1)
        if len(looks) == 3:
            world.feed.events = [event(1)]
        return read(*given, **named)

    world.feed.read = looked  # type: ignore[method-assign]
    answer = asked(world, prefer="wait=5")
    assert positions(answer) == [1]
    assert answer.headers["Preference-Applied"] == "wait=5"
    assert len(looks) == 3


def test_a_preference_ends_and_the_cursor_is_given(world: World) -> None:
    answer = asked(world, prefer="wait=5")
    assert answer.json["eventsList"] == []
    assert world.slept == pytest.approx(5)
    assert answer.json["nextCursor"]


def test_without_a_place_to_wait_it_answers_at_once(world: World) -> None:
    world.places = 1
    read = world.feed.read

    def crowded(*given: Any, **named: Any) -> Any:
        world.feed.read = read  # type: ignore[method-assign]
        inner = asked(world, prefer="wait=5")
        assert (inner.status_code, "Preference-Applied" in inner.headers) == (200, False)
        return read(*given, **named)

    world.feed.read = crowded  # type: ignore[method-assign]
    assert asked(world, prefer="wait=1").status_code == 200


def test_a_reader_may_read_events_and_nobody_without_the_scope() -> None:
    assert Scope.EVENTS_READ in SCOPES_OF[Role.READ_ONLY]
    world = World()
    answer = world.client.get(EVENTS, headers=world.bearer(scopes={Scope.BOOKINGS_READ}))
    assert (answer.status_code, answer.json["reason"]) == (403, Reason.FORBIDDEN)


def test_it_counts_as_polling() -> None:
    world = World(per_minute={**World().per_minute, "polling": 1})
    assert [asked(world).status_code for _ in range(2)] == [200, 429]
