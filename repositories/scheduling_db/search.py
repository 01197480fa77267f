"""Which care providers have something free from an instant on: the earliest first, page by page (docs/decisions/0022).

A filter that few providers match starts from them: each has one earliest free slot. Any other goes through the free
slots in the order of time, and takes those that are their provider's next one. Both read a bounded number of rows.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    union_all,
)

from repositories.database import Database
from repositories.entities.availability import ANY, Opening, Openings, Place, ProviderFilter
from repositories.scheduling_db.calendars import GAPS
from repositories.scheduling_db.cells import cell_from
from repositories.scheduling_db.tables import provider_facets, slots

FEW = 1_000  # providers that are looked at one by one
FIRST_LOOK = 256  # free slots read at first, of which a filter has yet to show how many it lets in
MOST_READ = 10_000  # free slots read for one page, at all looks together
BEYOND = 2**62  # later than every cell, and behind every provider


def matching(provider: ColumnElement[int] | None = None) -> tuple[ColumnElement[bool], ...]:
    """What a facet of a matching provider is like; of this provider, or of all."""
    facet = provider_facets.c
    of_one = () if provider is None else (facet.care_provider_id == provider,)
    return (
        *of_one,
        facet.language_id.in_(bindparam("languages", expanding=True)),
        facet.specialty_id.in_(bindparam("specialties", expanding=True)),
        facet.gender.in_(bindparam("genders", expanding=True)),
        facet.experience_level_id.in_(bindparam("experience_levels", expanding=True)),
        facet.provider_level_id.in_(bindparam("provider_levels", expanding=True)),
        facet.hourly_rate_minor >= bindparam("least_rate"),
        facet.hourly_rate_minor <= bindparam("most_rate"),
    )


def everyone(provider: ColumnElement[int]) -> tuple[ColumnElement[bool], ...]:
    """The facet that each provider who can be found has."""
    facet = provider_facets.c
    return (facet.care_provider_id == provider, facet.language_id == ANY, facet.specialty_id == ANY)


# --- few ---------------------------------------------------------------------------------

_CANDIDATES = select(provider_facets.c.care_provider_id).where(*matching()).distinct()
COUNT_FEW = select(func.count()).select_from(_CANDIDATES.limit(FEW + 1).subquery())
CANDIDATE = _CANDIDATES.limit(FEW).subquery("candidate")
FIRST_SLOT = (
    select(slots.c.id)
    .where(
        slots.c.care_provider_id == CANDIDATE.c.care_provider_id,
        slots.c.starts_cell >= bindparam("since"),
        slots.c.next_after.is_not(None),
    )
    .order_by(slots.c.starts_cell, slots.c.id)
    .limit(1)
    .scalar_subquery()
)
FIRST = select(FIRST_SLOT.label("slot_id")).select_from(CANDIDATE).subquery("first")
OF_FEW = (
    select(slots.c.id, slots.c.care_provider_id, slots.c.starts_cell)
    .join(FIRST, FIRST.c.slot_id == slots.c.id)
    .where(
        or_(
            slots.c.starts_cell > bindparam("behind_cell"),
            and_(
                slots.c.starts_cell == bindparam("behind_cell"),
                slots.c.care_provider_id > bindparam("behind_provider"),
            ),
        )
    )
    .order_by(slots.c.starts_cell, slots.c.care_provider_id)
    .limit(bindparam("most"))
)

# --- many --------------------------------------------------------------------------------


def next_ones(gap_class: int) -> tuple[Select[Any], Select[Any]]:
    """The slots of a gap class that are their provider's next one since then, behind a place: at its instant, later.

    A gap of the class is at most GAPS[gap_class] long, so that none begins later than that."""
    slot = slots.alias("slot")
    chosen = select(slot.c.id, slot.c.care_provider_id, slot.c.starts_cell).where(
        slot.c.gap_class == gap_class,
        slot.c.next_after.is_not(None),
        slot.c.next_after < bindparam("since"),
    )
    at_once = chosen.where(
        slot.c.starts_cell == bindparam("behind_cell"), slot.c.care_provider_id > bindparam("behind_provider")
    )
    later = chosen.where(slot.c.starts_cell > bindparam("behind_cell"))
    if gap_class < len(GAPS):
        later = later.where(slot.c.starts_cell < bindparam(f"before_{gap_class}"))
    return at_once, later


def in_order(*, is_merged: bool) -> Select[Any]:
    """Each part lies in this order in the index. Where the engine merges such parts, it reads them as far as the limit
    and sorts nothing; where it does not, each has the order and the limit of its own."""
    parts = (part for gap_class in range(len(GAPS) + 1) for part in next_ones(gap_class))
    line = union_all(*(part if is_merged else _as_far_as_wanted(part) for part in parts)).subquery("line")
    return select(line).order_by(line.c.starts_cell, line.c.care_provider_id).limit(bindparam("look"))


def _as_far_as_wanted(part: Select[Any]) -> Select[Any]:
    slot = part.selected_columns
    first = part.order_by(slot.starts_cell, slot.care_provider_id).limit(bindparam("look"))
    return select(first.subquery("part"))


def looked_through(
    conditions: Callable[[ColumnElement[int]], tuple[ColumnElement[bool], ...]], *, is_merged: bool = True
) -> Select[Any]:
    """The matching ones among the next so many, and the last of these, to know how far the look went."""
    line = in_order(is_merged=is_merged).subquery("ordered")
    number = func.row_number().over(order_by=(line.c.starts_cell, line.c.care_provider_id))
    is_match = select(provider_facets.c.care_provider_id).where(*conditions(line.c.care_provider_id)).exists()
    judged = select(line, number.label("number"), case((is_match, 1), else_=0).label("is_match")).subquery("judged")
    return (
        select(judged)
        .where(or_(judged.c.is_match == 1, judged.c.number == bindparam("look")))
        .order_by(judged.c.number)
    )


OF_ALL = looked_through(everyone)
OF_MANY = looked_through(matching)
# PostgreSQL would read all of every part, a row for each provider who is free, and sort them; SQLite would take longer.
OF_ALL_BY_PARTS = looked_through(everyone, is_merged=False)
OF_MANY_BY_PARTS = looked_through(matching, is_merged=False)


class SqlSearch:
    def __init__(self, database: Database, *, is_merged: bool | None = None) -> None:
        """`is_merged`: how the line is read; as suits the engine, if it is not said."""
        self._database = database
        if is_merged is None:
            is_merged = database.engine.dialect.name != "postgresql"
        self._of_all, self._of_many = (OF_ALL, OF_MANY) if is_merged else (OF_ALL_BY_PARTS, OF_MANY_BY_PARTS)

    def find_openings(
        self, wanted: ProviderFilter | None, *, since: datetime, behind: Place | None, limit: int
    ) -> Openings:
        values = _values(since, behind) | ({} if wanted is None else _filter_values(wanted))
        with self._database.reading() as connection:
            if wanted is not None and connection.execute(COUNT_FEW, values).scalar_one() <= FEW:
                return _page(list(connection.execute(OF_FEW, {**values, "most": limit + 1})), limit)
            if wanted is None:  # whoever is free is wanted
                return _look_through(connection, self._of_all, values, limit=limit, look=limit + 1)
            return _look_through(connection, self._of_many, values, limit=limit, look=max(FIRST_LOOK, limit + 1))


def _look_through(
    connection: Connection, statement: Select[Any], values: dict[str, Any], *, limit: int, look: int
) -> Openings:
    found: list[Row[Any]] = []
    seen = 0
    while True:
        rows = connection.execute(statement, {**values, "look": look}).all()
        found += [row for row in rows if row.is_match]
        seen += look
        is_all = not rows or rows[-1].number < look
        if is_all or len(found) > limit:
            return _page(found, limit)
        if seen >= MOST_READ:
            return Openings(found=tuple(_opening_of(row) for row in found), next_place=_place_of(rows[-1]))
        look = min(_next_look(seen, found=len(found), missing=limit + 1 - len(found)), MOST_READ - seen)
        values = values | {"behind_cell": rows[-1].starts_cell, "behind_provider": rows[-1].care_provider_id}


def _next_look(seen: int, *, found: int, missing: int) -> int:
    """A quarter more than find what is missing, if they lie as close as so far; so many that the looks stay few."""
    likely = 8 * seen if found == 0 else 5 * missing * seen // (4 * found)
    return max(seen, likely)


def _page(rows: Sequence[Row[Any]], limit: int) -> Openings:
    """The first `limit` of the rows, one more of which says that the search goes on."""
    in_order = sorted(rows, key=lambda row: (row.starts_cell, row.care_provider_id))  # SQL Server forgets to
    found = tuple(_opening_of(row) for row in in_order[:limit])
    return Openings(found=found, next_place=found[-1].place if len(rows) > limit else None)


def _opening_of(row: Row[Any]) -> Opening:
    return Opening(slot_id=row.id, place=_place_of(row))


def _place_of(row: Row[Any]) -> Place:
    return Place(starts_at=datetime.fromtimestamp(row.starts_cell, UTC), care_provider_id=row.care_provider_id)


def _values(since: datetime, behind: Place | None) -> dict[str, Any]:
    cell = cell_from(since)
    place = (cell - 1, BEYOND) if behind is None else (int(behind.starts_at.timestamp()), behind.care_provider_id)
    behind_cell, behind_provider = max(place, (cell - 1, BEYOND))
    before = {f"before_{number}": cell + gap for number, gap in enumerate(GAPS)}
    return {"since": cell, "behind_cell": behind_cell, "behind_provider": behind_provider, **before}


def _filter_values(wanted: ProviderFilter) -> dict[str, Any]:
    return {
        "languages": list(wanted.language_ids),
        "specialties": list(wanted.specialty_ids),
        "genders": [int(gender) for gender in wanted.genders],
        "experience_levels": list(wanted.experience_level_ids),
        "provider_levels": list(wanted.provider_level_ids),
        "least_rate": wanted.min_rate_minor,
        "most_rate": wanted.max_rate_minor,
    }
