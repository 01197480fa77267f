"""What operators see and do on the command line: filters, JSON, exit codes, and one clear line for each refusal."""

import json
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from api.security.id_cipher import IdKind
from api.services import Operations
from repositories.entities.bookings import Booking
from repositories.enums import BookingStatus, Reason, SagaStatus
from repositories.ports.errors import StoreUnavailable
from saga.meeting_key import create_meeting_key
from saga.reconcile import GRACE, Reconcile
from saga.service_operator import ServiceOperator
from tests.fakes.operations import FakePsyterFacts, FakeSchedulingFacts
from tests.fakes.services import FakeServices
from tests.unit.api.world import CIPHER, World
from tests.unit.saga.test_operators import NO, Desk
from tests.unit.saga.world import CHARITY, ORDINARY

WHY = ("--by", "Huda", "--why", "ticket 7")


@dataclass
class Terminal(World):
    """An operator at the command line, over the fakes of the sagas."""

    desk: Desk = field(default_factory=Desk)
    failure: Exception | None = None

    def operations(self) -> Operations:
        if self.failure is not None:
            raise self.failure
        reconcile = Reconcile(
            scheduling=FakeSchedulingFacts(self.desk.scheduling),
            psyter=FakePsyterFacts(self.desk.psyter),
            rooms=self.desk.rooms,
            clock=lambda: self.desk.now + GRACE + timedelta(seconds=1),
        )
        ours = {"records", "operator", "reconcile", "outside"}
        unused = {one.name for one in fields(Operations)} - ours
        return Operations(
            records=self.desk.records,
            operator=self.desk.operator,
            reconcile=reconcile,
            outside=ServiceOperator(services=FakeServices(), clock=lambda: self.now),
            **dict.fromkeys(unused, cast(Any, None)),
        )

    def find_booking(self, booking_id: int, *, organization_id: int) -> Booking | None:
        return self.desk.scheduling.find_booking(booking_id, organization_id=organization_id)

    def run(self, *arguments: str) -> Any:
        self.now = self.desk.now
        with capture_logs():
            return self.app.test_cli_runner().invoke(args=arguments)

    def lines(self, *arguments: str) -> list[str]:
        ran = self.run(*arguments)
        assert ran.exit_code == 0, ran.output
        return [line.rstrip() for line in ran.stdout.splitlines()]

    def objects(self, *arguments: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines(*arguments, "--json")]

    def refused(self, *arguments: str) -> str:
        ran = self.run(*arguments)
        assert (ran.exit_code, ran.stdout) == (1, "")
        (line,) = ran.stderr.splitlines()
        return str(line)

    def saga_id(self, booking_id: int) -> str:
        return self.desk.saga_of(booking_id).id

    def public(self, booking_id: int) -> str:
        return CIPHER.encrypt(IdKind.BOOKING, booking_id)


@pytest.fixture
def at() -> Terminal:
    return Terminal()


# --- list ------------------------------------------------------------------------------------


def test_without_options_what_has_not_ended_is_listed_the_longest_unchanged_first(at: Terminal) -> None:
    ended = at.desk.failed_booking()
    stuck = at.desk.stuck_by_a_bug()
    at.desk.now += timedelta(minutes=1)
    running = at.desk.book(ORDINARY).booking_id
    found = at.objects("saga", "list")
    assert [saga["booking"] for saga in found] == [stuck, running]
    assert at.lines("saga", "list")[1].split()[:6] == [
        at.saga_id(stuck),
        "book_session",
        str(stuck),
        str(CHARITY),
        "stuck",
        "create_meeting",
    ]
    assert [saga["booking"] for saga in at.objects("saga", "list", "--status", "undone")] == [ended]
    assert len(at.objects("saga", "list", "--status", "undone", "--status", "stuck")) == 2


