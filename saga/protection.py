"""Calls of outside services: behind a breaker that all workers share, and within a bound."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import structlog

from integrations.places import Places
from integrations.ports import (
    BreakerOpen,
    NoPlaceFree,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderUnavailable,
    ServicePaused,
)
from repositories.entities.services import ServiceState
from repositories.enums import Service, Trouble
from repositories.ports.errors import StoreUnavailable
from repositories.ports.services import Services
from saga.breaker import BreakerSettings, Failure, Permit, answered, failed, permit, probed, unprobed
from saga.lookout import Lookout

log = structlog.get_logger()

T = TypeVar("T")


class Guard(Protocol):
    def call(self, service: Service, work: Callable[[], T]) -> T:
        """What `work` answers, if the service may be asked. Raises ProviderHeld, and whatever `work` does."""
        ...

    def read(self, service: Service, work: Callable[[], T]) -> T:
        """The same for a call that changes nothing: it is no sign of how bookings fare, so it counts for nothing."""
        ...


class Protection:
    """The Guard of a process. Writes on failures only, and on the first answer after them."""

    def __init__(
        self,
        *,
        services: Services,
        lookout: Lookout,
        places: Places,
        settings: BreakerSettings,
        longest_call: timedelta,
        clock: Callable[[], datetime],
        new_token: Callable[[], str],
    ) -> None:
        self._services = services
        self._lookout = lookout
        self._places = places
        self._settings = settings
        self._longest_call = longest_call
        self._clock = clock
        self._new_token = new_token

    def call(self, service: Service, work: Callable[[], T]) -> T:
        permitted = self._permit(service)
        token = self._new_token()
        if not self._places.enter(service, token):
            raise NoPlaceFree
        try:
            if permitted is Permit.PROBE:
                self._take_probe(service, token)
            return self._ask(service, token, work)
        finally:
            self._places.leave(service, token)

    def read(self, service: Service, work: Callable[[], T]) -> T:
        self._permit(service)
        token = self._new_token()
        if not self._places.enter(service, token):
            raise NoPlaceFree
        try:
            return work()
        finally:
            self._places.leave(service, token)

    def _permit(self, service: Service) -> Permit:
        permitted = permit(self._lookout.of(service).state, self._clock())
        if permitted is Permit.PAUSED:
            raise ServicePaused
        if permitted is Permit.OPEN:
            raise BreakerOpen
        return permitted

    def _take_probe(self, service: Service, token: str) -> None:
        now = self._clock()
        state = self._change(service, lambda state: probed(state, token=token, now=now, until=now + self._longest_call))
        if state is None or (state.probe_token != token and permit(state, now) is not Permit.ASK):
            raise BreakerOpen

    def _ask(self, service: Service, token: str, work: Callable[[], T]) -> T:
        try:
            answer = work()
        except ProviderRefused:  # a no is an answer
            self._note_answer(service, token)
            raise
        except (ProviderUnavailable, ProviderMisconfigured) as error:
            self._note_failure(service, token, error)
            raise
        except Exception:  # it says nothing of the service
            self._give_probe_back(service, token)
            raise
        self._note_answer(service, token)
        return answer

    def _note_answer(self, service: Service, token: str) -> None:
        if self._lookout.of(service).state.failures > 0:
            now = self._clock()
            self._change(service, lambda state: answered(state, token=token, now=now))

    def _note_failure(self, service: Service, token: str, error: ProviderUnavailable | ProviderMisconfigured) -> None:
        asked = error.retry_after if isinstance(error, ProviderUnavailable) else None
        failure = Failure(
            error=type(error).__name__,
            at=self._clock(),
            is_misconfigured=isinstance(error, ProviderMisconfigured),
            retry_after=asked or timedelta(),
        )
        self._change(service, lambda state: failed(state, failure, token=token, settings=self._settings))

    def _give_probe_back(self, service: Service, token: str) -> None:
        if self._lookout.of(service).state.probe_token == token:
            self._change(service, lambda state: unprobed(state, token=token))

    def _change(self, service: Service, rule: Callable[[ServiceState], ServiceState]) -> ServiceState | None:
        """Write the change down, if the database answers: a breaker must not be one more thing that fails."""
        troubles: list[Trouble | None] = []

        def noting(before: ServiceState) -> ServiceState:
            after = rule(before)
            troubles[:] = before.trouble, after.trouble
            return after

        try:
            state = self._services.change(service, noting)
        except StoreUnavailable:
            log.warning("breaker_not_written", service=service.value)
            return None
        self._lookout.note(state)
        if len(set(troubles)) > 1:
            tell_of(state)
        return state


def tell_of(state: ServiceState) -> None:
    service = state.service.value
    if state.trouble is None:
        log.warning("breaker_closed", service=service)
    else:
        log.warning(
            "breaker_opened", service=service, trouble=state.trouble.value, failures=state.failures, error=state.error
        )
