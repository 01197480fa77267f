"""What Prometheus scrapes."""

import hmac

from flask import Blueprint, Response, abort, request

from api.contract import Contract, Limit, contract
from api.errors import Unauthenticated
from api.services import services

METRICS = Contract(
    scope=None, proof="the token of TAHOON_METRICS_TOKEN, as a bearer token", limit=Limit.UNLIMITED, is_documented=False
)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def blueprint() -> Blueprint:
    routes = Blueprint("metrics", __name__)
    routes.get("/metrics")(metrics)
    return routes


@contract(METRICS)
def metrics() -> Response:
    """What is counted, and how everything stands, for Prometheus."""
    exposed = services().metrics
    if exposed is None:
        abort(404)
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), exposed.token.encode()):
        raise Unauthenticated
    return Response(exposed.scrape(), content_type=CONTENT_TYPE)
