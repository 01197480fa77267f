"""The audit log and its outboxes: on the fakes, and on every engine alike."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from repositories.acting import Act, about, about_nothing, aside, during
from repositories.audit_chain import Chain
from repositories.audit_outbox import SqlAuditOutbox
from repositories.database import Database
from repositories.entities.audit import Deed, DeedFilter, SealedDeed
from repositories.entities.services import ServiceAudit
from repositories.enums import DeedOutcome, Reason, Service
from repositories.ports.audit import AuditLog, AuditOutbox
from repositories.psyter_db.audit_log import SqlAuditLog
from repositories.scheduling_db.services import SqlServices
from saga.audit import SealAudit, VerifyAudit
from tests.conftest import FreshDatabase
from tests.engines import ENGINES
from tests.fakes.audit import FakeAuditLog, FakeOutbox

NOW = datetime(2026, 1, 5, 12, 0, 0, 123456, tzinfo=UTC)
OURS, OTHERS = 1, 2
CHAIN = Chain("k" * 32)


@dataclass
class World:
    outboxes: list[AuditOutbox]
    log: AuditLog

    def sealed(self) -> int:
        return SealAudit(outboxes=self.outboxes, log=self.log, clock=lambda: NOW)()

    def lines(self) -> list[SealedDeed]:
        return list(self.log.read(after=0, limit=1_000))

    def is_whole(self) -> bool:
        return VerifyAudit(log=self.log, chain=CHAIN)().broken is None


@pytest.fixture(params=["fake", *ENGINES])
def world(request: pytest.FixtureRequest, fresh_database: FreshDatabase) -> World:
    if request.param == "fake":
        return World([FakeOutbox(), FakeOutbox()], FakeAuditLog(CHAIN))
    psyter = fresh_database(request.param, "psyter_db")
    scheduling = fresh_database(request.param, "scheduling_db")
    return World([SqlAuditOutbox(scheduling), SqlAuditOutbox(psyter)], SqlAuditLog(psyter, CHAIN))


def an_act(action: str = "recording.read", *, at: datetime = NOW, organization_id: int | None = OURS) -> Act:
    return Act(
        action=action,
        request_id="r-1",
        clock=lambda: at,
        organization_id=organization_id,
        access_key_id=3,
        token_id="t",
        outcome=DeedOutcome.REFUSED,
        http_status=404,
        reason=Reason.NOT_FOUND,
    )


def left(world: World, act: Act, *, outbox: int = 1, kind: str | None = None) -> None:
    with during(act):
        if kind is not None:
            about(kind, 5)
        world.outboxes[outbox].leave()


def a_deed(number: int) -> Deed:
    return Deed(
        id=f"{number:032x}",
        action="booking.accept",
        outcome=DeedOutcome.ACCEPTED,
        organization_id=OURS,
        request_id=f"r-{number}",
        occurred_at=NOW + timedelta(seconds=number),
    )


def test_a_deed_is_kept_as_it_was_left(world: World) -> None:
    left(world, an_act(), kind="booking")
    (deed,) = world.outboxes[1].oldest(limit=10)
    assert deed == Deed(
        id=deed.id,
        action="recording.read",
        outcome=DeedOutcome.REFUSED,
        http_status=404,
        reason=Reason.NOT_FOUND,
        organization_id=OURS,
        access_key_id=3,
        token_id="t",
        resource_kind="booking",
        resource_id="5",
        request_id="r-1",
        occurred_at=NOW,
    )
    world.sealed()
    assert [line.deed for line in world.lines()] == [deed]


def test_what_waits_is_sealed_once_and_forgotten(world: World) -> None:
    for outbox in (0, 1, 1):
        left(world, an_act(), outbox=outbox)
    assert world.sealed() == 3
    assert [list(outbox.oldest(limit=10)) for outbox in world.outboxes] == [[], []]
    assert [line.sequence for line in world.lines()] == [1, 2, 3]
    assert world.sealed() == 0
    left(world, an_act(), outbox=0)
    assert world.sealed() == 1
    assert (len(world.lines()), world.is_whole()) == (4, True)


def test_a_death_between_sealing_and_forgetting_seals_nothing_twice(world: World) -> None:
    left(world, an_act())
    world.log.seal(world.outboxes[1].oldest(limit=10), now=NOW)
    assert world.sealed() == 0
    assert (len(world.lines()), world.is_whole()) == (1, True)


def test_several_that_seal_at_once_make_one_chain(world: World) -> None:
    deeds = [a_deed(number) for number in range(60)]
    with ThreadPoolExecutor(6) as pool:
        sealed = list(pool.map(lambda n: world.log.seal(deeds[n * 5 : n * 5 + 15], now=NOW), range(12)))
    assert sum(sealed) == len(world.lines()) == 60
    assert world.is_whole()


def test_a_log_that_holds_nothing_is_whole(world: World) -> None:
    assert world.log.head().sequence == 0
    assert world.is_whole()


def test_an_organization_sees_its_own_deeds_the_newest_first(world: World) -> None:
    for number, organization in enumerate([OURS, OTHERS, OURS, OURS, None]):
        left(world, an_act(at=NOW + timedelta(seconds=number % 3), organization_id=organization))
    world.sealed()
    found = world.log.list_deeds(DeedFilter(organization_id=OURS), before=None, limit=10)
    assert [line.sequence for line in found] == [3, 4, 1]
    places = [(line.deed.occurred_at, line.sequence) for line in found]
    assert places == sorted(places, reverse=True)
    for number, place in enumerate(places):
        assert world.log.list_deeds(DeedFilter(organization_id=OURS), before=place, limit=10) == found[number + 1 :]
    assert world.log.list_deeds(DeedFilter(organization_id=OURS), before=None, limit=2) == found[:2]


@pytest.mark.parametrize(
    ("narrowed", "expected"),
    [
        (lambda which: replace(which, action="booking.cancel"), [2]),
        (lambda which: replace(which, action="nothing"), []),
        (lambda which: replace(which, since=NOW + timedelta(seconds=1)), [3, 2]),
        (lambda which: replace(which, until=NOW + timedelta(seconds=1)), [1]),
        (lambda which: replace(which, since=NOW, until=NOW + timedelta(seconds=2), action="booking.accept"), [1]),
    ],
)
def test_deeds_are_found_by_action_and_period(
    world: World, narrowed: Callable[[DeedFilter], DeedFilter], expected: list[int]
) -> None:
    for number, action in enumerate(["booking.accept", "booking.cancel", "booking.accept"]):
        left(world, an_act(action, at=NOW + timedelta(seconds=number)))
    world.sealed()
    found = world.log.list_deeds(narrowed(DeedFilter(organization_id=OURS)), before=None, limit=10)
    assert [line.sequence for line in found] == expected


# --- what every transaction leaves ---------------------------------------------------------


@pytest.fixture(params=["psyter_db", "scheduling_db"])
def database(request: pytest.FixtureRequest, engine: str, fresh_database: FreshDatabase) -> Database:
    return fresh_database(engine, request.param)


def deeds_in(database: Database) -> list[Deed]:
    return list(SqlAuditOutbox(database).oldest(limit=100))


def test_every_transaction_of_whoever_acts_leaves_a_deed_even_if_it_says_nothing(database: Database) -> None:
    with during(an_act("user.register")) as act:
        database.write(lambda _connection: None)
    assert [(deed.action, deed.resource_kind) for deed in deeds_in(database)] == [("user.register", None)]
    assert act.deeds_left == 1


def saying(*words: Callable[[], None]) -> Callable[[object], None]:
    def work(_connection: object) -> None:
        for word in words:
            word()

    return work


def test_it_leaves_one_for_each_thing_that_it_is_about(database: Database) -> None:
    booking, other = partial(about, "booking", 5), partial(about, "booking", 6)
    guest = partial(about, "user", "u", action="user.register", organization_id=OTHERS)
    with during(an_act("booking.accept")):
        database.write(saying(booking, guest))
        database.write(saying(other))
    told = [(deed.action, deed.resource_kind, deed.resource_id, deed.organization_id) for deed in deeds_in(database)]
    assert told == [
        ("booking.accept", "booking", "5", OURS),
        ("user.register", "user", "u", OTHERS),
        ("booking.accept", "booking", "6", OURS),
    ]


def test_it_leaves_none_if_it_changed_nothing(database: Database) -> None:
    with during(an_act()) as act:
        database.write(saying(about_nothing))
        database.write(saying(partial(about, "booking", 5), about_nothing))
        database.write(saying(about_nothing, partial(about, "booking", 6)))
    assert [deed.resource_id for deed in deeds_in(database)] == ["5", "6"]
    assert act.deeds_left == 2


def test_a_transaction_that_fails_leaves_none_and_what_it_said_is_forgotten(database: Database) -> None:
    def fails(_connection: object) -> None:
        about("booking", 5)
        raise ZeroDivisionError

    with during(an_act()):
        with pytest.raises(ZeroDivisionError):
            database.write(fails)
        database.write(saying(partial(about, "booking", 6)))
    assert [deed.resource_id for deed in deeds_in(database)] == ["6"]


def test_what_our_machinery_writes_meanwhile_leaves_none(database: Database) -> None:
    with during(an_act()):
        about("booking", 5)
        with aside():
            database.write(saying(partial(about, "service", "videosdk")))
        database.write(lambda _connection: None)
    assert [(deed.resource_kind, deed.resource_id) for deed in deeds_in(database)] == [("booking", "5")]


def test_what_a_call_met_is_no_deed_but_what_an_operator_does_to_a_service_is(scheduling_database: Database) -> None:
    services = SqlServices(scheduling_database)
    pause = ServiceAudit(action="pause", by="root", why="ticket 7", at=NOW)
    with during(an_act("operator.service.pause")):
        services.change(Service.VIDEOSDK, lambda state: replace(state, failures=state.failures + 1))
        assert deeds_in(scheduling_database) == []
        services.change(Service.VIDEOSDK, lambda state: state, entry=pause)
    assert [(deed.resource_kind, deed.resource_id) for deed in deeds_in(scheduling_database)] == [
        ("service", "videosdk")
    ]


def test_nobody_acts_in_a_worker(database: Database) -> None:
    database.write(saying(partial(about, "booking", 5)))
    assert deeds_in(database) == []


def test_the_same_number_twice_is_two_deeds(world: World) -> None:
    """As SQLite gives a row's number anew once it was deleted."""
    for _ in range(3):
        left(world, an_act())
        assert world.sealed() == 1
    assert len({line.deed.id for line in world.lines()}) == 3
