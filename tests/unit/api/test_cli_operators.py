"""Who may use the console, and the overview and bulk actions, at the command line."""

import json
from typing import Any

import pytest
from structlog.testing import capture_logs
from werkzeug.security import check_password_hash

from repositories.enums import OperatorRole, SagaStatus
from tests.unit.api.console import Console

WHY = ("--by", "root", "--why", "on call")
SECRET = "a long pass phrase"


@pytest.fixture
def world() -> Console:
    return Console()


def run(world: Console, *arguments: str, given: str = "") -> Any:
    with capture_logs():
        return world.app.test_cli_runner().invoke(args=arguments, input=given)


def test_an_operator_is_added_with_a_password_from_standard_input(world: Console) -> None:
    ran = run(world, "operators", "add", "سارة", "--role", "viewer", *WHY, given=f"{SECRET}\n")
    assert (ran.exit_code, ran.stdout) == (0, "سارة may use the console as viewer\n")
    account = world.accounts.find_account("سارة")
    assert account is not None
    assert check_password_hash(account.password_hash, SECRET)
    assert account.role is OperatorRole.VIEWER
    again = run(world, "operators", "add", "سارة", "--role", "viewer", *WHY, given=f"{SECRET}\n")
    assert (again.exit_code, "knows an operator of this name already" in again.stderr) == (1, True)


@pytest.mark.parametrize("given", ["", "short\n", "x" * 201 + "\n"])
def test_a_password_that_is_too_short_or_too_long_is_refused(world: Console, given: str) -> None:
    ran = run(world, "operators", "add", "sara", "--role", "viewer", *WHY, given=given)
    assert (ran.exit_code, "a password has 12 to 200 characters" in ran.stderr) == (1, True)
    assert world.accounts.find_account("sara") is None


def test_every_change_needs_a_reason_and_stands_in_the_trail(world: Console) -> None:
    assert run(world, "operators", "disable", "huda").exit_code == 2
    for command in (("disable",), ("enable",), ("set-role", "--role", "viewer")):
        assert run(world, "operators", *command, "huda", *WHY).exit_code == 0
    assert run(world, "operators", "set-password", "huda", *WHY, given=f"{SECRET}\n").exit_code == 0
    account = world.accounts.find_account("huda")
    assert account is not None
    assert (account.disabled_at, account.role, account.generation) == (None, OperatorRole.VIEWER, 4)
    assert check_password_hash(account.password_hash, SECRET)
    trail = world.accounts.trail(account.id, limit=9)
    assert [entry.action for entry in trail] == ["set-password", "set-role", "enable", "disable", "add"]
    assert {entry.by for entry in trail[:4]} == {"root"}
    assert "set-password  root  on call" in run(world, "operators", "show", "huda").stdout
    assert run(world, "operators", "disable", "nobody", *WHY).exit_code == 1


def test_operators_are_listed_without_their_passwords(world: Console) -> None:
    run(world, "operators", "disable", "viktor", *WHY)
    lines = [json.loads(line) for line in run(world, "operators", "list", "--json").stdout.splitlines()]
    assert [(line["name"], line["role"], line["state"][:8]) for line in lines] == [
        ("huda", "operator", "active"),
        ("viktor", "viewer", "disabled"),
    ]
    assert "scrypt" not in str(lines)


def test_many_sagas_are_counted_first_and_done_only_if_they_are_as_many_as_expected(world: Console) -> None:
    booking_id = world.desk.stuck_by_a_bug()
    bulk = ("saga", "bulk", "retry", "--status", "stuck")
    assert run(world, *bulk).stdout.startswith("1 sagas match; to retry them")
    assert run(world, *bulk, "--expect", "1").exit_code == 2
    wrong = run(world, *bulk, "--expect", "2", *WHY)
    assert (wrong.exit_code, wrong.stderr) == (1, "Error: 1 sagas match now: look again\n")
    assert world.desk.saga_of(booking_id).status is SagaStatus.STUCK
    assert run(world, *bulk, "--expect", "1", *WHY).stdout == "1 done, 0 not\n"
    assert world.desk.audit(booking_id) == [("retry", "create_meeting", "root", "on call")]


def test_what_cannot_be_done_to_one_is_told_and_the_others_are_done(world: Console) -> None:
    world.desk.stuck_by_a_bug()
    stuck = world.desk.saga_of(1)
    ran = run(world, "saga", "bulk", "undo", "--status", "stuck", "--expect", "1", *WHY)
    assert (ran.exit_code, ran.stdout) == (0, "1 done, 0 not\n")
    again = run(world, "saga", "bulk", "undo", "--status", "undoing", "--expect", "1", *WHY)
    assert again.exit_code == 1
    assert again.stdout.splitlines()[0] == "0 done, 1 not"
    assert again.stdout.splitlines()[1].startswith(f"  {stuck.id}: it is turning back already")


def test_the_board_is_told_in_words_and_as_json(world: Console) -> None:
    told = run(world, "board").stdout
    assert "bookings pending: 0" in told
    assert "queues: sagas 0" in told
    assert json.loads(run(world, "board", "--json").stdout)["pending_bookings"] == 0


def test_saga_show_says_why(world: Console) -> None:
    booking_id = world.desk.stuck_by_a_bug()
    assert (
        "why: Stuck at create_meeting, and waits for you" in run(world, "saga", "show", f"booking:{booking_id}").stdout
    )
