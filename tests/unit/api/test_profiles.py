"""The catalogue and the profiles: what a partner reads about care providers."""

from typing import Any

import pytest

from api.schemas.care_provider import MOST_PROFILES, CatalogueSchema, ProfilesAnswerSchema
from api.security.id_cipher import IdKind
from repositories.enums import Reason, Role
from tests.providers import CATALOGUE, profile_of, summary_of
from tests.unit.api.world import CIPHER, World, fields_named

CATALOGUE_URL = "/api/v1/careprovider/getcataloguedataforfilters"
PROFILES_URL = "/api/v1/careprovider/getcareprovidersprofiledata"


@pytest.fixture
def world() -> World:
    world = World()
    world.profiles.kept = CATALOGUE
    world.profiles.known = {number: profile_of(summary_of(number)) for number in (1, 2)}
    return world


def catalogue(world: World, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return world.client.get(CATALOGUE_URL, headers=world.bearer(role=Role.READ_ONLY) | named)


def public(number: int) -> str:
    return CIPHER.encrypt(IdKind.CARE_PROVIDER, number)


def profiles(world: World, ids: Any) -> Any:
    return world.client.post(PROFILES_URL, json={"careProviderIds": ids}, headers=world.bearer(role=Role.READ_ONLY))


def test_the_catalogue_has_four_lists_in_both_languages(world: World) -> None:
    body = catalogue(world).json
    assert CatalogueSchema().validate(body) == {}
    assert body["languagesList"][0] == {"id": 1, "namePLang": "English", "nameSLang": "الإنجليزية"}
    assert [line["id"] for line in body["specialtiesList"]] == [3, 5]
    assert [(line["id"], line["minYears"]) for line in body["experienceLevelsList"]] == [(1, 0), (2, 5), (3, 11)]
    assert [line["namePLang"] for line in body["providerLevelsList"]] == ["Junior", "Senior", "Consultant"]


def test_the_catalogue_can_be_kept_and_is_not_sent_twice(world: World) -> None:
    first = catalogue(world)
    assert first.headers["Cache-Control"] == "private, max-age=300"
    again = catalogue(world, If_None_Match=first.headers["ETag"])
    assert (again.status_code, again.data) == (304, b"")
    world.profiles.kept = CATALOGUE.__class__(**{**vars(CATALOGUE), "languages": ()})
    assert catalogue(world, If_None_Match=first.headers["ETag"]).status_code == 200


def test_a_profile_is_shown_whole(world: World) -> None:
    answer = profiles(world, [public(2)])
    with world.app.app_context():
        assert ProfilesAnswerSchema().validate(answer.json) == {}
    (shown,) = answer.json["careProvidersList"]
    assert shown["userLoginInfoId"] == public(2)
    assert (shown["fullName"], shown["fullNameSLang"]) == ("Dr. Sarah 2", "د. سارة 2")
    assert (shown["genderType"], shown["rating"], shown["reviewsCount"]) == (0, 4.8, 12)
    assert (shown["experienceYears"], shown["experienceLevel"], shown["serviceProviderLevel"]) == (10, 2, 3)
    assert [line["namePLang"] for line in shown["languagesList"]] == ["English", "Arabic"]
    assert [line["id"] for line in shown["specialtiesList"]] == [5]
    assert (shown["shortBioPLang"], shown["longBioSLang"]) == ("Short.", "طويلة.")
    for name, title in (
        ("credentialsList", "Credential"),
        ("educationList", "Education"),
        ("certificationsList", "Certification"),
    ):
        assert [line["titlePLang"] for line in shown[name]] == [title]
    assert len(shown["profileImagesList"]) == 2


def test_a_session_costs_its_share_of_the_hour(world: World) -> None:
    (shown,) = profiles(world, [public(1)]).json["careProvidersList"]
    assert shown["hourlyRate"] == 200.0
    rates = [(rate["durationMinutes"], rate["amount"]) for rate in shown["sessionRatesList"]]
    assert rates == [(30, 100.0), (45, 150.0), (50, 166.66), (60, 200.0)]
    for rate in shown["sessionRatesList"]:
        CIPHER.decrypt(IdKind.CARE_PROVIDER_SLOT_DURATION, rate["careProviderSlotDurationId"])


def test_profiles_come_as_they_are_asked_for_and_the_missing_are_left_out(world: World) -> None:
    shown = profiles(world, [public(2), public(99), public(1), public(2)]).json["careProvidersList"]
    assert [one["userLoginInfoId"] for one in shown] == [public(2), public(1)]


@pytest.mark.parametrize(
    ("ids", "field"),
    [
        (None, "careProviderIds"),
        ([], "careProviderIds"),
        ("x", "careProviderIds"),
        (["x"], "careProviderIds.0"),
        ([CIPHER.encrypt(IdKind.USER, 1)], "careProviderIds.0"),
        ([public(1)] * (MOST_PROFILES + 1), "careProviderIds"),
    ],
    ids=["missing", "none", "no list", "tampered", "a user's", "too many"],
)
def test_a_wrong_list_of_ids_is_named(world: World, ids: Any, field: str) -> None:
    answer = profiles(world, ids)
    assert answer.status_code == 400
    assert fields_named(answer) == {field}
    assert answer.json["reason"] == (Reason.EMPTY_PARAMETER if ids is None else Reason.INVALID_PARAMETER)
