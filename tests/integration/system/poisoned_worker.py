"""A worker whose child process dies whenever it saves an order, as a fault in a database driver would kill it."""

import os
import signal
from pathlib import Path
from typing import Any

from bootstrap import build_worker_app
from repositories.psyter_db.orders import SqlOrders


def die(*_args: Any, **_named: Any) -> None:
    with Path(os.environ["POISON_DEATHS"]).open("a") as deaths:
        deaths.write(f"{os.getpid()}\n")
    os.kill(os.getpid(), signal.SIGKILL)


SqlOrders.save_order = die  # type: ignore[assignment, method-assign]
app = build_worker_app()
app.conf.worker_pool = "prefork"  # the parent replaces the child that died
