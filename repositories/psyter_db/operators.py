"""Accounts of the console, and the trail of what was done to them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from repositories.acting import about
from repositories.database import Database
from repositories.entities.operators import AccountAudit, OperatorAccount
from repositories.enums import OperatorRole
from repositories.ports.errors import OperatorExists, OperatorUnknown
from repositories.psyter_db.tables import operator_audit as trail
from repositories.psyter_db.tables import operators

MOST_ACCOUNTS = 1_000

FIND = select(operators).where(operators.c.name == bindparam("of_name"))
GET = select(operators).where(operators.c.id == bindparam("of_id"))
LIST = select(operators).order_by(operators.c.name).limit(MOST_ACCOUNTS)
ADD = insert(operators)
NOTE = insert(trail)
TRAIL = (
    select(trail).where(trail.c.operator_id == bindparam("of_id")).order_by(trail.c.id.desc()).limit(bindparam("most"))
)
NOTE_SIGN_IN = update(operators).where(operators.c.id == bindparam("of_id")).values(signed_in_at=bindparam("now"))
END_SESSIONS = (
    update(operators).where(operators.c.id == bindparam("of_id")).values(generation=operators.c.generation + 1)
)


class SqlOperatorAccounts:
    def __init__(self, database: Database) -> None:
        self._database = database

    def find_account(self, name: str) -> OperatorAccount | None:
        with self._database.reading() as connection:
            row = connection.execute(FIND, {"of_name": name}).mappings().one_or_none()
        return None if row is None else _account_of(row)

    def account_of(self, account_id: int) -> OperatorAccount | None:
        with self._database.reading() as connection:
            row = connection.execute(GET, {"of_id": account_id}).mappings().one_or_none()
        return None if row is None else _account_of(row)

    def list_accounts(self) -> Sequence[OperatorAccount]:
        with self._database.reading() as connection:
            return [_account_of(row) for row in connection.execute(LIST).mappings()]

    def trail(self, account_id: int, *, limit: int) -> Sequence[AccountAudit]:
        with self._database.reading() as connection:
            rows = connection.execute(TRAIL, {"of_id": account_id, "most": limit}).all()
        return [AccountAudit(action=row.action, by=row.done_by, why=row.why, at=row.at) for row in rows]

    def add_account(self, name: str, *, password_hash: str, role: OperatorRole, entry: AccountAudit) -> int:
        values = {
            "name": name,
            "password_hash": password_hash,
            "role": role.value,
            "generation": 0,
            "created_at": entry.at,
        }

        def work(connection: Connection) -> int:
            account_id = int(connection.execute(ADD, values).inserted_primary_key[0])  # type: ignore[index]
            _note(connection, account_id, entry)
            return account_id

        try:
            return self._database.write(work)
        except IntegrityError as error:
            raise OperatorExists from error

    def change_account(
        self,
        name: str,
        *,
        entry: AccountAudit,
        password_hash: str | None = None,
        role: OperatorRole | None = None,
        is_disabled: bool | None = None,
    ) -> None:
        values: dict[str, Any] = {}
        if password_hash is not None:
            values["password_hash"] = password_hash
        if role is not None:
            values["role"] = role.value
        if is_disabled is not None:
            values["disabled_at"] = entry.at if is_disabled else None

        def work(connection: Connection) -> None:
            found = connection.execute(FIND, {"of_name": name}).mappings().one_or_none()
            if found is None:
                raise OperatorUnknown
            of_it = operators.c.id == found["id"]
            connection.execute(update(operators).where(of_it).values(generation=operators.c.generation + 1, **values))
            _note(connection, found["id"], entry)

        self._database.write(work)

    def note_sign_in(self, account_id: int, *, now: datetime) -> None:
        def work(connection: Connection) -> None:
            connection.execute(NOTE_SIGN_IN, {"of_id": account_id, "now": now})
            about("operator", account_id)

        self._database.write(work)

    def end_sessions(self, account_id: int) -> None:
        def work(connection: Connection) -> None:
            connection.execute(END_SESSIONS, {"of_id": account_id})
            about("operator", account_id)

        self._database.write(work)


def _note(connection: Connection, account_id: int, entry: AccountAudit) -> None:
    connection.execute(
        NOTE,
        {"operator_id": account_id, "action": entry.action, "done_by": entry.by, "why": entry.why, "at": entry.at},
    )
    about("operator", account_id)


def _account_of(row: RowMapping) -> OperatorAccount:
    return OperatorAccount(**{**row, "role": OperatorRole(row["role"])})
