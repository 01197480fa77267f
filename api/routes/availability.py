"""Organizations open, block and remove hours and slots of the care providers they manage."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, jsonify, request

from api.auth import caller
from api.contract import Contract, Limit, contract
from api.idempotency import idempotency_key, replayed
from api.schedules import Zone, managed_slot, working_hours, zone_of_request
from api.schemas import loaded
from api.schemas.availability import ChooseAvailabilitySchema, ManagedAnswerSchema, OpenAvailabilitySchema
from api.security.id_cipher import IdKind
from api.security.scopes import Scope
from api.services import services
from api.strict_json import json_object
from repositories.entities.offers import Chosen
from repositories.ports.errors import (
    HoursOverlap,
    HoursUnknown,
    OutsideHours,
    SlotLengthUnknown,
    SlotOverlaps,
    SlotUnknown,
)
from saga.find_care_providers import CareProviderNotFound
from saga.manage_availability import (
    ChoiceRequest,
    InThePast,
    LocalPeriod,
    Managed,
    NoSuchTime,
    NotOnTheGrid,
    OpenRequest,
    Overlapping,
    TooFarAhead,
)

OPEN, CHOOSE = OpenAvailabilitySchema(), ChooseAvailabilitySchema()
OF_TIME = (NoSuchTime, NotOnTheGrid, InThePast, TooFarAhead, Overlapping)


def blueprint() -> Blueprint:
    routes = Blueprint("availability", __name__)
    routes.post("/careprovider/availability/open")(open_availability)
    routes.post("/careprovider/availability/block")(block_availability)
    routes.post("/careprovider/availability/remove")(remove_availability)
    return routes


@contract(
    Contract(
        scope=Scope.AVAILABILITY_WRITE,
        limit=Limit.OTHER,
        body=OpenAvailabilitySchema,
        answers={200: ManagedAnswerSchema},
        refusals=(CareProviderNotFound, *OF_TIME, HoursOverlap, SlotOverlaps, OutsideHours, SlotLengthUnknown),
        is_idempotent=True,
        audit="availability.open",
    )
)
def open_availability() -> Response:
    """Open hours, and slots within them, of a care provider that your organization manages; a blocked slot again."""
    body = json_object(request)
    wish = loaded(OPEN, body)
    zone = zone_of_request(wish, body)
    managed = services().manage_availability.open(
        OpenRequest(
            organization_id=caller().organization_id,
            care_provider_id=wish["care_provider_id"],
            zone=zone.info,
            hours=tuple(LocalPeriod(**one) for one in wish["hours"]),
            slots=tuple(LocalPeriod(**one) for one in wish["slots"]),
            idempotency=idempotency_key("availability/open", body),
        )
    )
    return answer_to(managed, zone)


CHOOSING = Contract(
    scope=Scope.AVAILABILITY_WRITE,
    limit=Limit.OTHER,
    body=ChooseAvailabilitySchema,
    answers={200: ManagedAnswerSchema},
    refusals=(CareProviderNotFound, SlotUnknown, HoursUnknown),
    is_idempotent=True,
)


@contract(replace(CHOOSING, audit="availability.block"))
def block_availability() -> Response:
    """Keep slots from being booked; whoever has booked one stays booked, and the answer says which these are."""
    return chosen("availability/block", services().manage_availability.block)


@contract(replace(CHOOSING, audit="availability.remove"))
def remove_availability() -> Response:
    """Remove hours and slots; a slot that was ever booked is blocked instead, and the answer says which these are."""
    return chosen("availability/remove", services().manage_availability.remove)


def chosen(command: str, change: Callable[[ChoiceRequest], Managed]) -> Response:
    body = json_object(request)
    wish = loaded(CHOOSE, body)
    managed = change(
        ChoiceRequest(
            organization_id=caller().organization_id,
            chosen=chosen_of(wish),
            idempotency=idempotency_key(command, body),
        )
    )
    return answer_to(managed, zone_of_request(wish, body))


def chosen_of(wish: Mapping[str, Any]) -> Chosen:
    return Chosen(
        care_provider_id=wish["care_provider_id"],
        slot_ids=tuple(wish["slot_ids"]),
        hours_ids=tuple(wish["hours_ids"]),
    )


def answer_to(managed: Managed, zone: Zone) -> Response:
    cipher = services().id_cipher
    removed = [cipher.encrypt(IdKind.APPLICATION_MULTI_SLOT, one) for one in managed.removed_slot_ids]
    data = {
        "slotsList": [managed_slot(slot, zone) for slot in managed.state.slots],
        "workingHoursList": [working_hours(hours, zone) for hours in managed.state.hours],
        "removedApplicationMultiSlotIds": removed,
    }
    return replayed(jsonify(status=1, data=data), is_replay=managed.is_replay)
