"""What is told and erased of one user, on every engine."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from repositories.database import Database
from repositories.enums import BookingStatus
from repositories.ports.errors import UserHasBookings, UserUnknown
from repositories.psyter_db import tables as psyter
from repositories.psyter_db.erasing import NOBODYS_BIRTH, NOBODYS_GENDER, SqlPersonalData
from repositories.psyter_db.users import SqlUsers
from repositories.scheduling_db import tables as scheduling
from repositories.scheduling_db.erasing import SqlBookingTraces
from tests.contract.test_purging import add, booking, ids
from tests.contract.test_scheduling import NOW

HOUR = timedelta(hours=1)
ASKED = ("Huda", "ticket 7")


@pytest.fixture
def user_id(psyter_database: Database) -> int:
    organization = add(
        psyter_database, psyter.organizations, name="n", is_charity=False, is_active=True, sealed_shared_api_key="s"
    )
    person = {"reference_id": "R-1", "name": "سارة", "dob": date(1990, 5, 15), "gender": 0, "created_at": NOW}
    user_id = int(add(psyter_database, psyter.users, organization_id=organization, favorites=0, **person))
    times = {"created_at": NOW, "updated_at": NOW}
    order = {"booking_id": 9, "status": "open", "amount_minor": 100, "is_charged_to_balance": False, "user_id": user_id}
    add(psyter_database, psyter.orders, organization_id=organization, care_provider_id=1, **order, **times)
    preference = {"recipient": "user", "recipient_id": user_id, "minutes": "60", "changed_at": NOW}
    other = {**preference, "recipient": "care_provider"}
    psyter_database.write(lambda c: c.execute(insert(psyter.reminder_preferences), [preference, other]))
    return user_id


def test_a_user_leaves_a_row_without_a_person(psyter_database: Database, user_id: int) -> None:
    people = SqlPersonalData(psyter_database)
    organization = people.organization_of(user_id, organization_id=None)
    told = people.export(user_id)
    assert (told["user"]["name"], told["user"]["dob"]) == ("سارة", "1990-05-15")
    assert ([one["booking_id"] for one in told["orders"]], [one["minutes"] for one in told["reminders"]]) == (
        [9],
        ["60"],
    )
    for now in (NOW, NOW + HOUR):
        change = people.erase(user_id, organization_id=organization, key=None, asked=ASKED, now=now)
        assert change.ids == (user_id,)
    with psyter_database.reading() as connection:
        row = connection.execute(select(psyter.users)).one()
    assert (row.id, row.name, row.dob, row.gender) == (user_id, "", NOBODYS_BIRTH, NOBODYS_GENDER)
    assert (row.erased_at, row.erased_by, row.erased_why) == (NOW, *ASKED)  # the first time counts
    assert row.reference_id.startswith("erased-")
    assert ids(psyter_database, psyter.reminder_preferences, "recipient") == ["care_provider"]
    assert len(ids(psyter_database, psyter.orders)) == 1
    assert SqlUsers(psyter_database).find_user(user_id, organization_id=organization) is None
    assert people.organization_of(user_id, organization_id=organization) == organization
    with pytest.raises(UserUnknown):
        people.organization_of(user_id, organization_id=organization + 1)


@pytest.mark.parametrize(
    ("changes", "is_on"),
    [
        ({"status": BookingStatus.PENDING, "ended": NOW - HOUR}, True),
        ({"status": BookingStatus.CONFIRMED, "ended": NOW + HOUR}, True),
        ({"status": BookingStatus.CONFIRMED, "ended": NOW}, False),
        ({"status": BookingStatus.CANCELLED, "ended": NOW + HOUR}, False),
        ({"status": BookingStatus.PENDING, "user_id": 6}, False),
        ({"status": BookingStatus.PENDING, "organization_id": 2}, False),
    ],
)
def test_reasons_are_blanked_unless_a_booking_is_still_on(
    scheduling_database: Database, changes: dict[str, Any], *, is_on: bool
) -> None:
    database, traces = scheduling_database, SqlBookingTraces(scheduling_database)
    cancelled = booking(database, status=BookingStatus.CANCELLED, withdrawn_by="partner", withdrawal_reason="ill")
    anothers = booking(database, status=BookingStatus.CANCELLED, withdrawal_reason="kept", user_id=7)
    booking(database, **changes)
    if is_on:
        with pytest.raises(UserHasBookings):
            traces.blank(5, organization_id=1, now=NOW)
    else:
        traces.blank(5, organization_id=1, now=NOW)
    told = {one["id"]: one["withdrawal_reason"] for one in traces.export(5, organization_id=1)}
    assert told[cancelled] == ("ill" if is_on else None)
    assert anothers not in told
    with database.reading() as connection:
        kept = select(scheduling.bookings.c.withdrawal_reason).where(scheduling.bookings.c.id == anothers)
        assert connection.execute(kept).scalar_one() == "kept"
