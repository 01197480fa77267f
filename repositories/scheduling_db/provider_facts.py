"""The copy of what care providers can be filtered by: a row for each pair of language and specialty, and for any."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, select, update

from repositories.database import Database
from repositories.entities.availability import ANY, ProviderFacts
from repositories.scheduling_db.tables import provider_calendars, provider_facets

BEYOND = 2**62  # behind every provider
ROWS_AT_ONCE = 10_000
OF_THESE: BindParameter[int] = bindparam("providers", expanding=True)

DIGESTS = select(provider_calendars.c.care_provider_id, provider_calendars.c.facts_digest).where(
    provider_calendars.c.care_provider_id > bindparam("after"),
    provider_calendars.c.care_provider_id <= bindparam("upto"),
)
FORGET = delete(provider_facets).where(provider_facets.c.care_provider_id.in_(OF_THESE))
ADD_FACETS = insert(provider_facets)
ADD_CALENDARS = insert(provider_calendars)
NOTE = (
    update(provider_calendars)
    .where(provider_calendars.c.care_provider_id == bindparam("provider"))
    .values(facts_digest=bindparam("digest"))
)


class SqlCopiedFacts:
    def __init__(self, database: Database) -> None:
        self._database = database

    def copy_between(self, facts: Sequence[ProviderFacts], *, after: int, upto: int | None) -> int:
        which = {"after": after, "upto": BEYOND if upto is None else upto}
        wanted: dict[int, str | None] = {one.care_provider_id: digest_of(one) for one in facts}
        with self._database.reading() as connection:  # most often nothing has changed, and nothing is locked
            if not changed_of(_digests(connection, which), wanted):
                return 0

        def work(connection: Connection) -> int:
            digests = _digests(connection, which)
            changed = changed_of(digests, wanted)
            _forget(connection, [one for one in changed if digests.get(one) is not None])
            _add(connection, [one for one in facts if one.care_provider_id in changed])
            _note(connection, {one: digest for one, digest in changed.items() if one in digests})
            _begin(connection, {one: digest for one, digest in changed.items() if one not in digests})
            return len(changed)

        return self._database.write(work)


def changed_of(known: Mapping[int, str | None], wanted: Mapping[int, str | None]) -> dict[int, str | None]:
    """Of the providers whose facts are not what is wanted: the digest that is; None for one to be forgotten."""
    return {one: wanted.get(one) for one in {*known, *wanted} if known.get(one) != wanted.get(one)}


def digest_of(facts: ProviderFacts) -> str:
    return hashlib.sha256(repr(tuple(vars(facts).values())).encode()).hexdigest()


def facets_of(facts: ProviderFacts) -> Iterator[dict[str, Any]]:
    for language in (ANY, *facts.language_ids):
        for specialty in (ANY, *facts.specialty_ids):
            yield {
                "care_provider_id": facts.care_provider_id,
                "language_id": language,
                "specialty_id": specialty,
                "gender": facts.gender,
                "experience_level_id": facts.experience_level_id,
                "provider_level_id": facts.provider_level_id,
                "hourly_rate_minor": facts.hourly_rate_minor,
            }


def _digests(connection: Connection, which: Mapping[str, int]) -> dict[int, str | None]:
    return {row.care_provider_id: row.facts_digest for row in connection.execute(DIGESTS, which)}


def _note(connection: Connection, digests: Mapping[int, str | None]) -> None:
    if digests:
        connection.execute(NOTE, [{"provider": one, "digest": digest} for one, digest in digests.items()])


def _begin(connection: Connection, digests: Mapping[int, str | None]) -> None:
    """The calendars of providers who are new here."""
    if digests:
        rows = [{"care_provider_id": one, "facts_digest": digest} for one, digest in digests.items()]
        connection.execute(ADD_CALENDARS, rows)


def _forget(connection: Connection, providers: Sequence[int]) -> None:
    if providers:
        connection.execute(FORGET, {"providers": list(providers)})


def _add(connection: Connection, facts: Sequence[ProviderFacts]) -> None:
    rows = [row for one in facts for row in facets_of(one)]
    for start in range(0, len(rows), ROWS_AT_ONCE):
        connection.execute(ADD_FACETS, rows[start : start + ROWS_AT_ONCE])
