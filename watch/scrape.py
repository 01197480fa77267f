"""What /metrics answers: what all processes of this machine counted, and how the databases and the broker stand now."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from repositories.entities.services import ServiceState
from repositories.entities.vital_signs import Backlog, VitalSigns
from repositories.enums import Service, Trouble
from repositories.ports.errors import StoreUnavailable
from repositories.ports.vital_signs import ReadsDeeds, ReadsVitalSigns
from watch.directory import alone_in, files_of, put_dead_away

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
TROUBLES = ("paused", *Trouble)


class Counted(Collector):
    """The sums over all processes, dead ones included."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def collect(self) -> Iterator[Metric]:
        with alone_in(self._directory):
            put_dead_away(self._directory)
            files = [str(path) for path in files_of(self._directory)]
            yield from MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]


@dataclass(frozen=True, kw_only=True)
class Standing(Collector):
    """How the system stands, asked when somebody scrapes: every API process would answer the same."""

    vital_signs: ReadsVitalSigns
    deeds: ReadsDeeds  # of PsyterDatabase
    places_free: Callable[[str], int]
    queues: Callable[[], Mapping[str, int]]  # messages in each; without those that the broker does not tell of
    clock: Callable[[], datetime]

    def collect(self) -> Iterator[Metric]:
        now, up = self.clock(), {"psyter": 1.0, "scheduling": 1.0}
        try:
            signs = self.vital_signs(now=now)
            yield from _of_signs(signs, now)
            yield from _of_services(signs, self.places_free)
        except StoreUnavailable:
            up["scheduling"] = 0.0
        waiting = {} if up["scheduling"] == 0 else {"scheduling": signs.deeds}
        try:
            waiting["psyter"] = self.deeds()
        except StoreUnavailable:
            up["psyter"] = 0.0
        yield from _backlogs("tahoon_audit", "Deeds that are not in the audit log yet", "database", waiting, now)
        yield _gauge("tahoon_database_up", "Whether the database answered this scrape.", "database", up)
        yield _gauge("tahoon_queue_messages", "Messages that wait for a worker.", "queue", self.queues())


def _of_signs(signs: VitalSigns, now: datetime) -> Iterator[Metric]:
    sagas = {status.value: number for status, number in signs.sagas.items()}
    yield _gauge("tahoon_sagas", "Sagas that have not ended; 10000: or more.", "status", sagas)
    work = {
        "sagas": signs.due,
        "bookings": signs.pending,
        "events": signs.events,
        "webhooks": signs.webhooks,
        "pushes": signs.pushes,
    }
    yield from _backlogs(
        "tahoon_backlog",
        "Sagas that are due, bookings that are pending, events not announced, endpoints with webhooks and pushes due",
        "of",
        work,
        now,
    )
    reports = {status.value: number for status, number in signs.reports.items()}
    yield _gauge("tahoon_meeting_reports", "VideoSDK's webhooks that are not worked through.", "status", reports)


def _of_services(signs: VitalSigns, places_free: Callable[[str], int]) -> Iterator[Metric]:
    in_line = {service.value: number for service, number in signs.in_line.items()}
    yield _gauge("tahoon_sagas_in_line", "Sagas that wait for an outside service.", "service", in_line)
    free = {service.value: places_free(service) for service in Service}
    yield _gauge("tahoon_places_free", "Calls that may begin now.", "service", free)
    failures = {service.value: state.failures for service, state in signs.services.items()}
    yield _gauge("tahoon_breaker_failures", "Failures in a row.", "service", failures)
    breakers = GaugeMetricFamily(
        "tahoon_breaker_open", "1: the service is not asked, for this trouble.", labels=["service", "trouble"]
    )
    for service, state in signs.services.items():
        for trouble in TROUBLES:
            breakers.add_metric([service.value, trouble], float(_has(state, trouble)))
    yield breakers


def _has(state: ServiceState, trouble: str) -> bool:
    return state.paused_at is not None if trouble == "paused" else state.trouble == trouble


def _backlogs(name: str, text: str, label: str, waiting: Mapping[str, Backlog], now: datetime) -> Iterator[Metric]:
    numbers = {of: backlog.number for of, backlog in waiting.items()}
    yield _gauge(f"{name}_waiting", f"{text}; 10000: or more.", label, numbers)
    ages = {of: _age(backlog.since, now) for of, backlog in waiting.items()}
    yield _gauge(f"{name}_oldest_seconds", f"{text}: how long the oldest has waited.", label, ages)


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())


def _gauge(name: str, text: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(name, text, labels=[label])
    for value, number in values.items():
        gauge.add_metric([value], number)
    return gauge


class Scrape:
    """The text of one scrape."""

    def __init__(self, *collectors: Collector) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        for collector in collectors:
            self._registry.register(collector)

    def __call__(self) -> bytes:
        return generate_latest(self._registry)
