"""The command line of each process: the same for `make run`, the tests and the benchmark."""

import sys
from pathlib import Path

from demo.redis_server import find_redis_server

LOOPBACK = "127.0.0.1"


def redis(port: int, folder: Path) -> list[str]:
    """Append-only and never evicting, as production's must be. Raises NoRedisServer."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        *(str(find_redis_server()), "--bind", LOOPBACK, "--port", str(port), "--dir", str(folder)),
        *("--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction"),
        *("--loglevel", "warning", "--logfile", "redis.log"),
    ]


API_WORKER = "api.gunicorn_worker.ApiWorker"


def gunicorn(app: str, port: int, *, workers: int, threads: int, worker_class: str = "gthread") -> list[str]:
    return [
        *(sys.executable, "-m", "gunicorn", app, "--bind", f"{LOOPBACK}:{port}", "--worker-class", worker_class),
        *("--workers", str(workers), "--threads", str(threads), "--log-level", "warning"),
        *("--keep-alive", "75", "--graceful-timeout", "5", "--backlog", "2048", "--worker-tmp-dir", shared_memory()),
        "--no-control-socket",  # in the home directory, and several of them would share one
    ]


def sandbox(port: int) -> list[str]:
    return gunicorn("integrations.sandbox.app:create_sandbox()", port, workers=1, threads=64)


def api(port: int, *, workers: int, threads: int) -> list[str]:
    return gunicorn("api:create_app()", port, workers=workers, threads=threads, worker_class=API_WORKER)


def worker(name: str, *, pool: str, concurrency: int, app: str = "workers.main") -> list[str]:
    return [
        *_celery(app, "worker", "--hostname", f"{name}@%h", "--pool", pool, "--concurrency", str(concurrency)),
        *("--without-gossip", "--without-mingle", "--task-events", "--loglevel", "WARNING"),
    ]


def beat(schedule: Path) -> list[str]:
    return _celery("workers.main", "beat", "--schedule", str(schedule), "--loglevel", "WARNING", "--pidfile", "")


def flower(port: int) -> list[str]:
    return [sys.executable, "-m", "workers.flower", "--address", LOOPBACK, "--port", str(port)]


def shared_memory() -> str:
    """Where gunicorn's workers show that they live: memory, so that a slow disk kills none of them."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else "/tmp"  # noqa: S108


def _celery(app: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "celery", "--quiet", "-A", app, *arguments]
