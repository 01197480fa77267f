"""The journal's row and the entity it stands for."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, RowMapping

from repositories.acting import acting
from repositories.entities.sagas import Attempt, InLine, SagaState
from repositories.enums import Attempted, OutcomeWord, Reason, SagaStatus, Service

MICROSECOND = timedelta(microseconds=1)
NO_TIME = timedelta()
AS_JSON = ("input", "owed", "receipts")
ITSELF = (
    "id", "name", "booking_id", "step", "failures", "claims", "due_at", "deadline_at", "expires_at",
    "withdrawn_at", "failed_step", "error", "request_id", "created_at", "version", "lease_token",
)  # fmt: skip


def row_of(state: SagaState, now: datetime) -> dict[str, Any]:
    """The values of every column but the sweep's mark."""
    return {
        **{name: getattr(state, name) for name in ITSELF},
        **{name: _json(getattr(state, name)) for name in AS_JSON},
        "status": state.status.value,
        "reason": state.reason,
        "updated_at": now,
        **_line_columns(state.in_line),
    }


def _line_columns(place: InLine | None) -> dict[str, Any]:
    if place is None:
        return {"waits_for": None, "waits_since": None, "stood_still_us": None}
    return {
        "waits_for": place.service.value,
        "waits_since": place.since,
        "stood_still_us": place.stood_still // MICROSECOND,
    }


def _in_line(kept: RowMapping) -> InLine | None:
    if kept["waits_for"] is None:
        return None
    return InLine(
        service=Service(kept["waits_for"]),
        since=kept["waits_since"],
        stood_still=kept["stood_still_us"] * MICROSECOND,
    )


def first_row(state: SagaState, now: datetime, *, nudged_until: datetime) -> dict[str, Any]:
    """The row of a saga that starts now, for whoever acts."""
    act = acting()
    request_id = act.request_id if act is not None else state.request_id
    return {**row_of(state, now), "request_id": request_id, "nudged_until": nudged_until}


def state_of(row: Row[Any]) -> SagaState:
    kept = row._mapping
    return SagaState(
        **{name: kept[name] for name in ITSELF},
        input=json.loads(kept["input"]),
        owed=tuple(json.loads(kept["owed"])),
        receipts=json.loads(kept["receipts"]),
        status=SagaStatus(kept["status"]),
        reason=None if kept["reason"] is None else Reason(kept["reason"]),
        in_line=_in_line(kept),
    )


def attempt_row(state: SagaState, attempt: Attempt, *, so_far: timedelta) -> dict[str, Any]:
    """The line; `so_far` is what an attempt took that commits together with it."""
    return {
        "saga_id": state.id,
        "booking_id": state.booking_id,
        "step": attempt.step,
        "kind": attempt.kind.value,
        "number": attempt.number,
        "outcome": attempt.outcome.value,
        "error": attempt.error,
        "started_at": attempt.started_at,
        "duration_us": (so_far if attempt.duration is None else attempt.duration) // MICROSECOND,
    }


def attempt_of(row: Row[Any]) -> Attempt:
    return Attempt(
        step=row.step,
        kind=Attempted(row.kind),
        number=row.number,
        outcome=OutcomeWord(row.outcome),
        error=row.error,
        started_at=row.started_at,
        duration=row.duration_us * MICROSECOND,
    )


def _json(value: Any) -> str:
    plain = dict(value) if isinstance(value, Mapping) else value
    return json.dumps(plain, separators=(",", ":"), default=dict)
