"""`make run`: all of Tahoon on this machine, with demo data, a booked session, and then ready for yours.

`make demo` (`--once`) does it in a temporary folder and ends with 0 only if that session is where it should be.
What the settings name elsewhere (TAHOON_REDIS_URL, a database, the real VideoSDK and FCM) is used and not started.
"""

import argparse
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from dotenv import dotenv_values
from honcho.manager import Manager
from honcho.printer import Printer

from api.ops.sessions import hashed
from api.security.sealing import Sealer
from config import Settings, SettingsWrong, read_settings
from demo import commands
from demo.data import DemoData, fill
from demo.ports import free_port_from
from demo.redis_server import NoRedisServer
from demo.stack import NotInTime
from demo.story import Story
from demo.town import Town
from integrations.sandbox.service_account import write_sandbox_service_account
from integrations.sandbox.videosdk import API_KEY, SECRET_KEY
from repositories.database import Database
from repositories.entities.operators import AccountAudit
from repositories.enums import OperatorRole
from repositories.migrations import upgrade
from repositories.ports.errors import DriverMissing
from repositories.psyter_db.operators import SqlOperatorAccounts

DEFAULT_PORTS = {"api": 8000, "flower": 5555, "sandbox": 8090, "redis": 6399}
API_WORKERS = 2
OPERATOR, OPERATOR_PASSWORD = "demo", "demo-operator-7"  # of the console


@dataclass
class Plan:
    """Which processes run, where, and with which settings."""

    folder: Path
    environment: dict[str, str]
    ports: dict[str, int] = field(default_factory=dict)
    runs_redis: bool = True
    runs_sandbox: bool = True

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"


def plan_in(folder: Path, given: dict[str, str]) -> Plan:
    """The embedded default, except for what the settings name."""
    plan = Plan(folder, {"TAHOON_SANDBOX": "1", **given})
    plan.runs_redis = "TAHOON_REDIS_URL" not in given
    plan.runs_sandbox = not {"TAHOON_VIDEOSDK_API_ENDPOINT", "TAHOON_FCM_ENDPOINT"} & given.keys()
    for name, wanted in DEFAULT_PORTS.items():
        plan.ports[name] = free_port_from(wanted, taken=frozenset(plan.ports.values()))
    own = {
        "TAHOON_PSYTER_DB_URL": f"sqlite:///{folder / 'psyter.db'}",
        "TAHOON_SCHEDULING_DB_URL": f"sqlite:///{folder / 'scheduling.db'}",
        "TAHOON_REDIS_URL": f"redis://127.0.0.1:{plan.ports['redis']}/0",
        "TAHOON_LOG_LEVEL": "WARNING",
    }
    if plan.runs_sandbox:
        own |= {
            "TAHOON_VIDEOSDK_API_ENDPOINT": plan.url("sandbox"),
            "TAHOON_FCM_ENDPOINT": plan.url("sandbox"),
            "TAHOON_PUBLIC_URL": plan.url("api"),
            "TAHOON_FCM_SERVICE_ACCOUNT_FILE": str(folder / "sandbox-service-account.json"),
        }
    plan.environment = own | plan.environment
    return plan


def prepare(plan: Plan, settings: Settings) -> DemoData | None:
    """Migrate; in the sandbox also fill with demo data."""
    upgrade(settings.psyter_db_url, tree="psyter_db")
    upgrade(settings.scheduling_db_url, tree="scheduling_db")
    if not settings.sandbox:
        return None
    if plan.runs_sandbox:
        write_sandbox_service_account(settings.fcm_service_account_file, token_uri=f"{plan.url('sandbox')}/token")
    town = Town(plan.environment)
    try:
        let_in_demo_operator(town.psyter)
        return fill(
            town.psyter,
            town.scheduling,
            seed=7,
            providers=20,
            days=30,
            today=datetime.now(UTC).date(),
            seal=Sealer(settings.seal_key).seal,
            videosdk={"VIDEOSDK_API_KEY": API_KEY, "VIDEOSDK_SECRET_KEY": SECRET_KEY},
        )
    finally:
        town.close()


def let_in_demo_operator(psyter: Database) -> None:
    """Somebody who may use the console; as it was, if it is there."""
    accounts = SqlOperatorAccounts(psyter)
    if accounts.find_account(OPERATOR) is None:
        entry = AccountAudit(action="add", by="make run", why="the demo's operator", at=datetime.now(UTC))
        accounts.add_account(OPERATOR, password_hash=hashed(OPERATOR_PASSWORD), role=OperatorRole.OPERATOR, entry=entry)


