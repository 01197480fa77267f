"""What the saga and the API rely on of PsyterDatabase: on the fake, and on every engine alike."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update

from repositories.database import Database
from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.entities.orders import Order
from repositories.entities.users import Guest
from repositories.enums import GenderType, LedgerKind, OrderStatus, SettingGroup
from repositories.ports.errors import BalanceOut, KeyReused, OrderVoided, ReferenceContradicted
from repositories.psyter_db import tables
from repositories.psyter_db.app_settings import FRESH_SECONDS, SqlAppSettings
from repositories.psyter_db.care_providers import SqlCareProviders
from repositories.psyter_db.orders import SqlOrders
from repositories.psyter_db.organizations import SqlOrganizations
from repositories.psyter_db.users import SqlUsers
from tests.conftest import FreshDatabase
from tests.engines import ENGINES
from tests.fakes.psyter import FakePsyter

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
CHARITY, ORDINARY = 1, 2
PROVIDER = 42
PRICE = 20_000  # an hour
BALANCE = 50_000
GUEST = Guest(reference_id="R-1", name="سارة Ahmed", dob=date(1990, 5, 15), gender=GenderType.FEMALE)
KEY = IdempotencyKey(key="k", body_digest="d" * 64)
BOOKINGS = count(1)


@dataclass
class World:
    organizations: Any
    users: Any
    orders: Any
    balance: Callable[[], int]
    ledger: Callable[[], list[tuple[LedgerKind, int]]]
    order_of: Callable[[int], Order | None]

    def save(self, booking_id: int, *, organization: int = CHARITY, minutes: int = 60) -> Order:
        saved: Order = self.orders.save_order(
            booking_id=booking_id,
            organization_id=organization,
            user_id=1,
            care_provider_id=PROVIDER,
            duration=timedelta(minutes=minutes),
            now=NOW,
        )
        return saved

    def void(self, booking_id: int) -> None:
        self.orders.void_order_if_present(booking_id, now=NOW)


@pytest.fixture(params=["fake", *ENGINES])
def world(request: pytest.FixtureRequest, fresh_database: FreshDatabase) -> World:
    return fake_world() if request.param == "fake" else sql_world(fresh_database(request.param, "psyter_db"))


def fake_world() -> World:
    fake = FakePsyter()
    fake.add_organization(id=CHARITY, is_charity=True, balance_minor=BALANCE)
    fake.add_organization(id=ORDINARY, is_charity=False, balance_minor=0)
    fake.add_provider(id=PROVIDER, hourly_rate_minor=PRICE)
    return World(
        fake,
        fake,
        fake,
        lambda: fake.balance(CHARITY),
        lambda: [(entry.kind, entry.amount_minor) for entry in fake.ledger],
        fake.orders.get,
    )


def sql_world(database: Database) -> World:
    database.write(fill)

    def balance() -> int:
        with database.reading() as connection:
            return int(connection.execute(select(tables.organization_balances.c.balance_minor)).scalar_one())

    def ledger() -> list[tuple[LedgerKind, int]]:
        with database.reading() as connection:
            rows = connection.execute(select(tables.balance_ledger).order_by(tables.balance_ledger.c.id))
            return [(LedgerKind(row.kind), row.amount_minor) for row in rows]

    def order_of(booking_id: int) -> Order | None:
        with database.reading() as connection:
            row = connection.execute(
                select(tables.orders).where(tables.orders.c.booking_id == booking_id)
            ).one_or_none()
        if row is None:
            return None
        return Order(
            id=row.id,
            booking_id=booking_id,
            status=OrderStatus(row.status),
            amount_minor=row.amount_minor,
            is_charged_to_balance=row.is_charged_to_balance,
        )

    return World(SqlOrganizations(database), SqlUsers(database), SqlOrders(database), balance, ledger, order_of)


def fill(connection: Any) -> None:
    for number, is_charity in ((CHARITY, True), (ORDINARY, False)):
        organization = {
            "id": number,
            "name": f"Organization {number}",
            "is_charity": is_charity,
            "is_active": True,
            "sealed_shared_api_key": "sealed",
        }
        connection.execute(insert(tables.organizations), organization)
    balance = {"organization_id": CHARITY, "balance_minor": BALANCE, "deposited_minor": BALANCE}
    connection.execute(insert(tables.organization_balances), balance)
    connection.execute(insert(tables.provider_levels), {"id": 1, "name_plang": "Junior", "name_slang": "مبتدئ"})
    provider = {
        "id": PROVIDER,
        "full_name_plang": "Dr. Sarah Ahmed",
        "full_name_slang": "د. سارة أحمد",
        "gender": 0,
        "experience_years": 5,
        "provider_level_id": 1,
        "hourly_rate_minor": PRICE,
        "rating_hundredths": 480,
        "time_zone": "Asia/Riyadh",
        "profile_image_url": "",
        "bio_plang": "",
        "bio_slang": "",
        "is_active": True,
    }
    connection.execute(insert(tables.care_providers), provider)


# --- organizations and users ---------------------------------------------------------------


def test_an_organization_is_found_as_it_is_and_a_stranger_is_not(world: World) -> None:
    charity = world.organizations.find_organization(CHARITY)
    assert (charity.id, charity.name, charity.is_charity) == (CHARITY, "Organization 1", True)
    assert (charity.sealed_shared_api_key, charity.cancellation_deadline) == ("sealed", timedelta())
    assert not world.organizations.find_organization(ORDINARY).is_charity
    assert world.organizations.find_organization(99) is None


def test_the_same_guest_twice_is_one_user(world: World) -> None:
    first = world.users.register(GUEST, organization_id=CHARITY, now=NOW)
    spaced = replace(GUEST, name="  سارة   AHMED ")
    assert world.users.register(spaced, organization_id=CHARITY, now=NOW) == first
    assert world.users.find_user(first.id, organization_id=CHARITY) == first


def test_a_reference_in_capitals_is_another_reference(world: World) -> None:
    first = world.users.register(GUEST, organization_id=CHARITY, now=NOW)
    other = replace(GUEST, reference_id=GUEST.reference_id.lower(), name="Somebody Else")
    assert other.reference_id != GUEST.reference_id
    assert world.users.register(other, organization_id=CHARITY, now=NOW).id != first.id


def test_a_guest_of_another_organization_is_another_user(world: World) -> None:
    first = world.users.register(GUEST, organization_id=CHARITY, now=NOW)
    assert world.users.register(GUEST, organization_id=ORDINARY, now=NOW).id != first.id
    assert world.users.find_user(first.id, organization_id=ORDINARY) is None


@pytest.mark.parametrize(
    "other",
    [
        replace(GUEST, name="سارة Omar"),
        replace(GUEST, dob=date(1990, 5, 16)),
        replace(GUEST, gender=GenderType.MALE),
    ],
    ids=["name", "dob", "gender"],
)
def test_other_details_under_one_reference_are_refused(world: World, other: Guest) -> None:
    first = world.users.register(GUEST, organization_id=CHARITY, now=NOW)
    with pytest.raises(ReferenceContradicted):
        world.users.register(other, organization_id=CHARITY, now=NOW)
    assert world.users.find_user(first.id, organization_id=CHARITY) == first


def test_registering_with_a_key_is_done_once_and_answers_the_user(world: World) -> None:
    first = world.users.register_once(GUEST, organization_id=CHARITY, key=KEY, now=NOW)
    assert world.users.find_user(first.ids[0], organization_id=CHARITY).reference_id == "R-1"
    assert world.users.register_once(GUEST, organization_id=CHARITY, key=KEY, now=NOW) == replace(first, is_replay=True)
    other = replace(GUEST, reference_id="R-2")
    with pytest.raises(KeyReused):
        world.users.register_once(other, organization_id=CHARITY, key=replace(KEY, body_digest="e" * 64), now=NOW)


def test_a_known_guest_is_registered_under_any_key(world: World) -> None:
    known = world.users.register(GUEST, organization_id=CHARITY, now=NOW)
    assert world.users.register_once(GUEST, organization_id=CHARITY, key=KEY, now=NOW) == Change(ids=(known.id,))


def test_a_contradicted_reference_keeps_no_key(world: World) -> None:
    world.users.register(GUEST, organization_id=CHARITY, now=NOW)
    with pytest.raises(ReferenceContradicted):
        world.users.register_once(replace(GUEST, name="x"), organization_id=CHARITY, key=KEY, now=NOW)
    assert not world.users.register_once(GUEST, organization_id=CHARITY, key=KEY, now=NOW).is_replay


# --- orders and the balance ----------------------------------------------------------------


def test_an_order_of_a_charity_is_paid_from_its_balance(world: World) -> None:
    order = world.save(1)
    assert (order.status, order.amount_minor, order.is_charged_to_balance) == (OrderStatus.OPEN, PRICE, True)
    assert world.balance() == BALANCE - PRICE
    assert world.ledger() == [(LedgerKind.DEBIT, PRICE)]


def test_the_price_goes_by_the_minute(world: World) -> None:
    assert world.save(1, minutes=45).amount_minor == PRICE * 3 // 4


def test_an_ordinary_organization_is_billed_and_no_balance_moves(world: World) -> None:
    assert not world.save(1, organization=ORDINARY).is_charged_to_balance
    world.void(1)
    assert (world.balance(), world.ledger()) == (BALANCE, [])


def test_saving_twice_is_saving_once(world: World) -> None:
    assert world.save(1) == world.save(1)
    assert world.balance() == BALANCE - PRICE


def test_a_balance_that_does_not_cover_it_is_out_and_nothing_is_written(world: World) -> None:
    world.save(1)
    world.save(2)
    with pytest.raises(BalanceOut):
        world.save(3)
    assert world.balance() == BALANCE - 2 * PRICE
    assert world.order_of(3) is None
    assert len(world.ledger()) == 2


def test_a_balance_is_spent_to_the_last_coin(world: World) -> None:
    world.save(1)
    world.save(2)
    world.save(3, minutes=30)
    assert world.balance() == 0


def test_voiding_restores_the_balance_and_twice_is_once(world: World) -> None:
    world.save(1)
    for _ in range(3):
        world.void(1)
    assert world.balance() == BALANCE
    assert world.ledger() == [(LedgerKind.DEBIT, PRICE), (LedgerKind.RESTORE, PRICE)]


def test_a_save_that_comes_after_its_void_is_kept_out(world: World) -> None:
    world.void(1)
    with pytest.raises(OrderVoided):
        world.save(1)
    world.void(1)
    assert (world.balance(), world.ledger()) == (BALANCE, [])


def test_a_voided_order_is_not_saved_again(world: World) -> None:
    world.save(1)
    world.void(1)
    with pytest.raises(OrderVoided):
        world.save(1)
    assert world.balance() == BALANCE


ACTS = st.lists(
    st.tuples(st.sampled_from(["save", "void"]), st.integers(0, 4), st.sampled_from([30, 45, 50, 60])), max_size=25
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ACTS)
def test_whatever_is_saved_and_voided_orders_ledger_and_balance_agree(
    world: World, acts: list[tuple[str, int, int]]
) -> None:
    base = 10 * next(BOOKINGS)
    for act, number, minutes in acts:
        with suppress(BalanceOut, OrderVoided):
            world.save(base + number, minutes=minutes) if act == "save" else world.void(base + number)
        signs = {LedgerKind.DEBIT: -1, LedgerKind.RESTORE: 1}
        assert world.balance() == BALANCE + sum(signs[kind] * amount for kind, amount in world.ledger())
        assert world.balance() >= 0
    for number in range(5):
        world.void(base + number)
    assert world.balance() == BALANCE


# --- every engine, without a fake --------------------------------------------------------------------------


def test_a_care_provider_is_known_in_both_languages(psyter_database: Database) -> None:
    sql_world(psyter_database)
    provider = SqlCareProviders(psyter_database).get_care_provider(PROVIDER)
    assert (provider.full_name_slang, provider.time_zone) == ("د. سارة أحمد", "Asia/Riyadh")


def test_a_changed_setting_is_seen_within_seconds(psyter_database: Database) -> None:
    now = 100.0
    kept = tables.cat_app_config_settings
    row = {"group_id": 25, "name": "VIDEOSDK_API_KEY", "value": "old"}
    psyter_database.write(lambda connection: connection.execute(insert(kept), row))
    settings_ = SqlAppSettings(psyter_database, monotonic=lambda: now)
    assert settings_.group(SettingGroup.VIDEO_SDK) == {"VIDEOSDK_API_KEY": "old"}
    psyter_database.write(lambda connection: connection.execute(update(kept).values(value="new")))
    now += FRESH_SECONDS - 0.1
    assert settings_.group(SettingGroup.VIDEO_SDK) == {"VIDEOSDK_API_KEY": "old"}
    now += 0.1
    assert settings_.group(SettingGroup.VIDEO_SDK) == {"VIDEOSDK_API_KEY": "new"}
    assert settings_.group(SettingGroup.SMTP) == {}
