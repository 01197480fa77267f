"""The console's pages over fakes: sessions, what is offered to whom, search, and many at once."""

import re
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs
from werkzeug.security import check_password_hash

from api.contract import Limit
from api.ops.sessions import NOBODY, hashed
from api.security.id_cipher import IdKind
from repositories.enums import OperatorRole, SagaStatus, Service
from tests.unit.api.console import ENTRY, PASSWORD, Browser, Console, words
from tests.unit.api.world import CIPHER
from tests.unit.saga.test_operators import Desk


@pytest.fixture
def world() -> Console:
    return Console()


def is_in(browser: Browser) -> bool:
    status: int = browser.look("/ops/sagas").status_code
    return status == 200


# --- sessions ------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "password"), [("huda", "wrong"), ("nobody", PASSWORD), ("", ""), ("HUDA", PASSWORD)])
def test_a_wrong_name_and_a_wrong_password_are_told_alike(world: Console, name: str, password: str) -> None:
    browser = world.browser()
    with capture_logs() as logged:
        answer = browser.sign_in(name, password)
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (403, False)
    assert "The name or the password is not right, or the account is disabled." in answer.text
    assert password not in str(logged) or not password
    assert not is_in(browser)


def test_a_name_that_nobody_has_costs_as_much_as_one_that_is_known() -> None:
    assert NOBODY.split("$")[0] == hashed(PASSWORD).split("$")[0] == "scrypt:32768:8:1"
    assert check_password_hash(NOBODY, "nobody has this password")


@pytest.mark.parametrize(("is_secure", "said"), [(True, True), (False, False)])
def test_the_cookie_is_strict_and_secure_outside_the_sandbox(is_secure: bool, said: bool) -> None:
    answer = Console(is_secure=is_secure).browser().sign_in("huda")
    cookie = answer.headers["Set-Cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Strict", "Path=/ops"))
    assert ("Secure" in cookie) is said


def test_a_session_ends_when_nobody_clicks_though_the_overview_refreshes_itself(world: Console) -> None:
    browser = world.browser("huda")
    for _ in range(3):
        world.pass_time(timedelta(minutes=20))
        assert is_in(browser)
    world.pass_time(timedelta(minutes=29))
    assert browser.look("/ops/", auto="1").status_code == 200
    world.pass_time(timedelta(minutes=1, seconds=1))
    assert not is_in(browser)


def test_a_session_ends_at_last_however_much_is_clicked(world: Console) -> None:
    browser = world.browser("huda")
    for _ in range(12 * 3 - 1):
        world.pass_time(timedelta(minutes=20))
        assert is_in(browser)
    world.pass_time(timedelta(minutes=20))
    assert not is_in(browser)


def test_every_change_of_the_account_ends_its_sessions(world: Console) -> None:
    for change in ({"is_disabled": True}, {"is_disabled": False}, {"role": OperatorRole.VIEWER}, {}):
        world.accounts.change_account("huda", entry=ENTRY, is_disabled=False)
        browser, other = world.browser("huda"), world.browser("viktor")
        assert is_in(browser)
        world.accounts.change_account("huda", entry=ENTRY, **change)
        assert not is_in(browser)
        assert is_in(other)


def test_a_disabled_operator_does_not_come_in(world: Console) -> None:
    world.accounts.change_account("huda", entry=ENTRY, is_disabled=True)
    assert world.browser().sign_in("huda").status_code == 403


def test_signing_out_ends_every_session_of_the_operator(world: Console) -> None:
    browser, at_home = world.browser("huda"), world.browser("huda")
    cookie = browser.client.get_cookie("tahoon_ops", path="/ops")
    assert cookie is not None
    assert browser.post("/ops/logout").status_code == 303
    assert not is_in(at_home)
    browser.client.set_cookie("tahoon_ops", cookie.value, path="/ops")
    assert not is_in(browser)


def test_sign_ins_are_limited_by_address_and_by_name() -> None:
    world = Console(per_minute={kind.value: 3 if kind is Limit.SIGN_IN else 1000 for kind in Limit})
    browser = world.browser()
    assert [browser.sign_in("huda", "wrong").status_code for _ in range(3)] == [403, 403, 403]
    refused = browser.sign_in("huda")
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0


@pytest.mark.parametrize("wanted", ["https://evil.example/ops/", "//evil.example/ops/", "/ops/\\evil", "/api/", "/ops"])
def test_the_way_on_after_the_sign_in_leads_into_the_console_only(world: Console, wanted: str) -> None:
    assert world.browser().sign_in("huda", next=wanted).headers["Location"] == "/ops/"
    assert world.browser().sign_in("huda", next="/ops/sagas?status=stuck").location == "/ops/sagas?status=stuck"


# --- one booking ---------------------------------------------------------------------------


def offered(answer: Any) -> set[str]:
    return set(re.findall(r"<summary>(\w+)…", answer.text))


def test_what_is_offered_is_what_is_possible_and_to_a_viewer_nothing() -> None:
    for get_stuck, actions in (
        (Desk.stuck_by_a_bug, {"Retry", "Skip", "Undo", "Resolve"}),
        (Desk.stuck_undoing, {"Retry", "Skip", "Resolve"}),
    ):
        world = Console()
        huda, viktor = world.browser("huda"), world.browser("viktor")
        booking_id = get_stuck(world.desk)
        page = huda.look(f"/ops/bookings/{booking_id}")
        assert offered(page) == actions
        assert "waits for you" in words(page)
        assert offered(viktor.look(f"/ops/bookings/{booking_id}")) == set()
        assert "waits for you" in words(viktor.look(f"/ops/bookings/{booking_id}"))


