"""Outside services: the state of their breakers, and what operators did to them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, func, insert, or_, select, update

from repositories.acting import about, aside
from repositories.database import Database
from repositories.entities.services import ServiceAudit, ServiceState, ServiceView
from repositories.enums import Service, Trouble
from repositories.scheduling_db.counts import counted, number_of
from repositories.scheduling_db.tables import is_due, sagas, service_audit, service_breakers

MICROSECOND = timedelta(microseconds=1)
ITSELF = (
    "failures", "error", "opened_at", "open_until", "probe_token", "probe_until", "paused_at", "paused_by",
    "paused_why", "standing_since",
)  # fmt: skip

WAITS = and_(  # in a line, in nobody's hands, and not on its way to a worker
    sagas.c.waits_for.is_not(None),
    sagas.c.due_at.is_not(None),
    sagas.c.claims == 0,
    or_(sagas.c.nudged_until.is_(None), sagas.c.nudged_until <= bindparam("now")),
)
_SINCE = select(func.min(sagas.c.waits_since)).where(sagas.c.waits_for == service_breakers.c.service, WAITS)
LOOK = select(service_breakers, _SINCE.scalar_subquery().label("waiting_since"))
_IS_SERVICE = service_breakers.c.service == bindparam("of_service")
TAKE_TURNS = (  # takes the row's lock on every engine, and changes nothing
    update(service_breakers).where(_IS_SERVICE).values(failures=service_breakers.c.failures)
)
READ = select(service_breakers).where(_IS_SERVICE)
WRITE = (
    update(service_breakers)
    .where(_IS_SERVICE)
    .values({name: bindparam(name) for name in (*ITSELF, "trouble", "stood_still_us")})
)
NOTE = insert(service_audit)
TRAIL = (
    select(service_audit)
    .where(service_audit.c.service == bindparam("of_service"))
    .order_by(service_audit.c.id.desc())
    .limit(bindparam("most"))
)
ALL = select(service_breakers)
IN_LINE = counted(sagas, sagas.c.waits_for.is_not(None), sagas.c.waits_for == bindparam("service"), is_due)


class SqlServices:
    def __init__(self, database: Database) -> None:
        self._database = database

    def look(self, *, now: datetime) -> Mapping[Service, ServiceView]:
        with self._database.reading() as connection:
            rows = connection.execute(LOOK, {"now": now}).all()
        views = [ServiceView(state=state_of(row), waiting_since=row.waiting_since) for row in rows]
        return {view.state.service: view for view in views}

    def change(
        self, service: Service, rule: Callable[[ServiceState], ServiceState], *, entry: ServiceAudit | None = None
    ) -> ServiceState:
        which = {"of_service": service.value}

        def work(connection: Connection) -> ServiceState:
            connection.execute(TAKE_TURNS, which)
            before = state_of(connection.execute(READ, which).one())
            after = rule(before)
            if after != before:
                connection.execute(WRITE, which | _row_of(after))
            if entry is not None:
                connection.execute(NOTE, _audit_row(service, entry))
                about("service", service.value)
            return after

        if entry is not None:
            return self._database.write(work)
        with aside():  # what a call met, which a partner's request may have made
            return self._database.write(work)

    def count_waiting(self) -> Mapping[Service, int]:
        with self._database.reading() as connection:
            return {service: number for service, number in in_line(connection).items() if number}

    def trail(self, service: Service, *, limit: int) -> Sequence[ServiceAudit]:
        with self._database.reading() as connection:
            rows = connection.execute(TRAIL, {"of_service": service.value, "most": limit}).all()
        return [ServiceAudit(action=row.action, by=row.operator, why=row.why, at=row.at) for row in rows]


def in_line(connection: Connection) -> Mapping[Service, int]:
    return {one: number_of(connection, IN_LINE, {"service": one.value}) for one in Service}


def state_of(row: Row[Any]) -> ServiceState:
    kept = row._mapping
    return ServiceState(
        **{name: kept[name] for name in ITSELF},
        service=Service(kept["service"]),
        trouble=None if kept["trouble"] is None else Trouble(kept["trouble"]),
        stood_still=kept["stood_still_us"] * MICROSECOND,
    )


def _row_of(state: ServiceState) -> dict[str, Any]:
    return {
        **{name: getattr(state, name) for name in ITSELF},
        "trouble": None if state.trouble is None else state.trouble.value,
        "stood_still_us": state.stood_still // MICROSECOND,
    }


def _audit_row(service: Service, entry: ServiceAudit) -> dict[str, Any]:
    return {
        "service": service.value,
        "action": entry.action,
        "operator": entry.by,
        "why": entry.why,
        "at": entry.at,
    }
