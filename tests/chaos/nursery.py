"""Bears workers: a process that has imported everything and opened nothing forks one whenever it is told to.

Each child runs the command line of a real worker, only without a Python to start and a second of imports to wait for.
On stdin: `NAME SKEW`. On stdout: `born NAME PID` and `dead PID`.
"""

import os
import signal
import sys
from datetime import timedelta
from typing import NoReturn

import celery.apps.worker
import celery.bin.celery
import celery.bin.worker
import celery.concurrency.thread
import celery.worker.autoscale
import celery.worker.consumer.delayed_delivery
import celery.worker.strategy
import kombu.transport.redis  # noqa: F401

import bootstrap
from demo import commands
from integrations.fcm.client import FcmPushSender
from tests.chaos import worker

LAZY = ("amqp", "control", "events", "log")  # parts of an app that bring further imports, which no child need repeat


def main() -> None:
    FcmPushSender.prepare()
    worker.app.finalize()
    for part in LAZY:
        getattr(worker.app, part)
    signal.signal(signal.SIGCHLD, lambda *_: bury())
    tell("ready")
    for line in sys.stdin:
        name, skew = line.split()
        pid = os.fork()
        if pid == 0:
            live(name, skew=timedelta(seconds=float(skew)))
        tell(f"born {name} {pid}")


def live(name: str, *, skew: timedelta) -> NoReturn:
    """Be a worker of one thread, whose clock goes wrong by `skew`."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # the log; the harness listens to the nursery alone
    right = bootstrap.utc_now
    bootstrap.utc_now = lambda: right() + skew
    _python, _m, _celery, *arguments = commands.worker(name, pool="threads", concurrency=1, app=worker.__name__)
    sys.argv = ["celery", *arguments]
    status = 1
    try:
        celery.bin.celery.main()
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    finally:
        os._exit(status)


def bury() -> None:
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        tell(f"dead {pid}")


def tell(line: str) -> None:
    os.write(1, f"{line}\n".encode())  # whole, also from the signal handler


if __name__ == "__main__":
    main()
