"""`make run` and `make demo` as a newcomer meets them."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest
import requests

from demo.run import DEFAULT_PORTS
from demo.stack import wait_until

ROOT = Path(__file__).resolve().parents[2]
STEPS = ["check_slot", "schedule_booking", "save_order", "create_meeting", "confirm_booking", "notify_provider"]


def environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TAHOON_")}
    return {**kept, **changes}


@contextmanager
def started(folder: Path, *arguments: str, **settings: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """demo.run in the background, with its output in a file; nothing of it survives the block."""
    output = folder / "output.txt"
    command = [sys.executable, "-m", "demo.run", *arguments]
    with output.open("w") as file:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(**settings), stdout=file, stderr=subprocess.STDOUT, text=True
        )
    try:
        yield process, output
    finally:
        for child in [*family(process.pid), psutil.Process(process.pid)] if psutil.pid_exists(process.pid) else []:
            child.kill()
        process.wait()


def family(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def test_make_demo_books_a_session_and_finds_it_everywhere() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "demo.run", "--once"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = re.findall(r"^  (\w+) +done +[\d.]+ ms$", ended.stdout, re.MULTILINE)
    assert told == STEPS
    assert ended.stdout.count("  yes  ") == 5
    assert "NO " not in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_make_run_serves_until_it_is_told_to_end_and_leaves_no_process(tmp_path: Path, how: signal.Signals) -> None:
    with started(tmp_path, "--folder", str(tmp_path / "var")) as (process, output):
        wait_until(lambda: "Ready." in output.read_text(), seconds=60, what="make run")
        found = re.search(r"API +(http://127\.0\.0\.1:\d+)", output.read_text())
        assert found is not None
        assert requests.get(f"{found[1]}/readyz", timeout=5).json()["status"] == "ready"
        children = family(process.pid)
        names = " ".join(" ".join(child.cmdline()) for child in children)
        for part in ("redis-server", "integrations.sandbox", "api:create_app", "worker", "beat", "workers.flower"):
            assert part in names
        process.send_signal(how)
        process.wait(30)
        gone, alive = psutil.wait_procs(children, timeout=5)
        assert not alive
        assert len(gone) == len(children)


def test_a_second_run_keeps_the_first_ones_bookings_and_books_another_slot(tmp_path: Path) -> None:
    meetings = []
    for _ in range(2):
        with started(tmp_path, "--folder", str(tmp_path / "var")) as (process, output):
            wait_until(lambda: "Ready." in output.read_text(), seconds=60, what="make run")
            meetings += re.findall(r"^Confirmed +meeting (\S+)$", output.read_text(), re.MULTILINE)
            process.send_signal(signal.SIGTERM)
            process.wait(30)
    assert len(set(meetings)) == 2


def test_a_taken_port_is_stepped_over(tmp_path: Path) -> None:
    with closing(socket.socket()) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", DEFAULT_PORTS["flower"]))
        taken.listen()
        with started(tmp_path, "--folder", str(tmp_path / "var")) as (_process, output):
            wait_until(lambda: "Ready." in output.read_text(), seconds=60, what="make run")
            found = re.search(r"Flower +http://127\.0\.0\.1:(\d+)", output.read_text())
            assert found is not None
            assert int(found[1]) > DEFAULT_PORTS["flower"]


def test_missing_settings_are_named_and_nothing_starts() -> None:
    started_at = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-m", "demo.run", "--once"],
        cwd=ROOT,
        env=environment(TAHOON_SANDBOX="0"),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 2
    for name in ("ID_KEY", "JWT_KEY", "SEAL_KEY"):
        assert f"TAHOON_{name}:" in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr
    assert time.monotonic() - started_at < 20
