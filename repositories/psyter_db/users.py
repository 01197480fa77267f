"""The partners' own users, known by the partner's referenceId."""

from datetime import datetime

from sqlalchemy import RowMapping, bindparam, insert, select
from sqlalchemy.exc import IntegrityError

from repositories.database import Database
from repositories.entities.users import Guest, User
from repositories.enums import GenderType
from repositories.ports.errors import ReferenceContradicted
from repositories.psyter_db.tables import users

_COLUMNS = (users.c.id, users.c.organization_id, users.c.reference_id, users.c.name, users.c.dob, users.c.gender)
FIND = select(*_COLUMNS).where(
    users.c.id == bindparam("user_id"), users.c.organization_id == bindparam("of_organization")
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

    def find_user(self, user_id: int, *, organization_id: int) -> User | None:
        with self._database.reading() as connection:
            row = connection.execute(FIND, {"user_id": user_id, "of_organization": organization_id}).one_or_none()
        return None if row is None else _user_of(row._mapping)

    def register(self, guest: Guest, *, organization_id: int, now: datetime) -> User:
        known = self._find_by_reference(guest.reference_id, organization_id)
        if known is None:
            self._add_unless_known(guest, organization_id, now)
            known = self._find_by_reference(guest.reference_id, organization_id)
        if known is None or not is_same_person(known, guest):
            raise ReferenceContradicted
        return known

    def _add_unless_known(self, guest: Guest, organization_id: int, now: datetime) -> None:
        values = {
            "organization_id": organization_id,
            "reference_id": guest.reference_id,
            "name": guest.name,
            "dob": guest.dob,
            "gender": guest.gender,
            "created_at": now,
        }
        try:
            self._database.write(lambda connection: connection.execute(ADD, values))
        except IntegrityError:
            return  # another request registered this reference first: the database decided

    def _find_by_reference(self, reference_id: str, organization_id: int) -> User | None:
        values = {"of_organization": organization_id, "reference": reference_id}
        with self._database.reading() as connection:
            row = connection.execute(FIND_BY_REFERENCE, values).one_or_none()
        return None if row is None else _user_of(row._mapping)


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def _user_of(row: RowMapping) -> User:
    return User(**{**row, "gender": GenderType(row["gender"])})
