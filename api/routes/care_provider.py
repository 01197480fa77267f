"""Find a care provider: what to filter by, who has something free, when, and who they are."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from math import ceil, floor
from typing import Any, cast

from flask import Blueprint, Response, jsonify, request
from werkzeug.wrappers import Response as BaseResponse

from api.auth import caller
from api.care_providers import catalogue_body, duration_body, profile_body, summary_body
from api.conditional import conditional
from api.contract import Contract, Limit, contract
from api.pagination import CursorWrong, Listing, Position
from api.schedules import Zone, booked_slot, free_hours, free_slot, working_hours, zone_of_request
from api.schemas import loaded
from api.schemas.care_provider import (
    CatalogueSchema,
    FoundProvidersSchema,
    ProfilesAnswerSchema,
    ProfilesSchema,
    ScheduleAnswerSchema,
    ScheduleSchema,
    SearchSchema,
)
from api.security.scopes import Scope
from api.services import services
from api.strict_json import json_object
from repositories.entities.availability import Place
from saga.accept_booking import UserNotFound
from saga.find_care_providers import CareProviderNotFound, Criteria, FoundProvider, ScheduleRequest, SearchRequest

SEARCH, SCHEDULE, PROFILES = SearchSchema(), ScheduleSchema(), ProfilesSchema()
OF_PAGE = {"cursor", "page", "pageSize"}  # a cursor is good for pages of any size
CATALOGUE_CACHED = "private, max-age=300"


def blueprint() -> Blueprint:
    routes = Blueprint("care_provider", __name__)
    routes.get("/careprovider/getcataloguedataforfilters")(get_catalogue_data_for_filters)
    routes.post("/careprovider/getcareproviderslistwithschedule")(get_care_providers_list_with_schedule)
    routes.post("/careprovider/getcareproviderschedule")(get_care_provider_schedule)
    routes.post("/careprovider/getcareprovidersprofiledata")(get_care_providers_profile_data)
    return routes


@contract(
    Contract(scope=Scope.PROVIDERS_READ, limit=Limit.SEARCH, answers={200: CatalogueSchema}, has_etag=True),
)
def get_catalogue_data_for_filters() -> BaseResponse:
    """What care providers can be filtered by, in both languages."""
    answer = jsonify(catalogue_body(services().profiles.catalogue()))
    return conditional(answer, cache_control=CATALOGUE_CACHED)


@contract(
    Contract(
        scope=Scope.PROVIDERS_READ,
        limit=Limit.SEARCH,
        body=SearchSchema,
        answers={200: FoundProvidersSchema},
        refusals=(UserNotFound, CursorWrong),
    ),
)
def get_care_providers_list_with_schedule() -> Response:
    """Care providers who have something free from a day on, the earliest first, with what is free on that first day."""
    body = json_object(request)
    wish = loaded(SEARCH, body)
    zone, listing = zone_of_request(wish, body), listing_of(body)
    behind = None if wish["cursor"] is None else place_of(services().cursors.read(wish["cursor"], of=listing))
    page = (wish["page"] or 1) if behind is None else None
    result = services().find_care_providers(
        SearchRequest(
            organization_id=caller().organization_id,
            user_id=wish["user_id"],
            from_day=wish["from_day"],
            zone=zone.info,
            criteria=criteria_of(wish["filter"]) if wish["filter"] and wish["apply_filter"] else Criteria(),
            behind=behind,
            page=page or 1,
            page_size=wish["page_size"],
        )
    )
    return jsonify(
        careProvidersList=found_bodies(result.providers, zone),
        page=page,
        pageSize=wish["page_size"],
        nextCursor=cursor_of(result.next_place, listing),
    )


def listing_of(body: Mapping[str, Any]) -> Listing:
    """What a cursor of this search is good for."""
    filters = {name: value for name, value in body.items() if name not in OF_PAGE}
    return Listing(name="care_providers", organization_id=caller().organization_id, filters=filters)


def place_of(position: Position) -> Place:
    starts_at, care_provider_id = position
    return Place(starts_at=cast(datetime, starts_at), care_provider_id=cast(int, care_provider_id))


def cursor_of(place: Place | None, listing: Listing) -> str | None:
    if place is None:
        return None
    return services().cursors.write((place.starts_at, place.care_provider_id), of=listing)


def criteria_of(wish: Mapping[str, Any]) -> Criteria:
    least, most = wish["min_price"], wish["max_price"]
    return Criteria(
        gender=wish["gender"],
        language_ids=tuple(wish["language_ids"]),
        specialty_ids=tuple(wish["specialty_ids"]),
        experience_level_id=wish["experience_level"] or None,
        provider_level_id=wish["provider_level"] or None,
        min_rate_minor=None if least is None else ceil(least * 100),
        max_rate_minor=None if most is None else floor(most * 100),
    )


def found_bodies(found: Iterable[FoundProvider], zone: Zone) -> list[dict[str, Any]]:
    catalogue = services().profiles.catalogue()
    durations = {duration.id: duration for duration in services().availability.slot_durations()}
    return [
        {
            **summary_body(one.summary, catalogue),
            "availableScheduleHoursList": free_hours(one.slots, zone),
            "availableSlotsList": [free_slot(slot, zone) for slot in one.slots],
            "slotDurationType": duration_body(durations[one.slots[0].slot_duration_id]),
        }
        for one in found
    ]


@contract(
    Contract(
        scope=Scope.PROVIDERS_READ,
        limit=Limit.SEARCH,
        body=ScheduleSchema,
        answers={200: ScheduleAnswerSchema},
        refusals=(UserNotFound, CareProviderNotFound),
    ),
)
def get_care_provider_schedule() -> Response:
    """What a care provider offers on some days, and what this user has booked of it."""
    body = json_object(request)
    wish = loaded(SCHEDULE, body)
    zone = zone_of_request(wish, body)
    schedule = services().show_schedule(
        ScheduleRequest(
            organization_id=caller().organization_id,
            care_provider_id=wish["care_provider_id"],
            user_id=wish["user_id"],
            from_day=wish["from_day"],
            days=wish["days"],
            zone=zone.info,
        )
    )
    return jsonify(
        careProviderId=body["careProviderId"],
        availableScheduleHoursList=free_hours(schedule.slots, zone),
        availableSlotsList=[free_slot(slot, zone) for slot in schedule.slots],
        bookedSlotsList=[booked_slot(booking, zone) for booking in schedule.bookings],
        workingHoursList=[working_hours(hours, zone) for hours in schedule.hours],
        slotDurationTypesList=[duration_body(duration) for duration in schedule.durations],
    )


@contract(
    Contract(scope=Scope.PROVIDERS_READ, limit=Limit.SEARCH, body=ProfilesSchema, answers={200: ProfilesAnswerSchema}),
)
def get_care_providers_profile_data() -> Response:
    """The full profiles of some care providers, in the order asked for; one that is not there is left out."""
    wish = loaded(PROFILES, json_object(request))
    wanted = list(dict.fromkeys(wish["care_provider_ids"]))
    profiles, catalogue = services().profiles.profiles(wanted), services().profiles.catalogue()
    durations = services().availability.slot_durations()
    shown = [profile_body(profiles[one], catalogue, durations) for one in wanted if one in profiles]
    return jsonify(careProvidersList=shown)
