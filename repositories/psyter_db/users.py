"""The partners' own users, known by the partner's referenceId."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, RowMapping, bindparam, insert, select

from repositories.acting import about, about_nothing
from repositories.database import Database
from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.entities.users import Guest, User
from repositories.enums import GenderType
from repositories.idempotency import KeyedChanges
from repositories.ports.errors import ReferenceContradicted
from repositories.psyter_db.idempotency import PSYTER_KEYS
from repositories.psyter_db.tables import users

_COLUMNS = (users.c.id, users.c.organization_id, users.c.reference_id, users.c.name, users.c.dob, users.c.gender)
FIND = select(*_COLUMNS).where(
    users.c.id == bindparam("user_id"),
    users.c.organization_id == bindparam("of_organization"),
    users.c.erased_at.is_(None),
)
FIND_BY_REFERENCE = select(*_COLUMNS).where(
    users.c.organization_id == bindparam("of_organization"), users.c.reference_id == bindparam("reference")
)
ADD = insert(users)


def is_same_person(user: User, guest: Guest) -> bool:
    """Same date of birth and gender, and the same name but for white space and case."""
    facts = (user.dob, user.gender, _plain(user.name))
    return facts == (guest.dob, guest.gender, _plain(guest.name))


class SqlUsers:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._changes = KeyedChanges(database, PSYTER_KEYS)

    def find_user(self, user_id: int, *, organization_id: int) -> User | None:
        with self._database.reading() as connection:
            row = connection.execute(FIND, {"user_id": user_id, "of_organization": organization_id}).one_or_none()
        return None if row is None else _user_of(row._mapping)

    def register(self, guest: Guest, *, organization_id: int, now: datetime) -> User:
        with self._database.reading() as connection:
            known = _find_known(connection, guest, organization_id)
        if known is not None:  # as most guests are: no transaction that writes
            return known
        (user_id,) = self.register_once(guest, organization_id=organization_id, key=None, now=now).ids
        registered = self.find_user(user_id, organization_id=organization_id)
        if registered is None:
            raise LookupError(f"user {user_id} is gone")
        return registered

    def register_once(self, guest: Guest, *, organization_id: int, key: IdempotencyKey | None, now: datetime) -> Change:
        def work(connection: Connection) -> Sequence[int]:
            known = _find_known(connection, guest, organization_id)
            if known is not None:
                about_nothing()
                return [known.id]
            return [_add(connection, guest, organization_id, now)]

        return self._changes.make(work, key=key, organization_id=organization_id, now=now)


def _find_known(connection: Connection, guest: Guest, organization_id: int) -> User | None:
    """The user with this guest's reference. Raises ReferenceContradicted."""
    values = {"of_organization": organization_id, "reference": guest.reference_id}
    row = connection.execute(FIND_BY_REFERENCE, values).one_or_none()
    if row is None:
        return None
    if not is_same_person(user := _user_of(row._mapping), guest):
        raise ReferenceContradicted
    return user


def _add(connection: Connection, guest: Guest, organization_id: int, now: datetime) -> int:
    values = {**asdict(guest), "organization_id": organization_id, "created_at": now}
    user_id = int(connection.execute(ADD, values).inserted_primary_key[0])  # type: ignore[index]
    about("user", user_id, action="user.register")
    return user_id


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def _user_of(row: RowMapping) -> User:
    return User(**{**row, "gender": GenderType(row["gender"])})
