"""Real API and worker processes that send their spans to a collector; what it got is read back."""

import json
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from sqlalchemy import select

from demo.stack import wait_until
from logs import LISTED
from repositories.scheduling_db.tables import sagas
from tests.integration.system.conftest import CONFIRMED, FAILED, HASTE, System, running_system
from tests.integration.system.test_meeting_reports import Session
from tests.integration.system.test_webhooks import Endpoint
from watch.traces import listed, open_traces, span_of, trace_of

PERSON = {"name": "Zaynab Quux زينب", "dob": "1961-07-23", "referenceId": "REF-ZQ-77"}
NAMING = [*PERSON.values(), "Zaynab", "ZAYNAB", "زينب"]
STEPS = {"check_slot", "schedule_booking", "save_order", "create_meeting", "confirm_booking", "notify_provider"}
TOKEN = "m" * 40
API, WORKER = "tahoon-api", "tahoon-worker"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One span, as the collector got it."""

    service: str
    name: str
    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    attributes: dict[str, Any]
    failed: bool
    began: int
    ended: int


class Collector:
    """Takes OTLP over HTTP and keeps it."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.paths: set[str] = set()
        keep = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                keep.paths.add(self.path)
                keep.raw.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def spans(self) -> list[Seen]:
        return [seen for raw in list(self.raw) for seen in spans_in(raw)]

    def of(self, request_id: str) -> list[Seen]:
        return [seen for seen in self.spans() if seen.trace_id == trace_of(request_id).to_bytes(16)]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def spans_in(raw: bytes) -> Iterator[Seen]:
    for group in ExportTraceServiceRequest.FromString(raw).resource_spans:
        about = {one.key: one.value.string_value for one in group.resource.attributes}
        assert about.keys() == {"service.name"}
        for span in (span for scope in group.scope_spans for span in scope.spans):
            assert not span.events
            assert not span.links
            assert not span.status.message
            yield Seen(
                service=about["service.name"],
                name=span.name,
                trace_id=span.trace_id,
                span_id=span.span_id,
                parent_id=span.parent_span_id,
                attributes={one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes},
                failed=span.status.code == Status.STATUS_CODE_ERROR,
                began=span.start_time_unix_nano,
                ended=span.end_time_unix_nano,
            )


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()
    try:
        yield collector
    finally:
        collector.close()


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def system(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    settings = {**HASTE, "TAHOON_OTLP_ENDPOINT": collector.url, "TAHOON_METRICS_TOKEN": TOKEN}
    settings["TAHOON_LOG_LEVEL"] = "INFO"
    with running_system(tmp_path_factory.mktemp("traces"), settings) as system:
        yield system


def test_one_booking_is_one_trace_over_both_services(system: System, collector: Collector) -> None:
    request_id = uuid.uuid4().hex
    booking = system.booked(system.charity, {**system.next_body(), **PERSON}, **{"X-Request-Id": request_id})
    assert system.town.ended(system.charity, booking)["bookingStatus"] == CONFIRMED
    wait_until(lambda: len(collector.of(request_id)) >= 10, seconds=60, what="the whole trace at the collector")
    found = collector.of(request_id)
    assert collector.paths == {"/v1/traces"}
    mentioned = {seen.trace_id for seen in collector.spans() if seen.attributes.get("request_id") == request_id}
    assert mentioned == {trace_of(request_id).to_bytes(16)}
    asked = [seen for seen in found if seen.service == API]
    attempts = [seen for seen in found if "saga" in seen.attributes]
    calls = [seen for seen in found if "service" in seen.attributes]
    assert len(found) == len(asked) + len(attempts) + len(calls)
    assert {seen.service for seen in attempts + calls} == {WORKER}
    assert len({seen.span_id for seen in found}) == len(found)
    assert all(0 < seen.began <= seen.ended for seen in found)
    assert not any(seen.failed for seen in found)

    (request,) = asked
    assert request.span_id == span_of(request_id).to_bytes(8)
    assert request.parent_id == b""
    assert request.attributes == {
        "request_id": request_id,
        "method": "POST",
        "route": "/api/v1/sessionbooking/booksession",
        "status": 202,
    }
    assert sorted(seen.attributes["step"] for seen in attempts) == sorted(STEPS)
    for attempt in attempts:
        assert attempt.parent_id == request.span_id
        assert attempt.attributes["kind"] == "action"
        assert attempt.attributes["outcome"] == "done"
        assert attempt.attributes["saga"] == "book_session"
        assert "error" not in attempt.attributes
    step_of = {attempt.span_id: attempt.attributes["step"] for attempt in attempts}
    assert Counter((step_of[call.parent_id], call.attributes["service"], call.name) for call in calls) == {
        ("create_meeting", "videosdk", "create room"): 1,
        ("notify_provider", "fcm", "FCM send"): 2,  # the care provider's devices
    }
    assert {(call.attributes["outcome"], call.attributes["status"]) for call in calls} == {("answered", 200)}

    bearer = {"Authorization": f"Bearer {TOKEN}"}
    metrics = requests.get(f"{system.stack.api_url}/metrics", headers=bearer, timeout=30).text
    assert 'tahoon_outside_call_seconds_count{call="create room",outcome="answered"}' in metrics  # counted as well


def test_a_no_and_what_it_undoes_are_told_and_nobody_is_named(system: System, collector: Collector) -> None:
    system.stack.fault(route="videosdk.create_room", kind="status", status=400, body={"message": "no room for Zaynab"})
    request_id = str(uuid.uuid4())
    booking = system.booked(system.charity, {**system.next_body(), **PERSON}, **{"X-Request-Id": request_id})
    assert system.town.ended(system.charity, booking)["bookingStatus"] == FAILED
    system.stack.mend()
    url = system.stack.api_url
    requests.request(
        "ZAYNAB", f"{url}/Zaynab/1961-07-23?name=Zaynab", headers={"X-Request-Id": "1961-07-23"}, timeout=9
    )

    def is_undone() -> bool:
        return any(seen.attributes.get("kind") == "undo" for seen in collector.of(request_id)) and any(
            seen.attributes.get("method") == "other" for seen in collector.spans()
        )

    wait_until(is_undone, seconds=60, what="the undoing and the odd request at the collector")
    found = collector.of(request_id)
    (refused,) = [seen for seen in found if seen.name == "create room" and seen.attributes["outcome"] == "refused"]
    assert (refused.attributes["status"], refused.attributes["error"], refused.failed) == (400, "ProviderRefused", True)
    (attempt,) = [seen for seen in found if seen.span_id == refused.parent_id]
    assert (attempt.attributes["step"], attempt.attributes["outcome"]) == ("create_meeting", "refused")
    assert attempt.failed
    assert {name for seen in collector.spans() for name in seen.attributes} <= LISTED
    told = b"\n".join(collector.raw)
    keys = [system.data.charity.access_key, system.data.charity.shared_api_key]
    assert [word for word in [*NAMING, *keys] if word.encode() in told] == []


def test_a_saga_that_another_worker_takes_over_goes_on_in_its_trace(system: System, collector: Collector) -> None:
    system.stack.fault(route="videosdk.create_room", kind="hang", times=1, delayMs=900)
    request_id, calls = uuid.uuid4().hex, system.stack.calls_of("videosdk.create_room")
    booking = system.booked(system.charity, system.next_body(), **{"X-Request-Id": request_id})
    wait_until(
        lambda: system.stack.calls_of("videosdk.create_room") > calls, seconds=30, what="a worker that asks for a room"
    )
    system.stack.kill("worker")
    system.stack.start_worker()
    assert system.town.ended(system.charity, booking)["bookingStatus"] == CONFIRMED

    def is_whole() -> bool:
        steps = {seen.attributes.get("step") for seen in collector.of(request_id)}
        return {"create_meeting", "confirm_booking", "notify_provider"} <= steps

    wait_until(is_whole, seconds=60, what="what the second worker did, in the first one's trace")
    assert {seen.service for seen in collector.of(request_id)} == {API, WORKER}


def worker_lines(system: System, request_id: str) -> list[dict[str, Any]]:
    lines = (system.stack.folder / "worker.log").read_text().splitlines()
    found = [json.loads(line) for line in lines if line.startswith("{") and request_id in line]
    return [line for line in found if line["event"] in {"webhook", "push", "meeting_report"}]


def test_what_tasks_did_about_a_booking_is_found_by_its_request_id(system: System, collector: Collector) -> None:
    endpoint = Endpoint(system, system.charity)
    endpoint.plan(kind="status", status=500, times=1)
    session = Session(system)
    asked = select(sagas.c.request_id).where(sagas.c.booking_id == session.booking_id)
    with system.town.scheduling.reading() as connection:
        request_id = str(connection.execute(asked).scalar_one())
    session.send(session.webhook("participant-joined"))
    accepted, confirmed = (("webhook", "booking.accepted"), ("webhook", "booking.confirmed"))
    endpoint.when_told({(name, session.public_id, number) for number, (_, name) in enumerate((accepted, confirmed), 1)})

    def is_told() -> bool:
        states = Counter((line["event"], line["state"]) for line in worker_lines(system, request_id))
        return states == {
            ("webhook", "pending"): 1,
            ("webhook", "delivered"): 2,
            ("meeting_report", "done"): 1,
            ("push", "sent"): 1,
        }

    wait_until(is_told, seconds=90, what="the lines of all tasks that knew of the booking")
    assert {line["booking_id"] for line in worker_lines(system, request_id)} == {session.booking_id}

    def posts() -> list[Seen]:
        return [seen for seen in collector.of(request_id) if seen.name == "post webhook"]

    wait_until(lambda: len(posts()) == 3, seconds=60, what="the spans of the webhooks")
    told = sorted((seen.attributes["outcome"], seen.attributes["status"], seen.failed) for seen in posts())
    assert told == [("delivered", 204, False), ("delivered", 204, False), ("failed", 500, True)]
    for seen in posts():
        assert (seen.service, seen.parent_id) == (WORKER, span_of(request_id).to_bytes(8))
        assert (seen.attributes["booking_id"], seen.attributes["service"]) == (session.booking_id, "webhook")
        assert seen.attributes.keys() - {"error"} == {
            "request_id", "booking_id", "endpoint_id", "event_id", "delivery_id", "service", "outcome", "status",
        }  # fmt: skip
        assert seen.attributes.get("error") == ("http_500" if seen.failed else None)
    pushed = [seen for seen in collector.of(request_id) if "push_id" in seen.attributes]
    assert {(seen.name, seen.attributes["booking_id"]) for seen in pushed} == {("FCM send", session.booking_id)}
    raw = b"\n".join(collector.raw)
    assert [word for word in (endpoint.name, *endpoint.secrets) if word.encode() in raw] == []
    gone = system.charity.session.delete(
        f"{system.charity.base_url}/api/v1/webhooks/endpoints/{endpoint.id}", timeout=30
    )
    assert gone.status_code == 200


def test_a_booking_does_not_notice_that_the_collector_is_down_and_processes_end(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and never answers
        settings = {**HASTE, "TAHOON_OTLP_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        with running_system(tmp_path_factory.mktemp("silent"), settings) as system:
            booking = system.booked(system.charity, system.next_body())
            assert system.town.ended(system.charity, booking)["bookingStatus"] == CONFIRMED
            lines = system.stack.folder / "worker.log"
            wait_until(lambda: "traces_lost" in lines.read_text(), seconds=60, what="a line that tells of lost spans")
            assert lines.read_text().count("traces_lost") == 1
            assert "Traceback" not in lines.read_text()
            for name in ("worker", "api"):
                process = system.stack.processes[name]
                process.terminate()
                assert process.wait(60) is not None


ONE_REQUEST = """
import structlog, sys
from watch.traces import open_traces
structlog.contextvars.bind_contextvars(request_id="a" * 32)
traces = open_traces(sys.argv[1], service="tahoon-api")
traces.request_answered(method="GET", route="/", status=200, seconds=0.1)
"""


def test_a_process_that_ends_sends_what_waits(collector: Collector) -> None:
    subprocess.run([sys.executable, "-c", ONE_REQUEST, collector.url], check=True, timeout=60)
    (seen,) = collector.of("a" * 32)
    assert 0.09e9 < seen.ended - seen.began < 0.2e9


def test_an_attribute_that_no_log_line_may_have_is_left_out() -> None:
    assert listed({"saga": "book_session", "name": "Zaynab", "dob": "1961-07-23", "error": None}) == {
        "saga": "book_session"
    }


def test_who_is_watched_waits_for_nothing_and_a_process_that_ends_gives_up_soon() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        traces = open_traces(f"http://127.0.0.1:{silent.getsockname()[1]}", service=API)
        took = []
        for _ in range(10_000):  # more than may wait
            began = time.perf_counter()
            with traces.outside_call("create room", service="videosdk"):
                pass
            took.append(time.perf_counter() - began)
        began = time.monotonic()
        traces.close()
        to_end = time.monotonic() - began
    assert max(took) < 1.5  # a batch has two seconds
    assert to_end < 12  # what waits is eight batches


WITHOUT = """
import sys
from bootstrap import build_api, build_worker_app
build_api(), build_worker_app()
tracing = ("watch.traces", "opentelemetry.sdk.trace", "opentelemetry.exporter")
print(sorted(name for name in sys.modules if name.startswith(tracing)))
"""


def test_without_a_collector_nothing_of_tracing_is_imported(system: System) -> None:
    environment = {name: value for name, value in system.stack.environment.items() if name != "TAHOON_OTLP_ENDPOINT"}
    found = {}
    for url in (None, "http://127.0.0.1:9"):
        given = environment if url is None else {**environment, "TAHOON_OTLP_ENDPOINT": url}
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT], env=given, capture_output=True, text=True, check=True, timeout=90
        )
        found[url] = done.stdout
    assert found[None] == "[]\n"
    assert "opentelemetry.exporter" in found["http://127.0.0.1:9"]
