"""What tokens rely on of access keys and families of tokens: on the fake, and on every engine alike."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from repositories.acting import Act, during
from repositories.audit_outbox import SqlAuditOutbox
from repositories.database import Database
from repositories.entities.access_keys import NewAccessKey, RefreshToken, Rotated
from repositories.entities.organizations import Organization
from repositories.enums import FamilyEnd, Role
from repositories.ports.access_keys import AccessKeys, TokenFamilies
from repositories.ports.errors import (
    AccessKeyUnknown,
    OrganizationUnknown,
    RefreshTokenReused,
    RefreshTokenUnknown,
    ScopeExceeded,
)
from repositories.ports.organizations import Seals
from repositories.psyter_db import tables
from repositories.psyter_db.access_keys import SqlAccessKeys
from repositories.psyter_db.organizations import SqlOrganizations
from repositories.psyter_db.token_families import ALIVE, SqlTokenFamilies
from tests.conftest import FreshDatabase
from tests.engines import ENGINES
from tests.fakes.access import FakeAccess

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
OURS, OTHERS = 1, 2
GRACE = timedelta(minutes=1)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
EXTRA = frozenset({"recordings:read", "availability:write"})
NOTHING: frozenset[str] = frozenset()


@dataclass
class World:
    keys: AccessKeys
    families: TokenFamilies
    seals: Seals
    close: Callable[[int], None]  # deactivates an organization

    def add(self, digest: str = "a" * 64, *, organization: int = OURS, expires_at: datetime | None = None) -> int:
        key = NewAccessKey(
            organization_id=organization,
            key_digest=digest,
            label="مفتاح",
            role=Role.READ_ONLY,
            extra_scopes=EXTRA,
            expires_at=expires_at,
        )
        return self.keys.add_key(key, now=NOW)

    def start(self, key_id: int, digest: str = "r0", *, now: datetime = NOW) -> int:
        token = RefreshToken(digest=digest, expires_at=now + DAY)
        return self.families.start_family(access_key_id=key_id, scope="users:read", refresh_token=token, now=now)

    def rotate(self, digest: str, successor: str, *, now: datetime = NOW, wanted: frozenset[str] = NOTHING) -> Rotated:
        token = RefreshToken(digest=successor, expires_at=now + DAY)
        return self.families.rotate(digest, token, wanted=wanted, grace=GRACE, now=now)

    def revoke(self, key_id: int, *, organization: int = OURS) -> None:
        self.keys.revoke_key(key_id, organization_id=organization, by="op", why="leaked سر", now=NOW)

    def is_alive(self, family_id: int, *, now: datetime = NOW) -> bool:
        return self.families.is_alive(family_id, now=now)


@pytest.fixture(params=["fake", *ENGINES])
def world(request: pytest.FixtureRequest, fresh_database: FreshDatabase) -> World:
    return fake_world() if request.param == "fake" else sql_world(fresh_database(request.param, "psyter_db"))


def fake_world() -> World:
    fake = FakeAccess()
    for number in (OURS, OTHERS):
        fake.organizations[number] = Organization(
            id=number, name=f"Organization {number}", is_charity=False, sealed_shared_api_key="sealed"
        )
    return World(fake, fake, fake, fake.closed.add)


def sql_world(database: Database) -> World:
    def fill(connection: Any) -> None:
        rows = [
            {
                "id": number,
                "name": f"Organization {number}",
                "is_charity": False,
                "is_active": True,
                "sealed_shared_api_key": "sealed",
            }
            for number in (OURS, OTHERS)
        ]
        connection.execute(insert(tables.organizations), rows)

    def close(organization_id: int) -> None:
        of = tables.organizations
        database.write(
            lambda connection: connection.execute(update(of).where(of.c.id == organization_id).values(is_active=False))
        )

    database.write(fill)
    return World(SqlAccessKeys(database), SqlTokenFamilies(database), SqlOrganizations(database), close)


# --- access keys ---------------------------------------------------------------------------


def test_whose_key_was_added_revoked_or_signed_out_is_in_the_audit_log(psyter_database: Database) -> None:
    world = sql_world(psyter_database)
    act = Act(action="operator.access-key", request_id="r", clock=lambda: NOW, operator="nora")
    with during(act):
        key_id = world.add(organization=OTHERS)
        family_id = world.start(key_id)
        world.families.end_family_of("r0", organization_id=OTHERS, now=NOW)
        world.families.end_family_of("r0", organization_id=OTHERS, now=NOW)
        world.revoke(key_id, organization=OTHERS)
    told = SqlAuditOutbox(psyter_database).oldest(limit=10)
    assert [(deed.resource_kind, deed.resource_id, deed.organization_id) for deed in told] == [
        ("access_key", str(key_id), OTHERS),
        ("token_family", str(family_id), None),  # a request of theirs, which says so itself
        ("token_family", str(family_id), None),
        ("access_key", str(key_id), OTHERS),
    ]


def test_an_access_key_names_its_holder_and_what_it_may(world: World) -> None:
    key_id = world.add()
    holder = world.keys.find_holder("a" * 64, now=NOW)
    assert holder is not None
    assert (holder.organization.id, holder.organization.name) == (OURS, "Organization 1")
    assert (holder.access_key_id, holder.role, holder.extra_scopes) == (key_id, Role.READ_ONLY, EXTRA)
    assert world.keys.find_holder("b" * 64, now=NOW) is None


def test_a_key_of_nobody_is_not_added(world: World) -> None:
    with pytest.raises(OrganizationUnknown):
        world.add(organization=99)


def test_a_key_is_in_force_until_it_expires(world: World) -> None:
    world.add(expires_at=NOW + DAY)
    assert world.keys.find_holder("a" * 64, now=NOW + DAY - SECOND) is not None
    assert world.keys.find_holder("a" * 64, now=NOW + DAY) is None


def test_a_revoked_key_opens_nothing_and_is_listed_with_the_reason(world: World) -> None:
    key_id = world.add()
    world.revoke(key_id)
    assert world.keys.find_holder("a" * 64, now=NOW) is None
    (key,) = world.keys.list_keys(OURS, limit=10)
    assert (key.is_active, key.revoked_at, key.revoked_by, key.revoked_why) == (False, NOW, "op", "leaked سر")
    assert (key.label, key.role, key.extra_scopes, key.created_at) == ("مفتاح", Role.READ_ONLY, EXTRA, NOW)


def test_a_key_is_revoked_once_and_by_its_own_organization(world: World) -> None:
    key_id = world.add()
    with pytest.raises(AccessKeyUnknown):
        world.revoke(key_id, organization=OTHERS)
    assert world.keys.find_holder("a" * 64, now=NOW) is not None
    world.revoke(key_id)
    with pytest.raises(AccessKeyUnknown):
        world.revoke(key_id)


def test_the_keys_of_an_organization_are_listed_newest_first_and_no_others(world: World) -> None:
    first, _, third = world.add(), world.add("b" * 64, organization=OTHERS), world.add("c" * 64)
    assert [key.id for key in world.keys.list_keys(OURS, limit=10)] == [third, first]
    assert [key.id for key in world.keys.list_keys(OURS, limit=1)] == [third]


def test_the_keys_of_a_closed_organization_open_nothing(world: World) -> None:
    world.add()
    world.close(OURS)
    assert world.keys.find_holder("a" * 64, now=NOW) is None


def test_the_last_use_of_a_key_is_known_to_the_hour(world: World) -> None:
    key_id = world.add()

    def last_used() -> datetime | None:
        return world.keys.list_keys(OURS, limit=1)[0].last_used_at

    assert last_used() is None
    world.start(key_id)
    assert last_used() == NOW
    world.start(key_id, "r1", now=NOW + timedelta(minutes=59))
    assert last_used() == NOW
    later = NOW + timedelta(hours=1)
    world.rotate("r1", "r2", now=later)
    assert last_used() == later


# --- families ------------------------------------------------------------------------------


def test_a_family_lives_until_it_is_ended(world: World) -> None:
    family, bystander = (world.start(world.add(digest), digest) for digest in ("a" * 64, "b" * 64))
    assert world.is_alive(family)
    world.families.end_family(family, organization_id=OURS, now=NOW)
    assert not world.is_alive(family)
    assert world.is_alive(bystander)
    assert not world.is_alive(99)
    with pytest.raises(RefreshTokenUnknown):
        world.rotate("a" * 64, "r1")


def test_a_family_dies_with_its_key(world: World) -> None:
    key_id = world.add()
    family = world.start(key_id)
    world.revoke(key_id)
    assert not world.is_alive(family)
    with pytest.raises(RefreshTokenUnknown):
        world.rotate("r0", "r1")


def test_a_family_dies_when_its_key_expires(world: World) -> None:
    family = world.start(world.add(expires_at=NOW + DAY))
    assert world.is_alive(family, now=NOW + DAY - SECOND)
    assert not world.is_alive(family, now=NOW + DAY)


def test_a_family_dies_with_its_organization(world: World) -> None:
    family, other = world.start(world.add()), world.start(world.add("b" * 64, organization=OTHERS), "r9")
    world.close(OURS)
    assert not world.is_alive(family)
    assert world.is_alive(other)


def test_a_family_is_ended_by_any_refresh_token_of_it(world: World) -> None:
    family = world.start(world.add())
    world.rotate("r0", "r1")
    world.families.end_family_of("r9", organization_id=OURS, now=NOW)
    assert world.is_alive(family)
    world.families.end_family_of("r0", organization_id=OURS, now=NOW)
    assert not world.is_alive(family)


def test_another_organization_ends_nothing(world: World) -> None:
    family = world.start(world.add())
    world.families.end_family(family, organization_id=OTHERS, now=NOW)
    world.families.end_family_of("r0", organization_id=OTHERS, now=NOW)
    assert world.is_alive(family)


# --- rotation ------------------------------------------------------------------------------


def test_a_refresh_token_is_followed_by_its_successor(world: World) -> None:
    key_id = world.add()
    family = world.start(key_id)
    rotated = world.rotate("r0", "r1")
    assert (rotated.family_id, rotated.scope, rotated.successor_digest) == (family, "users:read", "r1")
    assert (rotated.holder.access_key_id, rotated.holder.extra_scopes) == (key_id, EXTRA)
    assert world.rotate("r1", "r2").successor_digest == "r2"


def test_within_the_grace_the_successor_stays_what_it_is(world: World) -> None:
    world.start(world.add())
    world.rotate("r0", "r1")
    assert world.rotate("r0", "other", now=NOW + GRACE).successor_digest == "r1"
    with pytest.raises(RefreshTokenUnknown):
        world.rotate("other", "r2")


def test_after_the_grace_reuse_ends_the_family(world: World) -> None:
    family = world.start(world.add())
    world.rotate("r0", "r1")
    late = NOW + GRACE + SECOND
    with pytest.raises(RefreshTokenReused) as reused:
        world.rotate("r0", "r1", now=late)
    assert (reused.value.organization_id, reused.value.family_id) == (OURS, family)
    assert not world.is_alive(family, now=late)
    for token in ("r0", "r1"):
        with pytest.raises(RefreshTokenUnknown):
            world.rotate(token, "r2", now=late)


def test_an_expired_refresh_token_is_unknown_and_ends_nothing(world: World) -> None:
    family = world.start(world.add())
    with pytest.raises(RefreshTokenUnknown):
        world.rotate("r0", "r1", now=NOW + DAY)
    assert world.is_alive(family)


def test_a_successor_is_good_from_its_own_beginning(world: World) -> None:
    world.start(world.add())
    world.rotate("r0", "r1", now=NOW + DAY - SECOND)
    assert world.rotate("r1", "r2", now=NOW + DAY).successor_digest == "r2"


def test_a_wish_for_more_uses_no_refresh_token_up(world: World) -> None:
    world.start(world.add())
    with pytest.raises(ScopeExceeded):
        world.rotate("r0", "r1", wanted=frozenset({"users:read", "users:write"}))
    late = NOW + GRACE + SECOND
    assert world.rotate("r0", "r1", wanted=frozenset({"users:read"}), now=late).successor_digest == "r1"


# --- seals ---------------------------------------------------------------------------------


def test_a_seal_is_changed_only_from_what_it_was(world: World) -> None:
    ours, others = world.seals.list_seals(after=0, limit=10)
    world.seals.change_seal(ours, to="sealed anew")
    world.seals.change_seal(replace(others, text="something else"), to="late")
    texts = [(seal.organization_id, seal.text) for seal in world.seals.list_seals(after=0, limit=10)]
    assert texts == [(OURS, "sealed anew"), (OTHERS, "sealed")]


def test_seals_come_in_pages_closed_organizations_included(world: World) -> None:
    world.close(OTHERS)
    assert [seal.organization_id for seal in world.seals.list_seals(after=0, limit=1)] == [OURS]
    assert [seal.organization_id for seal in world.seals.list_seals(after=OURS, limit=9)] == [OTHERS]
    assert world.seals.list_seals(after=OTHERS, limit=9) == []


# --- the databases alone --------------------------------------------------------------------------


def test_a_row_says_why_its_family_ended_and_until_when_it_matters(psyter_database: Database) -> None:
    world = sql_world(psyter_database)
    key_id = world.add()
    revoked, reused = world.start(key_id), world.start(key_id, "s0")
    world.families.end_family(revoked, organization_id=OURS, now=NOW)
    world.rotate("s0", "s1", now=NOW + SECOND)
    with pytest.raises(RefreshTokenReused):
        world.rotate("s0", "s1", now=NOW + DAY)
    of = tables.token_families.c
    with psyter_database.reading() as connection:
        rows = connection.execute(select(of.id, of.ended_at, of.ended_why, of.expires_at).order_by(of.id)).all()
    assert [tuple(row) for row in rows] == [
        (revoked, NOW, FamilyEnd.REVOKED, NOW + DAY),
        (reused, NOW + DAY, FamilyEnd.REUSED, NOW + SECOND + DAY),
    ]


def test_the_read_of_every_request_goes_by_id_only(fresh_database: FreshDatabase) -> None:
    psyter_database = fresh_database("sqlite", "psyter_db")
    with psyter_database.reading() as connection:
        text = str(ALIVE.compile(psyter_database.engine, compile_kwargs={"render_postcompile": True}))
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", (1, "2026-01-01")).all()
    assert [line.detail.split()[0] for line in plan] == ["SEARCH"] * 3
