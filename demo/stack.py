"""The whole of Tahoon as real processes on this machine, for tests and benchmarks.

Redis, sandbox, API, workers and beat: each can be started, stopped, killed and paused by itself, and all of them end
with the stack. Output goes to files beside the databases.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import redis
import requests

from demo.redis_server import find_redis_server
from integrations.sandbox.service_account import write_sandbox_service_account

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 30
STOP_SECONDS = 20


class NotInTime(Exception):
    """What was waited for did not happen before its deadline."""


def wait_until(condition: Callable[[], T | None], *, seconds: float, what: str, every: float = 0.02) -> T:
    """The first truthy answer of `condition`. Raises NotInTime."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise NotInTime(f"{what}: not within {seconds:g} s")
        time.sleep(every)
    return answer


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Stack:
    def __init__(self, folder: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.ports = {name: free_port() for name in ("redis", "sandbox", "api")}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = {
            "TAHOON_SANDBOX": "1",
            "TAHOON_PSYTER_DB_URL": f"sqlite:///{folder / 'psyter.db'}",
            "TAHOON_SCHEDULING_DB_URL": f"sqlite:///{folder / 'scheduling.db'}",
            "TAHOON_REDIS_URL": f"redis://127.0.0.1:{self.ports['redis']}/0",
            "TAHOON_VIDEOSDK_API_ENDPOINT": self.sandbox_url,
            "TAHOON_FCM_ENDPOINT": self.sandbox_url,
            "TAHOON_FCM_SERVICE_ACCOUNT_FILE": str(folder / "service-account.json"),
            "TAHOON_LOG_LEVEL": "WARNING",
            **(settings or {}),
        }
        write_sandbox_service_account(folder / "service-account.json", token_uri=f"{self.sandbox_url}/token")

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['api']}"

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['sandbox']}"

    # --- parts ---------------------------------------------------------------------------

    def start_redis(self) -> None:
        (self.folder / "redis").mkdir(exist_ok=True)
        self.start(
            "redis",
            [
                str(find_redis_server()),
                *("--bind", "127.0.0.1", "--port", str(self.ports["redis"]), "--dir", str(self.folder / "redis")),
                *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
                *("--maxmemory-policy", "noeviction"),
            ],
        )
        wait_until(self.is_redis_up, seconds=START_SECONDS, what="redis")

    def start_sandbox(self) -> None:
        self.start("sandbox", self._gunicorn("integrations.sandbox.app:create_sandbox()", "sandbox", threads=64))
        self._wait_for_http(f"{self.sandbox_url}/healthz")

    def start_api(self, *, workers: int = 2, threads: int = 16, app: str = "api:create_app()") -> None:
        self.start("api", self._gunicorn(app, "api", threads=threads, workers=workers))
        self._wait_for_http(f"{self.api_url}/readyz")

    def start_worker(
        self, name: str = "worker", *, app: str = "workers.main", pool: str = "threads", concurrency: int = 8
    ) -> None:
        self.start(
            name,
            [
                *self._celery(
                    app, "worker", "--hostname", f"{name}@%h", "--pool", pool, "--concurrency", str(concurrency)
                ),
                *("--without-gossip", "--without-mingle", "-E", "--loglevel", "WARNING"),
            ],
        )

    def start_beat(self) -> None:
        schedule = str(self.folder / "beat-schedule")
        self.start(
            "beat",
            self._celery("workers.main", "beat", "--schedule", schedule, "--loglevel", "WARNING", "--pidfile", ""),
        )

    def start_all(self) -> None:
        self.start_redis()
        self.start_sandbox()
        self.start_api()
        self.start_worker()
        self.start_beat()

    # --- processes -----------------------------------------------------------------------

    def start(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as output:
            self.processes[name] = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a signal to one part reaches its own children and nobody else
            )

    def signal(self, name: str, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.processes[name].pid, number)

    def kill(self, name: str) -> None:
        """SIGKILL, children included: nothing of it gets to clean up."""
        self.signal(name, signal.SIGKILL)
        self.processes.pop(name).wait()

    def pause(self, name: str) -> None:
        self.signal(name, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        self.signal(name, signal.SIGCONT)

    def stop(self, name: str) -> None:
        self.resume(name)
        self.processes[name].terminate()
        try:
            self.processes[name].wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.signal(name, signal.SIGKILL)
        self.signal(name, signal.SIGKILL)
        self.processes.pop(name).wait()

    def stop_all(self) -> None:
        for name in reversed(list(self.processes)):
            self.stop(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_all()

    # --- conditions ----------------------------------------------------------------------

    def is_redis_up(self) -> bool:
        with closing(redis.Redis(port=self.ports["redis"], socket_timeout=1)) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

    def _wait_for_http(self, url: str) -> None:
        def is_up() -> bool:
            try:
                return requests.get(url, timeout=2).ok
            except requests.RequestException:
                return False

        wait_until(is_up, seconds=START_SECONDS, what=url)

    def _gunicorn(self, app: str, port: str, *, threads: int, workers: int = 1) -> list[str]:
        return [
            *(sys.executable, "-m", "gunicorn", app, "--bind", f"127.0.0.1:{self.ports[port]}"),
            *("--worker-class", "gthread", "--workers", str(workers), "--threads", str(threads)),
            *("--log-level", "warning", "--keep-alive", "75", "--graceful-timeout", "5", "--backlog", "2048"),
        ]

    def _celery(self, app: str, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "celery", "-A", app, *arguments]
