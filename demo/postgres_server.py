"""A PostgreSQL server of this machine's own, for tests: loopback, a free port, a temporary folder."""

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from demo.ports import any_free_port

HOW_TO_GET_ONE = (
    "No PostgreSQL was found (initdb and postgres on PATH or in /usr/lib/postgresql/*/bin). "
    "Install it: apt-get install postgresql"
)
SERVANTS = ("postgres", "nobody")  # PostgreSQL refuses to run as root
START_SECONDS = 60
STOP_SECONDS = 30
# A power cut is not survived, a SIGKILL is: what was committed has been handed to the operating system.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "log_min_messages": "fatal",
}


class NoPostgresServer(Exception):
    """There is no PostgreSQL on this machine."""


def find_postgres() -> Path:
    """The folder of its binaries, the newest version first. Raises NoPostgresServer with one line on how to get one."""
    on_path = (Path(shutil.which(name) or "") for name in ("postgres", "initdb"))
    folders = [path.resolve().parent for path in on_path if path.name]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    for folder in folders:
        if (folder / "postgres").is_file() and (folder / "initdb").is_file():
            return folder
    raise NoPostgresServer(HOW_TO_GET_ONE)


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", folder.parent.name))


class PostgresServer:
    """Start, stop, kill, pause and restart it; the data stays until `close`. Raises NoPostgresServer."""

    def __init__(self) -> None:
        self.binaries = find_postgres()
        self.port = any_free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="tahoon-postgres-"))
        self._data = self.folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._servant = _servant()
        if self._servant:
            shutil.chown(self.folder, self._servant["user"], self._servant["group"])
        self._run("initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C")

    def url_for(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Its address. A copy of `template` takes a few hundredths of a second."""
        self.run_sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url_for(name)

    def drop_database(self, name: str) -> None:
        self.run_sql(f'DROP DATABASE "{name}" WITH (FORCE)')

    def run_sql(self, statement: str) -> list[Any]:
        """The rows that it answers, if any."""
        with self._connection() as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    # --- the process -----------------------------------------------------------------------

    def start(self) -> None:
        settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as output:
            self._process = subprocess.Popen(
                [self.binaries / "postgres", "-D", self._data, "-p", str(self.port), *settings],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **self._servant,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.is_up():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError(f"PostgreSQL did not start:\n{(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.02)

    def is_up(self) -> bool:
        try:
            self._connection().close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """Every connection is ended at once, what was not committed is undone."""
        self.resume()
        self._signal(signal.SIGINT)
        self._wait()

    def kill(self) -> None:
        """SIGKILL, backends included: nothing of it gets to clean up."""
        self._signal_all(signal.SIGKILL)
        self._wait()

    def restart(self) -> None:
        self.stop()
        self.start()

    def pause(self) -> None:
        """It holds its connections and answers nothing."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal_all(signal.SIGCONT)

    def close(self) -> None:
        if self._process is not None:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- how -------------------------------------------------------------------------------

    def _connection(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname="postgres", connect_timeout=5, autocommit=True
        )

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self.binaries / program, "-D", self._data, *arguments],
            capture_output=True,
            text=True,
            cwd=self.folder,
            **self._servant,
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{done.stderr}")

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _signal_all(self, number: signal.Signals) -> None:
        """To its backends too: each is a session of its own, so that no group holds them all."""
        backends = self._backends()
        self._signal(number)
        for pid in backends | self._backends():  # no more are born once the server has the signal
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _backends(self) -> set[int]:
        if self._process is None:
            return set()
        pid = self._process.pid
        with suppress(FileNotFoundError):
            return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
        return set()

    def _wait(self) -> None:
        if self._process is None:
            return
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._signal_all(signal.SIGKILL)
            self._process.wait()
        self._process = None


def _servant() -> Mapping[str, Any]:
    """Who runs the server when we are root."""
    if os.getuid() != 0:
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    chosen = next(known[name] for name in SERVANTS if name in known)
    return {"user": chosen.pw_uid, "group": chosen.pw_gid, "extra_groups": []}
