"""Why operators gave commands: with the command's deed or not at all, on the fake and on every engine alike."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from repositories.acting import during
from repositories.audit_outbox import SqlAuditOutbox
from repositories.psyter_db.command_reasons import SqlCommandReasons
from tests.conftest import FreshDatabase
from tests.contract.test_audit import an_act
from tests.engines import ENGINES
from tests.fakes.audit import FakeCommandReasons, FakeOutbox

WHY = "تذكرة ٧: asked for by Zaynab"


@dataclass
class World:
    outbox: Any
    reasons: Any

    def left(self, request_id: str, why: str = WHY) -> None:
        with during(replace(an_act("operator.purge"), request_id=request_id)):
            self.reasons.leave(why)

    def deeds(self) -> list[str]:
        return [deed.request_id for deed in self.outbox.oldest(limit=9)]


@pytest.fixture(params=["fake", *ENGINES])
def world(request: pytest.FixtureRequest, fresh_database: FreshDatabase) -> World:
    if request.param == "fake":
        outbox = FakeOutbox()
        return World(outbox, FakeCommandReasons(outbox))
    database = fresh_database(request.param, "psyter_db")
    return World(SqlAuditOutbox(database), SqlCommandReasons(database))


def test_a_reason_is_found_by_the_request_id_of_its_deed(world: World) -> None:
    world.left("r-1")
    world.left("r-2", "another")
    assert world.deeds() == ["r-1", "r-2"]
    assert world.reasons.of({"r-1", "r-3"}) == {"r-1": WHY}
    assert world.reasons.of(set()) == {}


def test_a_reason_that_cannot_be_kept_leaves_no_deed(world: World) -> None:
    world.left("r-1")
    with pytest.raises(IntegrityError):
        world.left("r-1", "twice")
    assert world.deeds() == ["r-1"]
    assert world.reasons.of({"r-1"}) == {"r-1": WHY}


def test_where_nobody_acts_there_is_no_reason(world: World) -> None:
    with pytest.raises(RuntimeError):
        world.reasons.leave(WHY)
