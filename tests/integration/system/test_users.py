"""A partner registers a user, lets it be assessed, books for it, and looks back, over real HTTP."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from api.security.id_cipher import IdKind
from repositories.enums import BookingStatus, QuestionType, Reason
from repositories.psyter_db import tables
from tests.integration.system.conftest import CONFIRMED, System

CANCELLED = BookingStatus.CANCELLED
WAIT = {"Prefer": "wait=20"}
PERSON = {"referenceId": "ORG-USER-123", "name": "Zaynab Quux زينب", "dob": "1990-05-15", "genderType": 0}
STORY = "Nightmares since spring كوابيس منذ الربيع"


@pytest.fixture
def user_id(system: System) -> str:
    return registered(system, PERSON)


def registered(system: System, person: dict[str, Any]) -> str:
    answer = system.charity.command("user/register", person)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["data"]["userLoginInfoId"])


def answers_to(questionnaire: dict[str, Any], story: str = STORY) -> list[dict[str, Any]]:
    """The last option of every choice, the story for every text."""
    return [
        {"screeningQuestionId": one["screeningQuestionId"]}
        | (
            {"catScreeningQuetionOptionId": one["optionsList"][-1]["catScreeningQuetionOptionId"]}
            if one["questionType"] == QuestionType.CHOICE
            else {"answerText": story}
        )
        for one in questionnaire["questionsList"]
    ]


def booked(system: System, user_id: str) -> dict[str, Any]:
    """A confirmed booking of a registered user: its body and what was answered."""
    guest = system.next_body()
    body = {name: value for name, value in guest.items() if name not in PERSON} | {"userId": user_id}
    answer = system.charity.book(body, headers=WAIT)
    assert (answer.status_code, answer.json()["data"]["bookingStatus"]) == (200, CONFIRMED), answer.text
    return {**body, **answer.json()["data"]}


def history(system: System, **query: Any) -> dict[str, Any]:
    answer = system.charity.read("user/bookings", **query)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_registering_twice_is_one_user_also_as_a_guest(system: System, user_id: str) -> None:
    assert registered(system, PERSON) == user_id
    guest = system.charity.book({**system.next_body(), **PERSON}, headers=WAIT)
    assert guest.json()["data"]["userId"] == user_id
    contradicted = system.charity.command("user/register", PERSON | {"dob": "1991-05-15"})
    assert (contradicted.status_code, contradicted.json()["reason"]) == (200, Reason.RECORD_ALREADY_EXIST)
    assert system.charity.read(f"user/{user_id}").json()["referenceId"] == "ORG-USER-123"
    assert system.ordinary.read(f"user/{user_id}").status_code == 404


def test_many_at_once_under_one_key_register_one_user(system: System) -> None:
    before = system.town.count(tables.users)

    def register(_: int) -> tuple[int, str, bool]:
        person = PERSON | {"referenceId": "AT-ONCE"}
        answer = system.charity.command("user/register", person, headers={"Idempotency-Key": "at-once"})
        return answer.status_code, answer.json()["data"]["userId"], "Idempotency-Replayed" in answer.headers

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(register, range(16)))
    assert {status for status, _, _ in answers} == {200}
    assert len({user for _, user, _ in answers}) == 1
    assert [is_replay for _, _, is_replay in answers].count(False) == 1
    assert system.town.count(tables.users) == before + 1


def test_a_user_is_assessed_again_and_every_submission_stays(system: System, user_id: str) -> None:
    questionnaire = system.charity.read("user/getassessmentquestions").json()
    assert all(one["questionSLang"] for one in questionnaire["questionsList"])
    wish = {"userId": user_id, "questionnaireVersion": questionnaire["questionnaireVersion"]}
    first = system.charity.command("user/submituserassessmentquestions", wish | {"answers": answers_to(questionnaire)})
    assert (first.status_code, first.json()["data"]["submissionNumber"]) == (200, 1), first.text
    better = answers_to(questionnaire, "Better أفضل")
    system.charity.command("user/submituserassessmentquestions", wish | {"answers": better})
    told = system.charity.read("user/getuserassessments", userId=user_id).json()["submissionsList"]
    assert [one["submissionNumber"] for one in told] == [2, 1]
    texts = [{answer["answerText"] for answer in one["answersList"]} for one in told]
    assert texts == [{None, "Better أفضل"}, {None, STORY}]
    wrong = [*better[:1], {"screeningQuestionId": 4711, "answerText": "x"}]
    refused = system.charity.command("user/submituserassessmentquestions", wish | {"answers": wrong})
    assert refused.status_code == 400
    assert {error["field"] for error in refused.json()["errors"]} == {"answers.1.screeningQuestionId", "answers"}
    assert system.ordinary.read("user/getuserassessments", userId=user_id).json()["reason"] == Reason.USER_NOT_FOUND


def test_a_history_tells_real_bookings_newest_session_first(system: System, user_id: str) -> None:
    before = {line["bookingId"] for line in history(system, userId=user_id)["bookingsList"]}
    made = [booked(system, user_id) for _ in range(3)]
    lines = [line for line in history(system, userId=user_id)["bookingsList"] if line["bookingId"] not in before]
    assert {line["bookingId"] for line in lines} == {one["bookingId"] for one in made}
    starts = [line["startsAt"] for line in lines]
    assert starts == sorted(starts, reverse=True)
    for line in lines:
        (one,) = [one for one in made if one["bookingId"] == line["bookingId"]]
        told = ("meetingId", "careProviderId", "slotDate", "slotStartTime", "slotEndTime", "catCommunicationTypeId")
        assert {name: line[name] for name in told} == {name: one[name] for name in told}
    others = system.ordinary.read("user/bookings").json()["bookingsList"]
    assert not {line["bookingId"] for line in others} & {one["bookingId"] for one in made}


def test_a_history_goes_on_by_its_cursor_and_follows_what_becomes_of_a_booking(system: System) -> None:
    user_id = registered(system, PERSON | {"referenceId": "ORG-USER-124"})
    made = [booked(system, user_id) for _ in range(3)]
    first = history(system, userId=user_id, limit=2)
    booked(system, user_id)
    rest = history(system, userId=user_id, limit=2, cursor=first["nextCursor"])
    seen = [line["bookingId"] for page in (first, rest) for line in page["bookingsList"]]
    assert len(seen) == len(set(seen))
    assert {one["bookingId"] for one in made} <= set(seen)
    cancelled = {name: made[0][name] for name in ("bookingId", "userId", "careProviderId")}
    assert system.charity.cancel(cancelled, headers=WAIT).status_code == 200
    (line,) = history(system, userId=user_id, status=int(CANCELLED))["bookingsList"]
    assert (line["bookingId"], line["cancellation"]["by"]) == (made[0]["bookingId"], "partner")
    assert len(history(system, userId=user_id, status=int(CONFIRMED))["bookingsList"]) == 3


def test_favorites_are_marked_told_and_unmarked(system: System, user_id: str) -> None:
    marked = {"userId": user_id, "careProviderId": system.town.cipher.encrypt(IdKind.CARE_PROVIDER, 1)}
    session, path = system.charity.session, f"{system.stack.api_url}/api/v1/user/favorites"
    assert session.post(path, json=marked, timeout=10).status_code == 200
    (told,) = system.charity.read("user/favorites", userId=user_id).json()["favoritesList"]
    assert told["careProviderId"] == marked["careProviderId"]
    assert told["fullNameSLang"].startswith("د.")
    assert session.delete(path, params=marked, timeout=10).status_code == 200
    assert system.charity.read("user/favorites", userId=user_id).json()["favoritesList"] == []


def test_no_log_says_what_a_user_answered(system: System) -> None:
    logs = {path.name: path.read_text(errors="replace") for path in system.stack.folder.glob("*.log")}
    assert {"api.log", "worker.log"} <= set(logs)
    for word in (STORY, "Nightmares", "كوابيس", *PERSON.values()):
        assert [name for name, text in logs.items() if str(word) in text and len(str(word)) > 1] == [], word
    system.check_promises()
