"""Whether the process is up, and whether it can do its work."""

from flask import Blueprint, Response, jsonify

from api.contract import Contract, Limit, contract
from api.schemas.health import HealthSchema, ReadinessSchema
from api.services import services

HEALTH = Contract(scope=None, limit=Limit.UNLIMITED, answers={200: HealthSchema})
READINESS = Contract(scope=None, limit=Limit.UNLIMITED, answers={200: ReadinessSchema, 503: ReadinessSchema})
NOT_NEEDED = {"redis"}  # accepting goes on without it: the sweep delivers later


def blueprint() -> Blueprint:
    routes = Blueprint("health", __name__)
    routes.get("/healthz")(healthz)
    routes.get("/readyz")(readyz)
    return routes


@contract(HEALTH)
def healthz() -> Response:
    """Whether the process is up."""
    return jsonify(status="up")


@contract(READINESS)
def readyz() -> tuple[Response, int]:
    """Whether the process can do its work."""
    found = services().readiness()
    down = {name for name, is_up in found.items() if not is_up}
    status = "ready" if not down else "degraded" if down <= NOT_NEEDED else "unready"
    body = jsonify(status=status, dependencies={name: "up" if is_up else "down" for name, is_up in found.items()})
    return body, 503 if status == "unready" else 200
