"""What operators see of pushes, and do about them."""

import json
from dataclasses import dataclass, field, fields
from typing import Any

import pytest

from api.security.id_cipher import IdKind
from api.services import Operations
from integrations.ports import NotificationType, ProviderRefused
from repositories.enums import PushState
from tests.unit.api.world import CIPHER, World
from tests.unit.saga.test_send_pushes import Post
from tests.unit.saga.world import PROVIDER, SLOT_STARTS

WHY = ("--by", "سارة", "--why", "تذكرة ٧")


@dataclass
class OperatorsWorld(World):
    desk: Post = field(default_factory=Post)

    def operations(self) -> Operations:
        others: Any = dict.fromkeys(field.name for field in fields(Operations) if field.name != "pushes")
        return Operations(pushes=self.desk.operator, **others)

    def run(self, *arguments: str) -> Any:
        return self.app.test_cli_runner().invoke(args=("push", *arguments))

    def listed(self, *options: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run("list", "--json", *options).stdout.splitlines()]


@pytest.fixture
def world() -> OperatorsWorld:
    return OperatorsWorld()


def failed_booking(world: OperatorsWorld) -> int:
    world.desk.world.push.fail_next(ProviderRefused("400"))
    return world.desk.booking()


def test_what_failed_is_listed_and_what_was_sent_only_when_asked_for(world: OperatorsWorld) -> None:
    booking_id = failed_booking(world)
    (line,) = world.listed()
    assert (line["type"], line["provider"], line["booking"]) == ("NewBooking", PROVIDER, booking_id)
    assert (line["state"], line["reason"], line["left_to"]) == ("failed", "ProviderRefused", "android ios")
    assert world.listed("--state", "sent") == []
    assert len(world.listed("--type", "NewBooking", "--booking", f"booking:{booking_id}")) == 1
    assert len(world.listed("--booking", CIPHER.encrypt(IdKind.BOOKING, booking_id))) == 1
    assert world.listed("--type", "NewMessage") == []
    assert world.listed("--provider", "1") == []
    assert world.listed("--days", "0.001", "--reason", "Other") == []
    assert "NewBooking" in world.run("list").stdout


def test_one_is_shown_with_who_asked_for_it(world: OperatorsWorld) -> None:
    failed_booking(world)
    assert world.run("resend", "1", *WHY).stdout == "push 1 is waiting\n"
    world.desk.work()
    story = json.loads(world.run("show", "1", "--json").stdout)
    assert (story["state"], story["asked_by"], story["asked_why"]) == ("sent", "سارة", "تذكرة ٧")
    assert "asked_why: تذكرة ٧" in world.run("show", "1").stdout
    missing = world.run("show", "9")
    assert (missing.exit_code, missing.stderr) == (1, "Error: There is no such push.\n")


def test_a_push_that_has_not_failed_or_has_no_reason_is_not_sent_again(world: OperatorsWorld) -> None:
    world.desk.booking()
    again = world.run("resend", "1", *WHY)
    assert (again.exit_code, again.stderr) == (
        1,
        "push 1 is not sent again: This push has not failed: it waits to be sent, or was sent.\n",
    )
    assert world.run("resend", "1").exit_code == 2
    assert world.desk.nudged == []


def test_of_several_each_is_sent_or_refused_for_its_own_reason(world: OperatorsWorld) -> None:
    failed_booking(world)
    again = world.run("resend", "9", "1", *WHY)
    assert again.stdout == "push 1 is waiting\n"
    assert (again.exit_code, again.stderr) == (1, "push 9 is not sent again: There is no such push.\n")


def test_a_new_booking_whose_session_has_started_is_refused_with_the_instant(world: OperatorsWorld) -> None:
    failed_booking(world)
    world.desk.world.now = SLOT_STARTS
    again = world.run("resend", "1", *WHY)
    said = f"it is too late to send this again: it was news until {SLOT_STARTS:%Y-%m-%d %H:%M:%S} UTC"
    assert (again.exit_code, again.stderr) == (1, f"push 1 is not sent again: {said}\n")
    assert world.desk.record(1).state is PushState.FAILED


def test_a_type_that_no_flow_sends_is_sent(world: OperatorsWorld) -> None:
    answer = world.run("send", "HomeWorkAssigned", "--provider", str(PROVIDER), *WHY)
    assert (answer.exit_code, answer.stdout) == (0, "push 1 is waiting to be sent\n")
    world.desk.work()
    assert world.desk.world.push.sent[0].kind is NotificationType.HOMEWORK_ASSIGNED
    assert world.desk.record(1).state is PushState.SENT


def test_an_expiry_and_a_refund_are_sent_with_what_they_tell(world: OperatorsWorld) -> None:
    booking_id = world.desk.booking()
    public_id = CIPHER.encrypt(IdKind.BOOKING, booking_id)
    assert world.run("send", "SCHFSExpiry", "--provider", str(PROVIDER), "--on", "2026-03-01", *WHY).exit_code == 0
    assert world.run("send", "RefundByAdmin", "--booking", public_id, *WHY).exit_code == 0
    assert [record.push.kind for record in world.desk.pushes.records.values()] == [2, 9, 10]


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (("SCHFSExpiry", "--provider", "42"), 1),
        (("RefundByAdmin", "--provider", "42"), 1),
        (("RefundByAdmin", "--booking", "booking:99"), 1),
        (("RefundByAdmin", "--booking", "0" * 32), 1),
        (("NewMessage", "--provider", "99"), 1),
        (("NewBooking", "--booking", "booking:1"), 2),
        (("Nonsense", "--provider", "42"), 2),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(
    world: OperatorsWorld, arguments: tuple[str, ...], exit_code: int
) -> None:
    answer = world.run("send", *arguments, *WHY)
    assert answer.exit_code == exit_code, answer.output
    assert world.desk.pushes.records == {}


def test_every_type_of_the_inventory_has_its_name() -> None:
    assert [kind.known_as for kind in NotificationType] == [
        "ProfileUpdate",
        "NewBooking",
        "PayslipGenerated",
        "HomeWorkAssigned",
        "ReserveSlot",
        "Referral",
        "CancelRefundBooking",
        "PsyterSupportNotification",
        "SCHFSExpiry",
        "RefundByAdmin",
        "CommonNotification",
        "ReminderNotification",
        "OtherPartyJoined",
        "ProviderSignedContract",
        "NewMessage",
        "AccountDeleted",
    ]
