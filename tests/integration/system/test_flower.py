"""Flower as operators have it: real Flower, worker and Redis, asked over HTTP."""

import html
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from config import SANDBOX_DEFAULTS
from demo import commands
from demo.ports import any_free_port
from demo.stack import wait_until
from repositories.scheduling_db import tables as scheduling
from tests.integration.system.conftest import HASTE, System, running_system
from tests.integration.system.promises import rows

VIEWER = ("viewer", SANDBOX_DEFAULTS["flower_viewer_password"])
OPERATOR = ("operator", SANDBOX_DEFAULTS["flower_operator_password"])
TIMEOUT = 30
SOME_TASK = "5d1f6c0e-0000-4000-8000-000000000000"


class Visitor:
    """Asks Flower under its path."""

    def __init__(self, base: str) -> None:
        self.base = base

    def get(self, path: str, login: tuple[str, str] | None = None, **more: Any) -> requests.Response:
        return requests.get(self.base + path, auth=login, timeout=TIMEOUT, **more)

    def post(self, path: str, login: tuple[str, str] | None = None, **more: Any) -> requests.Response:
        return requests.post(self.base + path, auth=login, timeout=TIMEOUT, **more)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running_system(tmp_path_factory.mktemp("flower"), {**HASTE, "TAHOON_FLOWER_PATH": "/watch/flower"}) as system:
        yield system


@pytest.fixture(scope="module")
def flower(system: System) -> Visitor:
    port = any_free_port()
    system.stack.start("flower", commands.flower(port))
    visitor = Visitor(f"http://127.0.0.1:{port}/watch/flower")

    def sees_the_worker() -> bool:
        try:
            found = visitor.get("/api/workers", VIEWER, params={"refresh": "1"})
        except requests.ConnectionError:
            return False
        return found.ok and bool(found.json())

    wait_until(sees_the_worker, seconds=90, what="Flower, and a worker in it", every=0.2)
    return visitor


