"""Find a care provider: what to filter by, and who they are."""

from flask import Blueprint, Response, jsonify, request
from werkzeug.wrappers import Response as BaseResponse

from api.care_providers import catalogue_body, profile_body
from api.conditional import conditional
from api.contract import Contract, Limit, contract
from api.schemas import loaded
from api.schemas.care_provider import CatalogueSchema, ProfilesAnswerSchema, ProfilesSchema
from api.security.scopes import Scope
from api.services import services
from api.strict_json import json_object

PROFILES = ProfilesSchema()
CATALOGUE_CACHED = "private, max-age=300"


def blueprint() -> Blueprint:
    routes = Blueprint("care_provider", __name__)
    routes.get("/careprovider/getcataloguedataforfilters")(get_catalogue_data_for_filters)
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