def processes(plan: Plan, settings: Settings) -> dict[str, list[str]]:
    """What starts and ends together."""
    own: dict[str, list[str]] = {}
    if plan.runs_sandbox:
        own["sandbox"] = commands.sandbox(plan.ports["sandbox"])
    own["api"] = commands.api(plan.ports["api"], workers=API_WORKERS, threads=settings.api_threads)
    own["worker"] = commands.worker("worker", pool="threads", concurrency=settings.worker_threads)
    own["beat"] = commands.beat(plan.folder / "beat-schedule")
    own["flower"] = commands.flower(plan.ports["flower"])
    return own


@contextmanager
def redis_around(plan: Plan) -> Iterator[None]:
    """Redis starts before the others and ends after them: none of them meets a closed door. Raises NoRedisServer."""
    if not plan.runs_redis:
        yield
        return
    command = commands.redis(plan.ports["redis"], plan.folder / "redis")
    server = subprocess.Popen(command, start_new_session=True)  # Ctrl-C in a terminal is not meant for it
    try:
        yield
    finally:
        server.terminate()
        server.wait()


# --- telling -----------------------------------------------------------------------------


def say(line: str = "") -> None:
    print(line, flush=True)


def banner(plan: Plan, settings: Settings, data: DemoData | None) -> None:
    say()
    say(f"  API       {plan.url('api')}/api/v1   (health: /readyz)")
    say(f"  Flower    {plan.url('flower')}{settings.flower_path}")
    if settings.sandbox:
        say(f"            viewer, password {settings.flower_viewer_password}")
        say(f"            operator, password {settings.flower_operator_password}")
    if data is not None:
        say(f"  Console   {plan.url('api')}/ops/   (operator {OPERATOR}, password {OPERATOR_PASSWORD})")
    if plan.runs_sandbox:
        say(f"  Sandbox   {plan.url('sandbox')}/sandbox/rooms, /sandbox/pushes, /sandbox/faults")
    if data is not None:
        say(f"  Partner   {data.charity.name}")
        say(f"            access key {data.charity.access_key}, SharedAPIKey {data.charity.shared_api_key}")
        say(f"            {data.care_providers} care providers, {data.slots:,} slots")
    say()


def tell(plan: Plan, settings: Settings, data: DemoData | None, *, once: bool) -> bool:
    """Wait for the start, show the addresses, book one session; whether all of it is where it should be."""
    town = Town(plan.environment)
    try:
        if data is None:
            banner(plan, settings, data)
            return True
        story = Story(town, data, plan.url("api"), plan.url("sandbox") if plan.runs_sandbox else None, say)
        story.wait_for_the_api()
        banner(plan, settings, data)
        status = story.book_one_session()
        found = list(story.check(status)) if once else []
        for what, is_so in found:
            say(f"  {'yes' if is_so else 'NO '}  {what}")
        if not once:
            say("\nA slot for the README's curl:")
            for line in story.example():
                say(f"  {line}")
            say("\nReady. Ctrl-C ends everything.")
        return all(is_so for _, is_so in found)
    finally:
        town.close()


def run(plan: Plan, settings: Settings, *, once: bool) -> int:
    manager = Manager(Printer(sys.stdout))
    manager._system_print = lambda _line: None  # honcho's own notes; each child's output is still shown
    own = processes(plan, settings)
    data = prepare(plan, settings)
    for name, command in own.items():
        environment = {**os.environ, **plan.environment, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "ignore"}
        manager.add_process(name, f"exec {shlex.join(command)}", env=environment)
    verdict: list[bool] = []

    def story() -> None:
        try:
            verdict.append(tell(plan, settings, data, once=once))
        except (NotInTime, OSError, KeyError) as error:
            say(f"The demo booking failed: {type(error).__name__}: {error}")
        if once or not verdict:
            os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    with redis_around(plan):
        in_background(story)
        manager.loop()
    is_well = verdict == [True] if once else manager.returncode in {0, 130, 143}
    return 0 if is_well else 1


def in_background(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True).start()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="book one session in a temporary folder, check it, end")
    parser.add_argument("--folder", type=Path, default=Path("var"), help="where the embedded databases are kept")
    wanted = parser.parse_args()
    dotenv = {} if wanted.once else {k: v for k, v in dotenv_values(".env").items() if v is not None}
    given = {k: v for k, v in {**dotenv, **os.environ}.items() if k.startswith("TAHOON_")}
    with tempfile.TemporaryDirectory() if wanted.once else nullcontext(str(wanted.folder)) as folder:
        path = Path(folder).resolve()
        path.mkdir(parents=True, exist_ok=True)
        plan = plan_in(path, given)
        try:
            return run(plan, read_settings(plan.environment), once=wanted.once)
        except (SettingsWrong, NoRedisServer, DriverMissing) as error:
            say(str(error))
            return 2


if __name__ == "__main__":
    sys.exit(main())
