"""Families of tokens. Which of two racing uses of a refresh token came first is decided by USE's rowcount."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, bindparam, insert, or_, select, update

from repositories.acting import about, about_nothing
from repositories.database import Database
from repositories.entities.access_keys import RefreshToken, Rotated
from repositories.enums import FamilyEnd
from repositories.ports.errors import RefreshTokenReused, RefreshTokenUnknown, ScopeExceeded
from repositories.psyter_db.access_keys import HOLDER, IN_FORCE, holder_of
from repositories.psyter_db.tables import organization_access_keys as keys
from repositories.psyter_db.tables import organizations, refresh_tokens
from repositories.psyter_db.tables import token_families as families

USED_ANEW = timedelta(hours=1)  # last_used_at is written no more often than this

_LIVING = and_(families.c.ended_at.is_(None), IN_FORCE)
_OF_ORGANIZATION = families.c.access_key_id.in_(
    select(keys.c.id).where(keys.c.organization_id == bindparam("of_organization"))
)
ALIVE = (
    select(families.c.id)
    .join(keys, keys.c.id == families.c.access_key_id)
    .join(organizations, organizations.c.id == keys.c.organization_id)
    .where(families.c.id == bindparam("of_family"), _LIVING)
)
FIND = (
    select(
        *HOLDER,
        refresh_tokens.c.family_id,
        refresh_tokens.c.used_at,
        refresh_tokens.c.successor_digest,
        families.c.scope,
    )
    .join_from(refresh_tokens, families, families.c.id == refresh_tokens.c.family_id)
    .join(keys, keys.c.id == families.c.access_key_id)
    .join(organizations, organizations.c.id == keys.c.organization_id)
    .where(refresh_tokens.c.digest == bindparam("of_digest"), _LIVING)
)
START = insert(families)
ADD = insert(refresh_tokens)
USE = (
    update(refresh_tokens)
    .where(
        refresh_tokens.c.digest == bindparam("of_digest"),
        refresh_tokens.c.used_at.is_(None),
        refresh_tokens.c.expires_at > bindparam("now"),
    )
    .values(used_at=bindparam("now"), successor_digest=bindparam("successor"))
)
PROLONG = update(families).where(families.c.id == bindparam("of_family")).values(expires_at=bindparam("until"))
NOTE_USE = (
    update(keys)
    .where(
        keys.c.id == bindparam("of_key"),
        or_(keys.c.last_used_at.is_(None), keys.c.last_used_at <= bindparam("long_ago")),
    )
    .values(last_used_at=bindparam("now"))
)
END = (
    update(families)
    .where(families.c.id == bindparam("of_family"), families.c.ended_at.is_(None), _OF_ORGANIZATION)
    .values(ended_at=bindparam("now"), ended_why=bindparam("why"))
)
END_OF_TOKEN = (
    update(families)
    .where(
        families.c.id.in_(select(refresh_tokens.c.family_id).where(refresh_tokens.c.digest == bindparam("of_digest"))),
        families.c.ended_at.is_(None),
        _OF_ORGANIZATION,
    )
    .values(ended_at=bindparam("now"), ended_why=bindparam("why"))
)

FAMILY_OF = select(refresh_tokens.c.family_id).where(refresh_tokens.c.digest == bindparam("of_digest"))


class SqlTokenFamilies:
    def __init__(self, database: Database) -> None:
        self._database = database

    def start_family(self, *, access_key_id: int, scope: str, refresh_token: RefreshToken, now: datetime) -> int:
        values = {
            "access_key_id": access_key_id,
            "scope": scope,
            "started_at": now,
            "expires_at": refresh_token.expires_at,
        }

        def work(connection: Connection) -> int:
            family_id = int(connection.execute(START, values).inserted_primary_key[0])  # type: ignore[index]
            _add(connection, family_id, refresh_token)
            _note_use(connection, access_key_id, now)
            about("token_family", family_id)
            return family_id

        return self._database.write(work)

    def is_alive(self, family_id: int, *, now: datetime) -> bool:
        with self._database.reading() as connection:
            return connection.execute(ALIVE, {"of_family": family_id, "now": now}).one_or_none() is not None

    def rotate(
        self, digest: str, successor: RefreshToken, *, wanted: frozenset[str], grace: timedelta, now: datetime
    ) -> Rotated:
        rotated = self._database.write(lambda connection: _rotated(connection, digest, successor, wanted, grace, now))
        if isinstance(rotated, RefreshTokenReused):  # raised here, after the commit: the family's end stands
            raise rotated
        return rotated

    def end_family(self, family_id: int, *, organization_id: int, now: datetime) -> None:
        self._database.write(lambda connection: _end(connection, family_id, organization_id, FamilyEnd.REVOKED, now))

    def end_family_of(self, refresh_digest: str, *, organization_id: int, now: datetime) -> None:
        values = {
            "of_digest": refresh_digest,
            "of_organization": organization_id,
            "now": now,
            "why": FamilyEnd.REVOKED,
        }

        def work(connection: Connection) -> None:
            if connection.execute(END_OF_TOKEN, values).rowcount:
                about("token_family", connection.execute(FAMILY_OF, {"of_digest": refresh_digest}).scalar_one())
            else:
                about_nothing()

        self._database.write(work)


def _rotated(
    connection: Connection,
    digest: str,
    successor: RefreshToken,
    wanted: frozenset[str],
    grace: timedelta,
    now: datetime,
) -> Rotated | RefreshTokenReused:
    values = {"of_digest": digest, "now": now, "successor": successor.digest}
    is_first_use = connection.execute(USE, values).rowcount == 1
    row = connection.execute(FIND, {"of_digest": digest, "now": now}).one_or_none()
    if row is None or row.used_at is None:  # not ours, of a family that ended, or too old to be used
        raise RefreshTokenUnknown
    if not wanted.issubset(row.scope.split()):
        raise ScopeExceeded
    holder = holder_of(row._mapping)
    if is_first_use:
        about("token_family", row.family_id, organization_id=holder.organization.id)
        _add(connection, row.family_id, successor)
        connection.execute(PROLONG, {"of_family": row.family_id, "until": successor.expires_at})
        _note_use(connection, holder.access_key_id, now)
    elif now - row.used_at > grace:
        _end(connection, row.family_id, holder.organization.id, FamilyEnd.REUSED, now)
        return RefreshTokenReused(organization_id=holder.organization.id, family_id=row.family_id)
    else:
        about_nothing()
    return Rotated(family_id=row.family_id, holder=holder, scope=row.scope, successor_digest=row.successor_digest)


def _add(connection: Connection, family_id: int, token: RefreshToken) -> None:
    connection.execute(ADD, {"digest": token.digest, "family_id": family_id, "expires_at": token.expires_at})


def _note_use(connection: Connection, access_key_id: int, now: datetime) -> None:
    connection.execute(NOTE_USE, {"of_key": access_key_id, "now": now, "long_ago": now - USED_ANEW})


def _end(connection: Connection, family_id: int, organization_id: int, why: FamilyEnd, now: datetime) -> None:
    values = {"of_family": family_id, "of_organization": organization_id, "now": now, "why": why}
    if connection.execute(END, values).rowcount:
        action = "token.end_reused" if why is FamilyEnd.REUSED else None
        about("token_family", family_id, action=action, organization_id=organization_id)
    else:
        about_nothing()
