"""Limits of single organizations: on the fake, and on every engine alike."""

import pytest
from sqlalchemy import insert

from repositories.ports.rate_limits import RateLimits
from repositories.psyter_db import tables
from repositories.psyter_db.rate_limits import SqlRateLimits
from tests.conftest import FreshDatabase
from tests.engines import ENGINES
from tests.fakes.rate_limits import FakeRateLimits

OURS, OTHERS = 1, 2


@pytest.fixture(params=["fake", *ENGINES])
def limits(request: pytest.FixtureRequest, fresh_database: FreshDatabase) -> RateLimits:
    if request.param == "fake":
        return FakeRateLimits()
    database = fresh_database(request.param, "psyter_db")
    facts = {"is_charity": False, "is_active": True, "sealed_shared_api_key": "sealed"}
    rows = [{"id": number, "name": f"Organization {number}", **facts} for number in (OURS, OTHERS)]
    database.write(lambda connection: connection.execute(insert(tables.organizations), rows))
    return SqlRateLimits(database)


def test_an_organization_has_no_limits_of_its_own_until_it_is_given_some(limits: RateLimits) -> None:
    assert limits.of_organization(OURS) == {}
    limits.set_limit(OURS, "booking", per_minute=7)
    limits.set_limit(OURS, "search", per_minute=8)
    assert limits.of_organization(OURS) == {"booking": 7, "search": 8}
    assert limits.of_organization(OTHERS) == {}


def test_a_limit_is_changed_and_taken_away(limits: RateLimits) -> None:
    limits.set_limit(OURS, "booking", per_minute=7)
    limits.set_limit(OURS, "booking", per_minute=9)
    assert limits.of_organization(OURS) == {"booking": 9}
    limits.set_limit(OURS, "booking", per_minute=None)
    assert limits.of_organization(OURS) == {}
