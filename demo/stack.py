"""The whole of Tahoon as real processes on this machine, for tests and benchmarks.

Redis, sandbox, API, workers and beat: each can be started, stopped, killed and paused by itself, and all of them end
with the stack. Output goes to files beside the databases.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import redis
import requests

from demo import commands
from demo.data import DemoPartner
from demo.partner import Partner
from demo.ports import any_free_port
from integrations.sandbox.service_account import write_sandbox_service_account

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 120  # a deadline: the machine may be busy
NEVER_LIMITED = {  # a test or benchmark asks more often than any partner; those of the limits set their own
    f"TAHOON_RATE_LIMIT{kind}": "1000000"
    for kind in ("", "_TOKEN", "_BOOKING", "_SEARCH", "_POLLING", "_REPORT", "_SIGN_IN")
}
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


class Stack:
    def __init__(self, folder: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.ports = {name: any_free_port() for name in ("redis", "sandbox", "api")}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = {
            "TAHOON_SANDBOX": "1",
            "TAHOON_PSYTER_DB_URL": f"sqlite:///{folder / 'psyter.db'}",
            "TAHOON_SCHEDULING_DB_URL": f"sqlite:///{folder / 'scheduling.db'}",
            "TAHOON_REDIS_URL": f"redis://127.0.0.1:{self.ports['redis']}/0",
            "TAHOON_VIDEOSDK_API_ENDPOINT": self.sandbox_url,
            "TAHOON_PUBLIC_URL": self.api_url,
            "TAHOON_FCM_ENDPOINT": self.sandbox_url,
            "TAHOON_FCM_SERVICE_ACCOUNT_FILE": str(folder / "service-account.json"),
            "TAHOON_LOG_LEVEL": "WARNING",
            "TAHOON_METRICS_DIR": str(folder / "metrics"),
            **NEVER_LIMITED,
            **(settings or {}),
        }
        write_sandbox_service_account(folder / "service-account.json", token_uri=f"{self.sandbox_url}/token")

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    @property
    def api_url(self) -> str:
        return self.url("api")

    @property
    def sandbox_url(self) -> str:
        return self.url("sandbox")

    # --- parts ---------------------------------------------------------------------------

    def start_redis(self) -> None:
        self.start("redis", commands.redis(self.ports["redis"], self.folder / "redis"))
        wait_until(self.is_redis_up, seconds=START_SECONDS, what="redis")

    def start_sandbox(self) -> None:
        self.start("sandbox", commands.sandbox(self.ports["sandbox"]))
        self._wait_for_http(f"{self.sandbox_url}/healthz")

    def start_api(
        self, name: str = "api", *, workers: int = 2, threads: int = 16, app: str = "api:create_app()"
    ) -> None:
        """The API, or under another name one more of it on a port of its own."""
        port = self.ports.setdefault(name, any_free_port())
        command = commands.gunicorn(app, port, workers=workers, threads=threads, worker_class=commands.API_WORKER)
        self.start(name, command)
        self._wait_for_http(f"{self.url(name)}/readyz")

    def start_worker(
        self, name: str = "worker", *, app: str = "workers.main", pool: str = "threads", concurrency: int = 8
    ) -> None:
        self.start(name, commands.worker(name, pool=pool, concurrency=concurrency, app=app))

    def start_beat(self) -> None:
        self.start("beat", commands.beat(self.folder / "beat-schedule"))

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

    # --- clients -------------------------------------------------------------------------

    def partner(self, known: DemoPartner) -> Partner:
        """A client of the API, signed in."""
        partner = Partner(self.api_url, known.access_key, known.shared_api_key)
        partner.sign_in()
        return partner

    def open_rooms(self) -> set[str]:
        rooms = requests.get(f"{self.sandbox_url}/sandbox/rooms", timeout=10).json()["rooms"]
        return {room["roomId"] for room in rooms if not room["disabled"]}

    def fault(self, **fault: Any) -> None:
        requests.post(f"{self.sandbox_url}/sandbox/faults", json=fault, timeout=10).raise_for_status()

    def mend(self, about: str = "") -> None:
        """End every fault, or those planned about one thing."""
        requests.delete(f"{self.sandbox_url}/sandbox/faults", params={"about": about}, timeout=10).raise_for_status()

    def calls_of(self, route: str) -> int:
        """How often the sandbox was called on this route."""
        calls = requests.get(f"{self.sandbox_url}/sandbox/requests", timeout=10).json()["requests"]
        return sum(call["route"] == route for call in calls)

    def nudges_waiting(self) -> int:
        with closing(redis.Redis(port=self.ports["redis"])) as client:
            return int(client.llen("sagas"))

    def flush_redis(self) -> None:
        """Lose every message there is."""
        with closing(redis.Redis(port=self.ports["redis"])) as client:
            client.flushall()

    def wait_for_worker(self) -> None:
        """Until some worker listens for nudges: Python and Celery take their seconds to start."""

        def is_listening() -> bool:
            with closing(redis.Redis(port=self.ports["redis"], socket_timeout=1)) as client:
                return any(known["cmd"] == "brpop" for known in client.client_list())

        wait_until(is_listening, seconds=START_SECONDS * 2, what="a worker that listens", every=0.1)

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