@pytest.mark.parametrize(
    ("options", "is_listed"),
    [
        (["--step", "create_meeting"], True),
        (["--step", "save_order"], False),
        (["--organization", str(CHARITY)], True),
        (["--organization", str(ORDINARY)], False),
        (["--name", "book_session"], True),
        (["--name", "cancel_booking"], False),
        (["--reason", str(int(Reason.MEETING_REFUSED))], True),
        (["--reason", "MEETING_REFUSED"], True),
        (["--reason", "1015"], False),
        (["--unchanged-for", "0"], True),
        (["--unchanged-for", "5"], False),
        (["--status", "stuck", "--step", "create_meeting", "--organization", str(CHARITY)], True),
    ],
)
def test_each_filter_of_the_list(at: Terminal, options: list[str], is_listed: bool) -> None:
    booking_id = at.desk.stuck_undoing()
    assert [saga["booking"] for saga in at.objects("saga", "list", *options)] == [booking_id] * is_listed


def test_a_list_that_is_cut_off_says_so(at: Terminal) -> None:
    for _ in range(2):
        at.desk.book(ORDINARY)
    ran = at.run("saga", "list", "--limit", "1", "--json")
    assert (ran.exit_code, len(ran.stdout.splitlines())) == (0, 1)
    assert "there are more than 1" in ran.stderr
    assert at.run("saga", "list", "--limit", "2", "--json").stderr == ""


@pytest.mark.parametrize("option", [("--status", "asleep"), ("--reason", "nonsense"), ("--limit", "0")])
def test_an_option_that_makes_no_sense_is_exit_code_2(at: Terminal, option: tuple[str, str]) -> None:
    assert at.run("saga", "list", *option).exit_code == 2


# --- show, and how a saga is named -------------------------------------------------------------


def test_a_saga_is_shown_with_its_timeline_and_its_audit_trail(at: Terminal) -> None:
    booking_id = at.desk.stuck_by_a_bug()
    at.run("saga", "retry", at.saga_id(booking_id), *WHY)
    (story,) = at.objects("saga", "show", at.saga_id(booking_id))
    assert (story["status"], story["step"], story["booking_status"]) == ("running", "create_meeting", "PENDING")
    assert story["public_booking"] == at.public(booking_id)
    assert story["owed"] == ["create_meeting", "save_order", "schedule_booking"]
    assert [line["outcome"] for line in story["timeline"] if line["step"] == "create_meeting"] == ["bug", "bug"]
    assert [(entry["action"], entry["by"], entry["why"]) for entry in story["audit"]] == [("retry", "Huda", "ticket 7")]
    page = "\n".join(at.lines("saga", "show", at.saga_id(booking_id)))
    for word in ("status: running", "KeyError", "retry", "ticket 7", at.public(booking_id)):
        assert word in page


def test_a_saga_is_named_by_its_id_its_booking_or_the_public_id_that_the_partner_knows(at: Terminal) -> None:
    booking_id = at.desk.stuck_by_a_bug()
    names = (at.saga_id(booking_id), f"booking:{booking_id}", at.public(booking_id), f"booking:{at.public(booking_id)}")
    stories = [at.objects("saga", "show", name) for name in names]
    assert all(story == stories[0] for story in stories)


def test_of_a_booking_every_saga_is_shown(at: Terminal) -> None:
    booking_id = at.desk.stuck_closing_a_cancelled_room()
    assert [s["name"] for s in at.objects("saga", "show", f"booking:{booking_id}")] == [
        "book_session",
        "cancel_booking",
    ]


def test_of_a_booking_the_saga_that_has_not_ended_is_changed(at: Terminal) -> None:
    booking_id = at.desk.stuck_closing_a_cancelled_room()
    (line,) = at.lines("saga", "resolve", at.public(booking_id), *WHY)
    assert line == f"{at.saga_id(booking_id)} is resolved"


