"""Messages in the language that a caller prefers; codes, names and numbers in none."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.messages import ARABIC, ENGLISH, IN_ARABIC, LANGUAGES, arabic_of, preferred_language
from repositories.enums import Reason
from saga.slot_choice import SlotInPast
from tests.unit.api.world import FAILED, TOKEN, World, guest_body, without

AR = {"Accept_Language": "ar"}


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, ENGLISH),
        ("", ENGLISH),
        ("ar", ARABIC),
        ("AR-sa", ARABIC),
        ("ar-SA, en;q=0.8", ARABIC),
        ("en;q=0.5, ar;q=0.9", ARABIC),
        ("en-GB;q=0.9, ar-EG;q=0.8", ENGLISH),
        ("ar, en", ARABIC),
        ("en, ar", ENGLISH),
        ("fr, ar;q=0.1", ARABIC),
        ("fr", ENGLISH),
        ("arz", ENGLISH),
        ("*", ENGLISH),
        ("*, ar;q=0.5", ENGLISH),
        ("en;q=0.1, *;q=0.5", ARABIC),
        ("en;q=0, *", ARABIC),
        ("ar;q=0", ENGLISH),
        ("ar;q=0, *;q=0.1", ENGLISH),
        ("en;q=0", ENGLISH),
        ("ar;q=7", ENGLISH),
        ("ar;q=x", ENGLISH),
        (";,;q=,", ENGLISH),
    ],
)
def test_the_language_with_the_highest_quality_is_spoken(header: str | None, language: str) -> None:
    assert preferred_language(header) == language


@given(st.text(max_size=200))
def test_no_header_is_too_strange(header: str) -> None:
    assert preferred_language(header) in LANGUAGES


@given(st.lists(st.integers(0, 10**6), min_size=3, max_size=3))
def test_what_a_message_names_is_named_in_arabic_too(numbers: list[int]) -> None:
    for english, arabic in IN_ARABIC.items():
        if "{}" in english:
            assert arabic_of(english.format(*numbers)) == arabic.format(*numbers)


# --- on the wire ---------------------------------------------------------------------------


@pytest.fixture
def world() -> World:
    return World(view=FAILED)


def same_but_for_words(arabic: Any, english: Any) -> bool:
    """Whether two answers differ in their messages only."""

    def wordless(answer: Any) -> Any:
        named = [error["field"] for error in answer.json["errors"]]
        return {**answer.json, "message": "", "errors": named, "requestId": ""}, answer.status_code

    return bool(wordless(arabic) == wordless(english))


def test_an_error_speaks_arabic_to_whoever_prefers_it(world: World) -> None:
    english, arabic = world.book(without("slotDate")), world.book(without("slotDate"), **AR)
    assert same_but_for_words(arabic, english)
    assert arabic.json["message"] == IN_ARABIC["Required fields are missing."]
    assert arabic.json["errors"] == [
        {"field": "slotDate", "message": IN_ARABIC["Missing data for required field."]},
    ]
    assert (arabic.headers["Content-Language"], arabic.headers["Vary"]) == ("ar", "Accept-Language")
    assert (english.headers["Content-Language"], english.headers["Vary"]) == ("en", "Accept-Language")


def test_a_message_that_names_something_is_whole(world: World) -> None:
    answer = world.book({**guest_body(), "referenceId": "x" * 101, "genderType": 7}, **AR)
    assert {error["field"]: error["message"] for error in answer.json["errors"]} == {
        "referenceId": "أطول من الحد الأقصى 100.",
        "genderType": "يجب أن تكون القيمة إحدى هذه القيم: 0, 1.",
    }


def test_a_refusal_speaks_arabic(world: World) -> None:
    world.refusal = SlotInPast("slotDate")
    answer = world.book(**AR)
    assert answer.json["reason"] == Reason.SLOT_IN_PAST
    assert answer.json["message"] == answer.json["errors"][0]["message"] == IN_ARABIC["This slot has already begun."]


def test_the_status_of_a_failed_booking_speaks_arabic(world: World) -> None:
    english, arabic = world.status(), world.status(Accept_Language="ar")
    assert arabic.json["message"] == IN_ARABIC[english.json["message"]]
    assert arabic.headers["ETag"] != english.headers["ETag"]
    assert arabic.headers["Vary"] == english.headers["Vary"] == "Accept-Language"


def test_an_outcome_that_was_waited_for_speaks_arabic(world: World) -> None:
    answer = world.book(**AR, Prefer="wait=5")
    assert answer.json["message"] == IN_ARABIC["Someone else holds or booked this time."]


def test_what_flask_answers_by_itself_speaks_arabic(world: World) -> None:
    headers = {"Accept-Language": "ar"}
    for path, method in [("/nowhere", "GET"), (TOKEN, "DELETE"), (TOKEN, "POST")]:
        answer = world.client.open(path, method=method, headers=headers)
        assert answer.json["message"] in IN_ARABIC.values()
        assert answer.headers["Content-Language"] == "ar"


def test_an_answer_without_a_message_is_in_no_language(world: World) -> None:
    answer = world.book(**AR)
    assert answer.status_code == 202
    assert "Content-Language" not in answer.headers
