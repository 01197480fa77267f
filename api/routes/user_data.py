"""All that is known of one user of the organization, told or erased."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request

from api.auth import caller
from api.contract import Contract, contract
from api.idempotency import earlier_change, idempotency_key, replayed
from api.schemas import loaded
from api.schemas.queries import query
from api.schemas.user_data import ErasedSchema, EraseSchema, ExportQuerySchema, ExportSchema
from api.security.id_cipher import IdKind
from api.security.scopes import Scope
from api.services import services
from api.strict_json import json_object
from repositories.acting import about
from repositories.ports.errors import UserHasBookings, UserUnknown

EXPORT, ERASE = ExportQuerySchema(), EraseSchema()
PUBLIC = {  # what is a number in our books is an id on the wire
    "care_provider_id": (IdKind.CARE_PROVIDER, "careProviderId"),
    "booking_id": (IdKind.BOOKING, "bookingId"),
}
WORDS = {"gender": "genderType"}
LEFT_OUT = ("organization_id",)


def blueprint() -> Blueprint:
    routes = Blueprint("user_data", __name__)
    routes.get("/user/export")(export)
    routes.post("/user/erase")(erase)
    return routes


@contract(
    Contract(
        scope=Scope.USERS_EXPORT,
        query=ExportQuerySchema,
        answers={200: ExportSchema},
        refusals=(UserUnknown,),
        audit="user.export",
    )
)
def export() -> Response:
    """All that is known of one of your users, for a user who asks."""
    user_id = query(EXPORT)["user_id"]
    found = services().user_data.export(user_id, organization_id=caller().organization_id)
    about("user", user_id)
    return jsonify(
        user=on_the_wire({**found["user"], "user_id": found["user"]["id"]}),
        assessmentsList=[on_the_wire(one) for one in found["assessments"]],
        favoritesList=[on_the_wire(one) for one in found["favorites"]],
        remindersList=[on_the_wire(one) for one in found["reminders"]],
        bookingsList=[
            on_the_wire({**one, "booking_id": one["id"], "booking_status": one["status"]}) for one in found["bookings"]
        ],
        ordersList=[on_the_wire({**one, "order_status": one["status"]}) for one in found["orders"]],
    )


@contract(
    Contract(
        scope=Scope.USERS_ERASE,
        body=EraseSchema,
        answers={200: ErasedSchema},
        refusals=(UserUnknown, UserHasBookings),
        is_signed=True,
        is_idempotent=True,
        audit="user.erase",
    )
)
def erase() -> Response:
    """Erase the personal data of one of your users, for good; refused while a booking is pending or still to come."""
    body = json_object(request)
    user_id = loaded(ERASE, body)["user_id"]
    key = idempotency_key("erase", body)
    change = earlier_change(key) or services().user_data.erase(
        user_id, organization_id=caller().organization_id, key=key
    )
    public_id = services().id_cipher.encrypt(IdKind.USER, change.ids[0])
    answer = jsonify(status=1, data={"userId": public_id, "isErased": True})
    return replayed(answer, is_replay=change.is_replay)


def on_the_wire(facts: Mapping[str, Any]) -> dict[str, Any]:
    """In camel case, ids encrypted."""
    told: dict[str, Any] = {}
    for name, value in facts.items():
        if name in ("id", "status", *LEFT_OUT):
            continue
        if name == "user_id":
            told["userId"] = services().id_cipher.encrypt(IdKind.USER, value)
        elif name in PUBLIC:
            kind, word = PUBLIC[name]
            told[word] = services().id_cipher.encrypt(kind, value)
        else:
            told[WORDS.get(name) or camel(name)] = value
    return told


def camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