def test_of_several_open_sagas_the_operator_must_name_one(at: Terminal) -> None:
    booking_id = at.desk.book().booking_id
    at.desk.settle()
    at.desk.rooms.fail_next(NO)
    at.desk.cancel(booking_id)
    at.desk.settle()
    first, second = (state.id for state in at.desk.records.find_sagas_of(booking_id))
    sagas = at.desk.scheduling.sagas
    sagas[first] = replace(sagas[first], status=SagaStatus.STUCK)
    line = at.refused("saga", "retry", f"booking:{booking_id}", *WHY)
    assert first in line
    assert second in line


@pytest.mark.parametrize(
    ("name", "exit_code", "why"),
    [
        ("0" * 32, 1, "There is no such saga."),
        ("booking:404", 1, "There is no such booking."),
        (CIPHER.encrypt(IdKind.BOOKING, 404), 1, "There is no such booking."),
        (CIPHER.encrypt(IdKind.USER, 1), 1, "not an id that we gave out for this purpose"),
        ("nonsense", 2, "a saga is named by"),
        ("booking:", 2, "a saga is named by"),
        ("404", 2, "a saga is named by"),
    ],
)
@pytest.mark.parametrize("command", [("show",), ("retry", *WHY), ("resolve", *WHY)], ids=lambda words: words[0])
def test_what_names_no_saga_is_refused(
    at: Terminal, command: tuple[str, ...], name: str, exit_code: int, why: str
) -> None:
    at.desk.book()
    ran = at.run("saga", command[0], name, *command[1:])
    assert (ran.exit_code, ran.stdout) == (exit_code, "")
    assert why in ran.stderr


# --- stepping in -------------------------------------------------------------------------------


def test_a_retry_says_where_the_saga_stands_now(at: Terminal) -> None:
    booking_id = at.desk.stuck_by_a_bug()
    (line,) = at.lines("saga", "retry", at.saga_id(booking_id), *WHY)
    assert line == f"{at.saga_id(booking_id)} is running at create_meeting"
    at.desk.settle()
    assert at.desk.booking(booking_id).status is BookingStatus.CONFIRMED


def test_a_step_is_skipped_with_what_it_would_have_answered(at: Terminal) -> None:
    booking_id = at.desk.stuck_by_a_bug()
    meeting_id = at.desk.rooms.open_room("by hand").meeting_id
    step = ("--step", "create_meeting", "--receipt", f"meeting_id={meeting_id}")
    (line,) = at.lines("saga", "skip", at.saga_id(booking_id), *step, *WHY)
    assert line.endswith("is running at confirm_booking")
    at.desk.settle()
    assert at.desk.booking(booking_id).meeting_id == meeting_id


def test_an_undo_and_a_resolve(at: Terminal) -> None:
    booking_id = at.desk.stuck_by_a_bug()
    assert at.lines("saga", "undo", at.saga_id(booking_id), *WHY)[0].endswith("is undoing at create_meeting")
    other = at.desk.stuck_by_a_bug_of(ORDINARY)
    assert at.lines("saga", "resolve", at.saga_id(other), *WHY) == [f"{at.saga_id(other)} is resolved"]
    assert at.desk.booking(other).status is BookingStatus.FAILED


@pytest.mark.parametrize("command", ["retry", "undo", "resolve", "skip"])
def test_no_command_changes_anything_without_a_reason(at: Terminal, command: str) -> None:
    saga_id = at.saga_id(at.desk.stuck_by_a_bug())
    assert at.run("saga", command, saga_id).exit_code == 2
    step = ("--step", "create_meeting", "--receipt", "meeting_id=m") if command == "skip" else ()
    assert at.refused("saga", command, saga_id, *step, "--by", "Huda", "--why", " ") == (
        "Error: a reason and a name are needed"
    )
    assert at.desk.scheduling.audit == []


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("undo",), "its decision has been taken"),
        (("resolve",), "only a stuck saga is resolved by hand"),
        (("skip", "--step", "save_order"), "it stands at notify_provider, not at save_order"),
        (("skip", "--step", "notify_provider", "--receipt", "a=b"), "notify_provider answers with: nothing"),
    ],
)
def test_each_refusal_is_one_clear_line(at: Terminal, arguments: tuple[str, ...], why: str) -> None:
    booking_id = at.desk.confirmed_but_not_told()
    assert why in at.refused("saga", arguments[0], at.saga_id(booking_id), *arguments[1:], *WHY)


