"""When a user wants to be reminded of sessions. The partner does the reminding: docs/how-to/notifications.md."""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from api.contract import Contract, contract
from api.ownership import own_user
from api.schemas import loaded
from api.schemas.queries import query
from api.schemas.reminders import (
    ChangeRemindersSchema,
    RemindersAnswerSchema,
    RemindersQuerySchema,
    RemindersSchema,
)
from api.security.id_cipher import IdKind
from api.security.scopes import Scope
from api.services import services
from api.strict_json import json_object
from repositories.entities.reminders import Someone
from repositories.enums import Recipient
from saga.accept_booking import UserNotFound

WHOSE, CHANGE = RemindersQuerySchema(), ChangeRemindersSchema()
PATH = "/user/reminders"


def blueprint() -> Blueprint:
    routes = Blueprint("reminders", __name__)
    routes.get(PATH)(get_reminders)
    routes.put(PATH)(set_reminders)
    return routes


@contract(
    Contract(
        scope=Scope.USERS_READ,
        query=RemindersQuerySchema,
        answers={200: RemindersSchema},
        refusals=(UserNotFound,),
    )
)
def get_reminders() -> Response:
    """How long before a session a user is to be reminded, and whether the user chose that."""
    return jsonify(reminders_of(own_user(query(WHOSE)["user_id"]).id))


@contract(
    Contract(
        scope=Scope.USERS_WRITE,
        body=ChangeRemindersSchema,
        answers={200: RemindersAnswerSchema},
        refusals=(UserNotFound,),
        audit="user.set_reminders",
    )
)
def set_reminders() -> Response:
    """Choose how long before a session a user is to be reminded; an empty list: not at all. Coming sessions follow."""
    wish = loaded(CHANGE, json_object(request))
    user = own_user(wish["user_id"])
    minutes = [reminder["minutes_before"] for reminder in wish["reminders"]]
    someone = Someone(recipient=Recipient.USER, id=user.id)
    services().reminder_preferences.set(someone, minutes, now=services().clock())
    return jsonify(status=1, data=reminders_of(user.id))


def reminders_of(user_id: int) -> dict[str, Any]:
    someone = Someone(recipient=Recipient.USER, id=user_id)
    preference = services().reminder_preferences.of({someone})[someone]
    return {
        "userId": services().id_cipher.encrypt(IdKind.USER, user_id),
        "remindersList": [{"minutesBefore": minutes} for minutes in preference.minutes],
        "isDefault": preference.is_default,
    }
