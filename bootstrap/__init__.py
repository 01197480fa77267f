"""Puts everything together: the only package that knows every class.

The two processes, and what they are made of:

    api.py              the API, with operators.py: its console and commands
    worker.py           a worker, and beat
    sagas.py            the sagas, and who plays which part in them
    notices.py          pushes, reminders, and what is reported of meetings
    webhooks.py         webhooks, from the event to its delivery
    upkeep.py           comparing, copying, purging, sealing
    outside_services.py VideoSDK and FCM, and how they are asked
    databases.py        both databases; watching.py: metrics and traces; settings.py; once.py

Time, ids and chance are named here, and the modules ask for them here whenever they build something: who gives this
package others, as the crash matrix does, gives them to whatever is built from then on.
"""

import secrets
import uuid
from datetime import UTC, datetime
from random import random

from bootstrap.api import api_services, build_api
from bootstrap.databases import Databases
from bootstrap.outside_services import build_rooms, outside_services
from bootstrap.sagas import build_sagas
from bootstrap.settings import settings_or_exit
from bootstrap.upkeep import build_reconcile
from bootstrap.webhooks import webhook_rules
from bootstrap.worker import build_runner, build_worker_app
from logs import start_logging

__all__ = [
    "Databases",
    "api_services",
    "build_api",
    "build_reconcile",
    "build_rooms",
    "build_runner",
    "build_sagas",
    "build_worker_app",
    "new_saga_id",
    "new_token",
    "outside_services",
    "random",
    "settings_or_exit",
    "start_logging",
    "utc_now",
    "webhook_rules",
]


def utc_now() -> datetime:
    return datetime.now(UTC)


def new_saga_id() -> str:
    return uuid.uuid4().hex


def new_token() -> str:
    return secrets.token_hex(16)