def test_a_saga_in_the_hands_of_a_worker_is_one_clear_line(at: Terminal) -> None:
    booking_id = at.desk.book().booking_id
    at.desk.scheduling.claim(at.saga_id(booking_id), now=at.desk.now, lease=timedelta(seconds=30), token="worker")
    assert "in the hands of a worker" in at.refused("saga", "retry", at.saga_id(booking_id), *WHY)


def test_what_has_ended_is_refused(at: Terminal) -> None:
    booking_id = at.desk.failed_booking()
    assert at.refused("saga", "retry", at.public(booking_id), *WHY) == "Error: it has ended: undone"


@pytest.mark.parametrize("parts", [["meeting_id"], ["=x"], ["meeting_id=a", "meeting_id=b"]])
def test_a_receipt_that_makes_no_sense_is_exit_code_2(at: Terminal, parts: list[str]) -> None:
    saga_id = at.saga_id(at.desk.stuck_by_a_bug())
    options = [word for part in parts for word in ("--receipt", part)]
    assert at.run("saga", "skip", saga_id, "--step", "create_meeting", *options, *WHY).exit_code == 2


def test_a_database_that_does_not_answer_is_one_clear_line(at: Terminal) -> None:
    at.failure = StoreUnavailable("the database did not answer")
    for command in (("saga", "list"), ("saga", "show", "0" * 32), ("reconcile",)):
        assert at.refused(*command) == "Error: the database did not answer"


def test_a_user_without_a_name_must_give_one(at: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nameless)
    saga_id = at.saga_id(at.desk.stuck_by_a_bug())
    assert at.refused("saga", "retry", saga_id, "--why", "ticket 7") == "Error: a reason and a name are needed"


# --- reconcile ---------------------------------------------------------------------------------


def test_when_all_agree_reconcile_says_zero_and_ends_well(at: Terminal) -> None:
    at.desk.failed_booking()
    assert at.lines("reconcile") == ["1 bookings looked at, 0 disagreements"]


def test_what_is_mended_is_listed_and_ends_well_and_a_dry_run_mends_nothing(at: Terminal) -> None:
    booking_id = at.desk.failed_booking()
    at.desk.rooms.open_room(create_meeting_key(at.saga_id(booking_id)))
    dry = at.run("reconcile", "--dry-run")
    assert (dry.exit_code, len(at.desk.open_rooms())) == (1, 1)
    assert at.lines("reconcile")[0] == f"room_without_booking booking={booking_id} mended"
    assert at.desk.open_rooms() == []


def test_what_is_left_to_an_operator_is_exit_code_1_and_json_has_the_list_and_the_counts(at: Terminal) -> None:
    booking_id = at.desk.stuck_by_a_bug()
    ran = at.run("reconcile", "--json")
    finding, report = (json.loads(line) for line in ran.stdout.splitlines())
    assert ran.exit_code == 1
    assert (finding["kind"], finding["booking_id"], finding["saga_id"]) == (
        "saga_stuck",
        booking_id,
        at.saga_id(booking_id),
    )
    assert (report["counts"], report["mended"], report["rooms_not_asked"]) == ({"saga_stuck": 1}, 0, 0)


def test_how_far_back_is_asked_in_days(at: Terminal) -> None:
    at.desk.failed_booking()
    at.desk.now += timedelta(days=4)
    assert at.lines("reconcile")[-1].startswith("0 bookings looked at")
    assert at.lines("reconcile", "--days", "5")[-1].startswith("1 bookings looked at")