def test_a_stuck_saga_is_retried_with_a_reason_and_under_the_operators_name(world: Console) -> None:
    booking_id = world.desk.stuck_by_a_bug()
    saga_id, huda = world.desk.saga_of(booking_id).id, world.browser("huda")
    huda.look("/ops/sagas")
    assert huda.post(f"/ops/sagas/{saga_id}/retry", why="  ").status_code == 400
    assert huda.post(f"/ops/sagas/{saga_id}/retry", why="x" * 501).status_code == 400
    answer = huda.post(f"/ops/sagas/{saga_id}/retry", why="ticket <7>")
    assert (answer.status_code, answer.location) == (303, f"/ops/bookings/{booking_id}?done=retry")
    assert world.desk.audit(booking_id) == [("retry", "create_meeting", "huda", "ticket <7>")]
    page = huda.look(answer.location)
    assert "It runs again" in words(page)
    assert "ticket &lt;7&gt;" in page.text


def test_skipping_asks_for_what_the_step_would_have_answered(world: Console) -> None:
    booking_id = world.desk.stuck_by_a_bug()
    saga_id, huda = world.desk.saga_of(booking_id).id, world.browser("huda")
    huda.look(f"/ops/bookings/{booking_id}")
    path, step = f"/ops/sagas/{saga_id}/skip", "create_meeting"
    assert huda.post(path, why="by hand", step=step).status_code == 400
    assert huda.post(path, why="by hand", step="save_order", answer_meeting_id="abcd").status_code == 409
    assert huda.post(path, why="by hand", step=step, answer_meeting_id="abcd-efgh-ijkl").status_code == 303
    assert world.desk.saga_of(booking_id).receipts[step] == {"meeting_id": "abcd-efgh-ijkl"}


def test_what_is_not_possible_any_more_is_said(world: Console) -> None:
    booking_id = world.desk.failed_booking()
    saga_id, huda = world.desk.saga_of(booking_id).id, world.browser("huda")
    huda.look("/ops/sagas")
    answer = huda.post(f"/ops/sagas/{saga_id}/undo", why="too late")
    assert (answer.status_code, "It has ended: undone." in words(answer)) == (409, True)
    assert huda.post(f"/ops/sagas/{'0' * 32}/undo", why="which").status_code == 404


def test_a_booking_is_found_by_each_of_its_ids(world: Console) -> None:
    booking_id = world.desk.stuck_by_a_bug()
    saga_id, huda = world.desk.saga_of(booking_id).id, world.browser("viktor")
    for asked in (str(booking_id), f"booking:{booking_id}", CIPHER.encrypt(IdKind.BOOKING, booking_id), f" {saga_id} "):
        assert huda.look("/ops/find", id=asked).location.partition("#")[0] == f"/ops/bookings/{booking_id}"
    for unknown in ("", "x", "0" * 32, "' OR 1=1", "9" * 19):
        assert huda.look("/ops/find", id=unknown).status_code in {400, 404}, unknown
    assert huda.look("/ops/bookings/404").status_code == 404
    assert huda.look(f"/ops/bookings/{10**30}").status_code == 404
    assert huda.look("/ops/find", id=CIPHER.encrypt(IdKind.USER, booking_id)).status_code == 404


# --- searching, and many at once -----------------------------------------------------------


def test_a_search_that_makes_no_sense_says_which_field(world: Console) -> None:
    huda = world.browser("viktor")
    for name, text in (("organization", "x"), ("organization", str(2**70)), ("reason", "7"), ("since", "yesterday")):
        answer = huda.look("/ops/sagas", **{name: text})
        assert (answer.status_code, name in words(answer).lower()) == (400, True)
    assert huda.look("/ops/sagas", cursor="AAAA").status_code == 400


def test_many_are_retried_only_if_they_are_as_many_as_were_shown(world: Console) -> None:
    first = world.desk.stuck_by_a_bug()
    huda = world.browser("huda")
    assert "1 saga matches" in words(huda.look("/ops/bulk/retry", status="stuck"))
    refused = huda.post("/ops/bulk/retry", status="stuck", expected="2", why="all of them")
    assert (refused.status_code, "1 match now: nothing was done" in words(refused)) == (409, True)
    assert world.desk.saga_of(first).status is SagaStatus.STUCK
    done = huda.post("/ops/bulk/retry", status="stuck", expected="1", why="all of them")
    assert (done.status_code, "Retry: 1 done" in words(done)) == (200, True)
    assert world.desk.audit(first) == [("retry", "create_meeting", "huda", "all of them")]


def test_bulk_never_counts_what_has_ended(world: Console) -> None:
    world.desk.failed_booking()
    huda = world.browser("huda")
    for query in ({}, {"status": "undone"}):
        assert "No saga matches." in words(huda.look("/ops/bulk/retry", **query))
    assert huda.look("/ops/bulk/skip").status_code == 404
    assert world.browser("viktor").look("/ops/bulk/retry").status_code == 404


# --- services ------------------------------------------------------------------------------


def test_a_service_is_paused_and_resumed_with_a_reason(world: Console) -> None:
    huda = world.browser("huda")
    assert "answers" in words(huda.look("/ops/"))
    assert huda.post("/ops/services/videosdk/pause", why="").status_code == 400
    assert huda.post("/ops/services/videosdk/pause", why="new key").status_code == 303
    assert "Paused by huda (new key)." in words(huda.look("/ops/"))
    assert huda.post("/ops/services/videosdk/pause", why="again").status_code == 409
    assert huda.post("/ops/services/videosdk/resume", why="done").status_code == 303
    assert [(of, entry.action, entry.by) for of, entry in world.outside.entries] == [
        (Service.VIDEOSDK, "pause", "huda"),
        (Service.VIDEOSDK, "resume", "huda"),
    ]
    assert huda.post("/ops/services/nobody/pause", why="what").status_code == 404
