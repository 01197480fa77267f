"""Who watches a process: its metrics and its traces."""

from functools import cache
from pathlib import Path

from structlog import get_logger

from config import Settings
from watch.directory import DirectoryUnusable, default_directory
from watch.metrics import Metrics, open_metrics
from watch.process import ProcessWatch
from watch.scrape import Counted, Scrape
from watch.server import serve_metrics

log = get_logger()


@cache
def watch_of(settings: Settings) -> ProcessWatch:
    """The watch of this process, the same whoever asks. Metrics that cannot be kept stop nothing else."""
    return ProcessWatch(metrics_of(settings))


def metrics_of(settings: Settings) -> Metrics | None:
    if settings.metrics_token is None:
        return None
    try:
        return open_metrics(metrics_directory(settings))
    except DirectoryUnusable as error:
        log.error("metrics_unusable", error=type(error).__name__, directory=str(metrics_directory(settings)))
        return None


def metrics_directory(settings: Settings) -> Path:
    return settings.metrics_dir or default_directory(settings.scheduling_db_url)


def trace(settings: Settings, *, service: str) -> None:
    """Begin to trace what this process does, if a collector is named; without one, nothing of it is imported."""
    if settings.otlp_endpoint is not None:
        from watch.traces import open_traces

        watch_of(settings).traces = open_traces(settings.otlp_endpoint, service=service)


def serve_worker_metrics(settings: Settings) -> None:
    if settings.metrics_port is not None and settings.metrics_token is not None:
        scrape = Scrape(Counted(metrics_directory(settings)))
        serve_metrics(scrape, port=settings.metrics_port, token=settings.metrics_token)
