"""Care providers that users marked: one row each, and their number on the user's row, which bounds it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, select, true, update

from repositories.acting import about, about_nothing
from repositories.database import Database
from repositories.entities.favorites import Favorite
from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.idempotency import KeyedChanges
from repositories.ports.errors import CareProviderUnknown, FavoritesFull
from repositories.ports.favorites import MOST_FAVORITES
from repositories.psyter_db.idempotency import PSYTER_KEYS
from repositories.psyter_db.tables import care_providers, users
from repositories.psyter_db.tables import favorite_care_providers as kept

_IS_USER = (users.c.id == bindparam("of_user"), users.c.organization_id == bindparam("of_organization"))
_IS_IT = (
    kept.c.user_id == select(users.c.id).where(*_IS_USER).scalar_subquery(),
    kept.c.care_provider_id == bindparam("provider"),
)
FIND = select(kept.c.care_provider_id).where(*_IS_IT)
ACTIVE_PROVIDER = select(care_providers.c.id).where(
    care_providers.c.id == bindparam("provider"), care_providers.c.is_active == true()
)
ONE_MORE = update(users).where(*_IS_USER, users.c.favorites < MOST_FAVORITES).values(favorites=users.c.favorites + 1)
ONE_LESS = update(users).where(*_IS_USER).values(favorites=users.c.favorites - 1)
ADD = insert(kept)
REMOVE = delete(kept).where(*_IS_IT)
LIST = (
    select(
        kept.c.care_provider_id,
        care_providers.c.full_name_plang,
        care_providers.c.full_name_slang,
        care_providers.c.is_active,
        kept.c.added_at,
    )
    .join(care_providers, care_providers.c.id == kept.c.care_provider_id)
    .join(users, users.c.id == kept.c.user_id)
    .where(*_IS_USER)
    .order_by(kept.c.added_at.desc(), kept.c.care_provider_id.desc())
)


class SqlFavorites:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._changes = KeyedChanges(database, PSYTER_KEYS)

    def add(
        self, care_provider_id: int, *, user_id: int, organization_id: int, key: IdempotencyKey | None, now: datetime
    ) -> Change:
        which = {"of_user": user_id, "of_organization": organization_id, "provider": care_provider_id}

        def work(connection: Connection) -> Sequence[int]:
            if connection.execute(ACTIVE_PROVIDER, which).first() is None:
                raise CareProviderUnknown
            if connection.execute(FIND, which).first() is None:
                if not connection.execute(ONE_MORE, which).rowcount:
                    raise FavoritesFull
                values = {"user_id": user_id, "care_provider_id": care_provider_id, "added_at": now}
                connection.execute(ADD, values)
            about("user", user_id)
            return user_id, care_provider_id

        return self._changes.make(work, key=key, organization_id=organization_id, now=now)

    def remove_if_present(self, care_provider_id: int, *, user_id: int, organization_id: int) -> None:
        which = {"of_user": user_id, "of_organization": organization_id, "provider": care_provider_id}

        def work(connection: Connection) -> None:
            if not connection.execute(REMOVE, which).rowcount:
                about_nothing()
                return
            connection.execute(ONE_LESS, which)
            about("user", user_id)

        self._database.write(work)

    def list_favorites(self, user_id: int, *, organization_id: int) -> Sequence[Favorite]:
        with self._database.reading() as connection:
            rows = connection.execute(LIST, {"of_user": user_id, "of_organization": organization_id})
            return [Favorite(**row) for row in rows.mappings()]
