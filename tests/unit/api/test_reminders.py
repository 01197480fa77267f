"""When a user is reminded, over HTTP; and when a care provider is, by command."""

from dataclasses import fields
from datetime import date
from typing import Any

import pytest

from api.security.id_cipher import IdKind
from api.services import Operations
from integrations.ports import NotificationType
from repositories.entities.reminders import Someone
from repositories.entities.users import Guest
from repositories.enums import DeedOutcome, GenderType, Reason, Recipient, Role
from tests.fakes.reminders import FakeReminders
from tests.unit.api.world import CIPHER, NOW, OTHERS, OURS, World, fields_named

PATH = "/api/v1/user/reminders"
OUR_USER, THEIR_USER, NOBODY = (CIPHER.encrypt(IdKind.USER, number) for number in (1, 2, 99))


class RemindersWorld(World):
    def operations(self) -> Operations:
        others: Any = dict.fromkeys(
            one.name for one in fields(Operations) if one.name not in {"reminders", "providers"}
        )
        reminders = FakeReminders(self.scheduling, int(NotificationType.REMINDER_NOTIFICATION))
        return Operations(reminders=reminders, providers=self.people, **others)

    def run(self, *arguments: str) -> Any:
        return self.app.test_cli_runner().invoke(args=("reminders", *arguments))


@pytest.fixture
def world() -> RemindersWorld:
    world = RemindersWorld()
    guest = Guest(reference_id="R-1", name="x", dob=date(1990, 5, 15), gender=GenderType.FEMALE)
    for organization in (OURS, OTHERS):
        world.people.register(guest, organization_id=organization, now=NOW)
    world.people.add_provider(id=42, hourly_rate_minor=100)
    return world


def body(*minutes: Any, user: str = OUR_USER) -> dict[str, Any]:
    return {"userId": user, "remindersList": [{"minutesBefore": one} for one in minutes]}


def put(world: World, wish: Any, **claims: Any) -> Any:
    return world.client.put(PATH, json=wish, headers=world.bearer(**claims))


def test_who_chose_nothing_has_the_defaults(world: RemindersWorld) -> None:
    assert world.get(PATH, {"userId": OUR_USER}).json == body(1440, 60) | {"isDefault": True}


def test_a_choice_is_kept_the_longest_first(world: RemindersWorld) -> None:
    answer = put(world, body(15, 2880, 15))
    assert (answer.status_code, answer.json) == (200, {"status": 1, "data": body(2880, 15) | {"isDefault": False}})
    assert world.get(PATH, {"userId": OUR_USER}).json == body(2880, 15) | {"isDefault": False}
    assert put(world, body()).json["data"] == body() | {"isDefault": False}


def test_a_user_of_others_is_as_good_as_missing(world: RemindersWorld) -> None:
    for user in (THEIR_USER, NOBODY):
        for answer in (put(world, body(15, user=user)), world.get(PATH, {"userId": user})):
            assert (answer.status_code, answer.json["reason"]) == (400, Reason.USER_NOT_FOUND)
    assert world.reminder_preferences.kept == {}


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (body(4), "remindersList.0.minutesBefore"),
        (body(60, 20_161), "remindersList.1.minutesBefore"),
        (body(1.5), "remindersList.0.minutesBefore"),
        (body("x"), "remindersList.0.minutesBefore"),
        (body(*range(10, 16)), "remindersList"),
        ({"userId": OUR_USER}, "remindersList"),
        ({"userId": OUR_USER, "remindersList": [60]}, "remindersList.0"),
        (body(user="nonsense"), "userId"),
        (body() | {"more": 1}, "more"),
    ],
)
def test_what_makes_no_sense_is_named_and_changes_nothing(world: RemindersWorld, wish: Any, field: str) -> None:
    answer = put(world, wish)
    assert answer.status_code == 400
    assert field in fields_named(answer), fields_named(answer)
    assert world.reminder_preferences.kept == {}


def test_a_reader_changes_nothing(world: RemindersWorld) -> None:
    assert put(world, body(15), role=Role.READ_ONLY).status_code == 403


def test_a_refused_change_is_told_to_the_audit_log(world: RemindersWorld) -> None:
    put(world, body(15, user=THEIR_USER))
    (deed,) = world.audit_outbox.deeds
    assert (deed.action, deed.outcome) == ("user.set_reminders", DeedOutcome.REFUSED)


# --- care providers ------------------------------------------------------------------------


def test_a_care_providers_choice_is_shown_and_changed(world: RemindersWorld) -> None:
    assert world.run("show", "42").stdout == "care provider 42: 1440 60 (the default)\n"
    assert world.run("set", "42", "--minutes", "15", "--minutes", "120").stdout == "care provider 42: 120 15\n"
    assert world.run("show", "42").stdout == "care provider 42: 120 15\n"
    assert world.run("set", "42").stdout == "care provider 42: never\n"
    assert list(world.reminder_preferences.kept) == [Someone(recipient=Recipient.CARE_PROVIDER, id=42)]


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (("set", "99", "--minutes", "15"), 1),
        (("show", "99"), 1),
        (("set", "42", "--minutes", "4"), 2),
        (("set", "42", *(word for n in range(10, 16) for word in ("--minutes", str(n)))), 2),
        (("list", "nonsense"), 2),
    ],
)
def test_what_a_command_cannot_do_is_refused(world: RemindersWorld, arguments: tuple[str, ...], exit_code: int) -> None:
    assert world.run(*arguments).exit_code == exit_code
    assert world.reminder_preferences.kept == {}


def test_what_became_of_a_bookings_reminders_is_listed(world: RemindersWorld) -> None:
    assert world.run("list", "booking:1").stdout.split() == [
        *("booking", "recipient", "session", "minutes", "before", "outcome", "at")
    ]
