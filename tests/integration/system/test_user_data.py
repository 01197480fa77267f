"""A user's data is told, and erased from both databases, while bookings, ledger and audit go on agreeing."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from demo.partner import Partner
from repositories.database import Database
from repositories.enums import BookingStatus, QuestionType, Reason
from repositories.psyter_db import tables as psyter
from repositories.scheduling_db import tables as scheduling
from tests.integration.system.conftest import CONFIRMED, System
from tests.integration.system.test_operators import flask

PERSON = {"referenceId": "REF-ZQ-77", "name": "Zaynab Quux زينب", "dob": "1961-07-23", "genderType": 0}
STORY = "Nightmares since spring كوابيس"
PLANTED = ["REF-ZQ-77", "Zaynab", "زينب", "1961-07-23", "Nightmares", "كوابيس"]
WHY = ("--why", "ticket 7")
WAIT = {"Prefer": "wait=20"}


@pytest.fixture(scope="module")
def partner(system: System) -> Iterator[Partner]:
    """Of the charity, by an access key that may export and erase."""
    of = ("--organization", str(system.data.charity.organization_id), "--label", "Privacy", "--role", "FullAccess")
    ran = flask(system, "access-key", "add", *of, "--grant", "users:export", "--grant", "users:erase")
    assert ran.returncode == 0, ran.stderr
    partner = Partner(system.stack.api_url, ran.stdout.strip(), system.data.charity.shared_api_key)
    partner.sign_in()
    yield partner
    partner.close()


def found_in(database: Database, metadata: Any) -> list[str]:
    """Where a planted text stands: every column of every row."""
    places = []
    with database.reading() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(select(table)).mappings():
                for name, value in row.items():
                    places += [f"{table.name}.{name}: {text}" for text in PLANTED if text in str(value)]
    return places


def planted(system: System) -> list[str]:
    return [
        *found_in(system.town.psyter, psyter.metadata),
        *found_in(system.town.scheduling, scheduling.metadata),
    ]


def registered(partner: Partner) -> str:
    answer = partner.command("user/register", PERSON)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["data"]["userId"])


def lived(system: System, partner: Partner) -> tuple[str, dict[str, Any]]:
    """A user with everything that a user can have, and a booking that is still to come: the ids."""
    user_id = registered(partner)
    questionnaire = partner.read("user/getassessmentquestions").json()
    answers = [
        {"screeningQuestionId": one["screeningQuestionId"]}
        | (
            {"catScreeningQuetionOptionId": one["optionsList"][-1]["catScreeningQuetionOptionId"]}
            if one["questionType"] == QuestionType.CHOICE
            else {"answerText": STORY}
        )
        for one in questionnaire["questionsList"]
    ]
    submitted = partner.command(
        "user/submituserassessmentquestions",
        {"userId": user_id, "questionnaireVersion": questionnaire["questionnaireVersion"], "answers": answers},
    )
    assert submitted.status_code == 200, submitted.text
    body = {name: value for name, value in system.next_body().items() if name not in PERSON} | {"userId": user_id}
    booked = partner.book(body, headers=WAIT)
    assert booked.json()["data"]["bookingStatus"] == CONFIRMED, booked.text
    provider = {"userId": user_id, "careProviderId": body["careProviderId"]}
    favorite = partner.session.post(f"{partner.base_url}/api/v1/user/favorites", json=provider, timeout=30)
    assert favorite.status_code == 200, favorite.text
    wish = {"bookingId": booked.json()["data"]["bookingId"], "userId": user_id}
    return user_id, wish | {"careProviderId": body["careProviderId"]}


def erase(partner: Partner, user_id: str, **headers: str) -> Any:
    return partner.command("user/erase", {"userId": user_id}, headers=headers)


def test_a_user_is_told_and_erased_and_everything_still_agrees(system: System, partner: Partner) -> None:
    user_id, booking = lived(system, partner)
    booking_id = booking["bookingId"]
    refused = erase(partner, user_id)
    assert (refused.status_code, refused.json()["reason"]) == (409, Reason.USER_HAS_BOOKINGS)
    cancelled = partner.cancel({**booking, "cancellationReason": "زينب is ill"}, headers=WAIT)
    assert cancelled.ok, cancelled.text
    system.town.when_quiet()
    assert {place.split(":")[0] for place in planted(system)} >= {
        "users.name",
        "users.dob",
        "users.reference_id",
        "assessment_answers.answer_text",
        "bookings.withdrawal_reason",
    }

    told = partner.read("user/export", userId=user_id).json()
    assert {name: told["user"][name] for name in PERSON} == PERSON
    assert STORY in {answer["answerText"] for answer in told["assessmentsList"]}
    assert [one["bookingId"] for one in told["bookingsList"]] == [booking_id]
    assert [order["bookingId"] for order in told["ordersList"]] == [booking_id]
    assert len(told["favoritesList"]) == 1

    key = {"Idempotency-Key": uuid.uuid4().hex}
    done = erase(partner, user_id, **key)
    assert (done.status_code, done.json()["data"]) == (200, {"userId": user_id, "isErased": True})
    assert planted(system) == []
    assert erase(partner, user_id, **key).headers["Idempotency-Replayed"] == "true"
    assert erase(partner, user_id).json() == done.json()

    assert partner.read(f"user/{user_id}").status_code == 404
    assert partner.status(booking_id).json()["bookingStatus"] == BookingStatus.CANCELLED
    assert flask(system, "reconcile").stdout.strip().endswith("0 disagreements")
    assert flask(system, "audit", "verify").returncode == 0
    system.check_promises()
    assert registered(partner) != user_id  # the reference is free again


def test_an_operator_does_the_same_by_command(system: System, partner: Partner) -> None:
    user_id = registered(partner)
    told = json.loads(flask(system, "users", "export", "--user", user_id, *WHY).stdout)
    assert told["user"]["reference_id"] == PERSON["referenceId"]
    ran = flask(system, "users", "erase", "--user", user_id, *WHY)
    assert ran.returncode == 0, ran.stderr
    assert planted(system) == []
    assert flask(system, "users", "erase", "--user", user_id, *WHY).returncode == 0
    unknown = flask(system, "users", "erase", "--user", "999999", *WHY)
    assert (unknown.returncode, "not registered" in unknown.stderr) == (1, True)


def test_anothers_user_is_as_good_as_missing_and_without_the_grant_nothing_is_told(
    system: System, partner: Partner
) -> None:
    foreign = system.ordinary.command("user/register", {**PERSON, "referenceId": "THEIRS"}).json()["data"]["userId"]
    for answer in (erase(partner, foreign), partner.read("user/export", userId=foreign)):
        assert (answer.status_code, answer.json()["reason"]) == (404, Reason.USER_NOT_FOUND)
    assert system.ordinary.read(f"user/{foreign}").status_code == 200
    for answer in (erase(system.charity, foreign), system.charity.read("user/export", userId=foreign)):
        assert answer.status_code == 403
