"""When an outside service may be asked: its breaker, as pure functions.

    closed  --(failures in a row, Retry-After, 401, 403)-->  open  --(a while later)-->  one call on trial: the probe
       ^                                                       ^                                      |
       +------------------------ it answers -------------------+---------- it does not ---------------+

A no is an answer. What comes from a call begun before the breaker opened changes nothing.
An operator's pause is beside all this: the service is not asked, whatever the breaker says.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from repositories.entities.services import ServiceState
from repositories.enums import Trouble


class Permit(StrEnum):
    """What a caller may do."""

    ASK = "ask"
    PROBE = "probe"  # if it is the first to take the probe
    OPEN = "open"
    PAUSED = "paused"


@dataclass(frozen=True, kw_only=True)
class BreakerSettings:
    failures: int  # in a row, that open it
    open_for: timedelta


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A call that was not answered, or answered that our key is wrong."""

    error: str
    at: datetime
    is_misconfigured: bool = False
    retry_after: timedelta = timedelta()


def permit(state: ServiceState, now: datetime) -> Permit:
    if state.paused_at is not None:
        return Permit.PAUSED
    if state.trouble is None:
        return Permit.ASK
    is_probed = state.probe_until is not None and now < state.probe_until
    is_early = state.open_until is not None and now < state.open_until
    return Permit.OPEN if is_probed or is_early else Permit.PROBE


def probed(state: ServiceState, *, token: str, now: datetime, until: datetime) -> ServiceState:
    """The state with this caller on trial, if nobody else is."""
    if permit(state, now) is not Permit.PROBE:
        return state
    return replace(state, probe_token=token, probe_until=until)


def answered(state: ServiceState, *, token: str, now: datetime) -> ServiceState:
    """After an answer to the call with this token: closed, and nothing held against it."""
    return state if _is_late(state, token) else _closed(state, now)


def failed(state: ServiceState, failure: Failure, *, token: str, settings: BreakerSettings) -> ServiceState:
    """After a failure of the call with this token: one more in a row, or open."""
    if _is_late(state, token):
        return state
    counted = replace(state, failures=state.failures + 1, error=failure.error)
    if failure.is_misconfigured:
        return _open(counted, Trouble.MISCONFIGURED, failure.at, settings.open_for)
    if failure.retry_after > timedelta():  # it spoke to all of us
        return _open(counted, Trouble.LIMITED, failure.at, failure.retry_after)
    if state.trouble is not None or counted.failures >= settings.failures:
        return _open(counted, Trouble.FAILING, failure.at, settings.open_for)
    return counted


def unprobed(state: ServiceState, *, token: str) -> ServiceState:
    """After a call on trial that never reached the service: the next caller may try."""
    return state if state.probe_token != token else replace(state, probe_token=None, probe_until=None)


def paused(state: ServiceState, *, by: str, why: str, now: datetime) -> ServiceState:
    return _standing_as_it_should(replace(state, paused_at=now, paused_by=by, paused_why=why), now)


def resumed(state: ServiceState, now: datetime) -> ServiceState:
    """Not paused; and if its breaker is open, the next caller is the probe."""
    free = replace(state, paused_at=None, paused_by=None, paused_why=None)
    if free.trouble is not None:
        free = replace(free, open_until=now, probe_token=None, probe_until=None)
    return _standing_as_it_should(free, now)


def stood_still(state: ServiceState, now: datetime) -> timedelta:
    """How long, all in all, those who wait for this service have not aged."""
    if state.standing_since is None:
        return state.stood_still
    return state.stood_still + max(now - state.standing_since, timedelta())


# --- how -----------------------------------------------------------------------------------


def _is_late(state: ServiceState, token: str) -> bool:
    return state.trouble is not None and token != state.probe_token


def _closed(state: ServiceState, now: datetime) -> ServiceState:
    closed = replace(
        state,
        failures=0,
        trouble=None,
        error=None,
        opened_at=None,
        open_until=None,
        probe_token=None,
        probe_until=None,
    )
    return _standing_as_it_should(closed, now)


def _open(state: ServiceState, trouble: Trouble, now: datetime, wait: timedelta) -> ServiceState:
    opened = replace(
        state,
        trouble=trouble,
        opened_at=state.opened_at or now,
        open_until=now + wait,
        probe_token=None,
        probe_until=None,
    )
    return _standing_as_it_should(opened, now)


def _standing_as_it_should(state: ServiceState, now: datetime) -> ServiceState:
    """Nobody ages while a person has to mend or to resume the service."""
    stands = state.paused_at is not None or state.trouble is Trouble.MISCONFIGURED
    return replace(state, stood_still=stood_still(state, now), standing_since=now if stands else None)