def runs(flower: Visitor, saga_id: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The run of this saga that is as wanted, as the viewer sees it in the list of tasks."""

    def found() -> dict[str, Any] | None:
        seen = flower.get("/api/tasks", VIEWER, params={"limit": "1000"}).json().values()
        return next((task for task in seen if saga_id in str(task["args"]) and wanted(task)), None)

    return wait_until(found, seconds=60, what="the run of the saga in Flower", every=0.2)


def saga_of(system: System, public_id: str) -> Any:
    booking_id = system.town.booking_id(public_id)
    return next(row for row in rows(system.town, scheduling.sagas) if row.booking_id == booking_id)


def test_a_booked_session_is_a_run_by_its_sagas_name_with_its_ids_and_result(system: System, flower: Visitor) -> None:
    public_id = system.booked(system.charity, system.next_body())
    system.town.ended(system.charity, public_id)
    saga = saga_of(system, public_id)
    task = runs(flower, saga.id, lambda seen: "done" in str(seen["result"]))
    assert task["name"] == "book_session"
    assert task["state"] == "SUCCESS"
    assert task["args"] == f"('{saga.id}',)"  # as the API's nudge has it
    assert task["result"] == f"'booking {saga.booking_id}: done'"
    page = html.unescape(flower.get(f"/task/{task['uuid']}", VIEWER).text)
    for wanted in ("book_session", saga.id, task["result"]):
        assert wanted in page


def test_a_failed_booking_says_where_and_why(system: System, flower: Visitor) -> None:
    system.stack.fault(route="videosdk.create_room", kind="status", status=400, times=1)
    public_id = system.booked(system.charity, system.next_body())
    system.town.ended(system.charity, public_id)
    saga = saga_of(system, public_id)
    task = runs(flower, saga.id, lambda seen: "undone" in str(seen["result"]))
    assert task["result"] == f"'booking {saga.booking_id}: undone at create_meeting (reason {saga.reason})'"


def test_nobody_sees_anything_without_a_login(flower: Visitor) -> None:
    wrong = ("viewer", "wrong-password-000000")
    for path in (
        "",
        "/",
        "/tasks",
        "/api/tasks",
        "/api/workers",
        "/metrics",
        "/broker",
        "/static/css/flower.css",
        "/x",
    ):
        for login in (None, wrong, ("operator", VIEWER[1]), ("viewer", OPERATOR[1])):
            refused = flower.get(path, login)
            assert refused.status_code == 401, path
            assert "Basic" in refused.headers["WWW-Authenticate"]
    assert flower.post(f"/api/task/revoke/{SOME_TASK}").status_code == 401
    assert flower.post("/tasks/datatable").status_code == 401
    for header in ("Basic", "Basic ###", "Bearer abc", "Basic w6lhOmI="):
        assert flower.get("/tasks", headers={"Authorization": header}).status_code == 401


def test_whether_it_lives_is_asked_without_a_login(flower: Visitor) -> None:
    assert flower.get("/healthcheck").text == "OK"


def test_it_is_behind_its_path_and_nowhere_else(flower: Visitor) -> None:
    root = Visitor(flower.base.removesuffix("/watch/flower"))
    for path in ("/tasks", "/api/workers", "/metrics", "/healthcheck"):
        assert root.get(path, None).status_code == 401
        assert root.get(path, OPERATOR).status_code == 404
    page = flower.get("/tasks", VIEWER).text
    assert "/watch/flower/static/" in page
    assert flower.get("/static/css/flower.css", VIEWER).ok


def test_a_viewer_sees_every_page_and_can_change_nothing(system: System, flower: Visitor) -> None:
    [name] = flower.get("/api/workers", VIEWER).json()
    for path in ("", "/workers", f"/worker/{name}", "/tasks", "/broker", "/metrics"):
        assert flower.get(path, VIEWER).ok, path
    listed = flower.post(
        "/tasks/datatable",
        VIEWER,
        data={"draw": 1, "start": 0, "length": 5, "order[0][column]": 0, "columns[0][data]": "name"},
    )
    assert listed.ok, listed.text
    assert "data" in listed.json()
    for path in (
        f"/api/task/revoke/{SOME_TASK}",
        f"/api/worker/shutdown/{name}",
        f"/api/worker/pool/shrink/{name}",
        f"/api/worker/queue/cancel-consumer/{name}",
        "/api/task/send-task/sweep",
        "/api/task/async-apply/sweep",
        "/api/task/rate-limit/book_session",
    ):
        refused = flower.post(path, VIEWER, params={"terminate": "1", "n": "1", "queue": "sagas", "workername": name})
        assert refused.status_code == 403, path
        assert "viewer" in refused.text
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert requests.request(method, f"{flower.base}/tasks", auth=VIEWER, timeout=TIMEOUT).status_code == 403
    assert "Shut Down" not in flower.get(f"/worker/{name}", VIEWER).text  # nor does a button promise it
    assert system.stack.processes["worker"].poll() is None


def test_an_operator_can_unless_another_site_asks_in_their_name(system: System, flower: Visitor) -> None:
    [name] = flower.get("/api/workers", OPERATOR).json()
    assert "Shut Down" in flower.get(f"/worker/{name}", OPERATOR).text
    for header in ({"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}):
        forged = flower.post(f"/api/worker/shutdown/{name}", OPERATOR, headers=header)
        assert forged.status_code == 403
    revoked = flower.post(f"/api/task/revoke/{SOME_TASK}", OPERATOR)
    assert revoked.ok, revoked.text
    assert system.stack.processes["worker"].poll() is None
    stopped = flower.post(f"/api/worker/shutdown/{name}", OPERATOR)
    assert stopped.ok, stopped.text
    wait_until(lambda: system.stack.processes["worker"].poll() is not None, seconds=60, what="the worker to end")
