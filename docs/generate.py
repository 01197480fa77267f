"""Writes the pages of docs/reference that come from code: `python -m docs.generate` (tests/house compares them)."""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields as participants
from pathlib import Path
from typing import Any, cast

from marshmallow import fields, missing

from api.app import create_app
from api.openapi import document
from config import PREFIX, SANDBOX_DEFAULTS, SECRETS, SettingsSchema
from integrations.fcm.notifications import MAX_BYTES, TEMPLATES
from integrations.ports import NotificationType, told_by
from saga.book_session import BookSession
from saga.cancel_booking import CancelBooking
from saga.definition import ALWAYS, InJournal, Saga, Step, nothing
from saga.notify import SENT_BY_FLOWS
from saga.reschedule_booking import RescheduleBooking
from saga.withdraw_group import WithdrawGroup

FOLDER = Path(__file__).parent / "reference"


def saga_page(saga: Saga) -> str:
    lines = [
        f"# The steps of {saga.name}",
        "",
        f"Generated from `saga/{saga.name}.py` by `python -m docs.generate`.",
        "",
        "| # | step | kind | asks | undone by | stops on | tries | commits with the journal |",
        "|---|---|---|---|---|---|---|---|",
        *(step_line(number, step) for number, step in enumerate(saga.table, start=1)),
        "",
        "*Stops on* are the errors that mean no: the saga turns back at once. Anything else means that we do not know: the step",
        "is tried again after a jittered wait, so many times in all. A saga that turns back undoes the last step first, and the",
        "failed one too, unless it surely did not happen. A best-effort step never holds the booking up: when its tries are used",
        "up, the saga is done without it.",
        "",
        "A step that *asks* an outside service waits in its line while the service is not to be asked, at the cost of no try:",
        "[Outages](../how-to/outages.md).",
        "",
    ]
    return "\n".join(lines)


def step_line(number: int, step: Step) -> str:
    undo = "-" if step.undo is nothing else f"`{name_of(step.undo)}`"
    stops = ", ".join(error.__name__ for error in step.stops_on) or "-"
    tries = "until it succeeds" if step.retry.limit >= ALWAYS.limit else str(step.retry.limit + 1)
    kind = f"{step.kind}, best effort" if step.is_best_effort else str(step.kind)
    in_journal = "yes" if isinstance(step.action, InJournal) else "no"
    asks = step.asks or "-"
    return f"| {number} | `{step.name}` | {kind} | {asks} | {undo} | {stops} | {tries} | {in_journal} |"


def name_of(work: Any) -> str:
    return str((work.effect if isinstance(work, InJournal) else work).__name__)


def settings_page() -> str:
    lines = [
        "# Settings",
        "",
        "Generated from `config/schema.py` by `python -m docs.generate`. Each is an environment variable or a line of `.env`; the",
        "environment wins. Durations are in seconds. *Sandbox* is the value that `TAHOON_SANDBOX=true` fills in where none is given;",
        "its keys are refused outside it. `<setting>_FILE` names a file that holds the setting instead.",
        "",
        "| setting | what it is | default | sandbox |",
        "|---|---|---|---|",
        *(setting_line(name, field) for name, field in SettingsSchema().fields.items()),
        "",
    ]
    return "\n".join(lines)


def setting_line(name: str, field: fields.Field[Any]) -> str:
    default = "**required**" if field.required else shown(field.load_default)
    sandbox = "its own" if name in SECRETS else shown(SANDBOX_DEFAULTS.get(name, missing))
    return f"| `{PREFIX}{name.upper()}` | {field.metadata['help']} | {default} | {sandbox} |"


def shown(value: Any) -> str:
    if value is missing or value in (None, ()):
        return ""
    return f"`{value.total_seconds():.10g}`" if hasattr(value, "total_seconds") else f"`{value}`"


def sagas() -> tuple[Saga, ...]:
    """Every saga, for its table only: its participants are not there."""
    nobody = cast(Any, None)
    return tuple(
        kind(*[nobody] * len(participants(kind)))
        for kind in (BookSession, CancelBooking, RescheduleBooking, WithdrawGroup)
    )


def openapi() -> str:
    app = create_app(cast(Any, None))  # its routes only: nothing is asked of its services
    return json.dumps(document(app), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def notifications_page() -> str:
    lines = [
        "# Types of notifications",
        "",
        "Generated from `integrations/fcm/notifications.py` by `python -m docs.generate`. A push goes to the topics",
        "`android_doctor_{id}~` (data only) and `ios_doctor_{id}~` (shown, and data) of a care provider. Its data are `notificationType`,",
        "`titleEn`, `bodyEn`, `titleAr`, `bodyAr`; of a booking also `bookingId`, `meetingId`, `bookingDateTimeLocal`, `bookingDateTimeUtc`,",
        "`timeZone` and `gmtOffset` (the care provider's); of a day `expiresOn`. Together they are at most "
        f"{MAX_BYTES} bytes of UTF-8, keys",
        "and values; a client's name (`clientName`) is cut to what is left, and nothing else is.",
        "",
        "| number | type | tells of | sent by | English | Arabic |",
        "|---|---|---|---|---|---|",
        *(notification_line(kind) for kind in NotificationType),
        "",
    ]
    return "\n".join(lines)


def notification_line(kind: NotificationType) -> str:
    template = TEMPLATES[kind]
    tells = told_by(kind).value + (", names the client" if template.names_client else "")
    by = "the flow that causes it" if kind in SENT_BY_FLOWS else "`push send`"
    english, arabic = f"{template.title_en}: {template.body_en}", f"{template.title_ar}: {template.body_ar}"
    return f"| {int(kind)} | {kind.known_as} | {tells} | {by} | {english} | {arabic} |"


def pages() -> Mapping[str, Callable[[], str]]:
    of_sagas = {f"{saga.name}.md": lambda saga=saga: saga_page(saga) for saga in sagas()}
    return {**of_sagas, "settings.md": settings_page, "notifications.md": notifications_page, "openapi.json": openapi}


def main() -> None:
    for name, page in pages().items():
        (FOLDER / name).write_text(page())


if __name__ == "__main__":
    main()
