"""Calls of outside services over kept connections, and what their answers mean in the words of integrations.ports.

    400 402 404 409 422 and the rest of 4xx   ProviderRefused         a no
    401 403                                   ProviderMisconfigured   our key or setting
    408 429                                   ProviderUnavailable     it surely did not happen
    5xx, 3xx, a body that makes no sense      ProviderUnavailable     it may have happened
    no connection                             ProviderUnavailable     it surely did not happen
    sent, and no answer                       ProviderUnavailable     it may have happened

A message holds the name of the call and the status, never what the service wrote.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

import urllib3

from integrations.ports import ProviderError, ProviderMisconfigured, ProviderRefused, ProviderUnavailable

MISCONFIGURED = {401, 403}
NOT_NOW = {408, 429}
LONGEST_RETRY_AFTER = timedelta(minutes=10)
NEVER_SENT = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)


class CallWatch(Protocol):
    def outside_call(self, name: str, *, service: str) -> AbstractContextManager[object]:
        """Around one call; the ProviderError that leaves it is its outcome. Raises nothing of its own."""
        ...

    def answered(self, status: int) -> None:
        """Inside an outside_call: the HTTP status of its answer. Raises nothing."""
        ...


class Unwatched:
    def outside_call(self, name: str, *, service: str) -> AbstractContextManager[object]:  # noqa: ARG002
        return nullcontext()

    def answered(self, status: int) -> None: ...


UNWATCHED = Unwatched()


class HttpService:
    """One outside service. Safe for many threads; every call has a time-out, no retry and no redirect of its own."""

    def __init__(
        self,
        service: str,
        *,
        timeout: timedelta,
        connections: int,
        clock: Callable[[], datetime],
        watch: CallWatch = UNWATCHED,
    ) -> None:
        self._service = service
        self._watch = watch
        seconds = timeout.total_seconds()
        self.pool = urllib3.PoolManager(
            maxsize=connections, timeout=urllib3.Timeout(connect=seconds, read=seconds), retries=False
        )
        self._pools: dict[str, urllib3.HTTPConnectionPool] = {}
        self._clock = clock

    def call(
        self,
        name: str,
        method: str,
        url: str,
        *,
        authorization: str,
        body: Mapping[str, Any] | None = None,
        fine: frozenset[int] = frozenset(),
    ) -> urllib3.BaseHTTPResponse:
        """The answer, if it is a 2xx or one of `fine`; `name` stands for the call in errors. Raises ProviderError."""
        headers = {"Authorization": authorization, "Content-Type": "application/json"}
        encoded = None if body is None else json.dumps(body).encode()
        with self._watch.outside_call(name, service=self._service):
            try:
                answer = self._pool_of(url).urlopen(
                    method, _path_of(url), body=encoded, headers=headers, redirect=False
                )
            except urllib3.exceptions.HTTPError as error:
                raise unanswered(name, error) from error
            self._watch.answered(answer.status)
            refusal = None if answer.status in fine else error_of(name, answer, now=self._clock())
            if refusal is not None:
                raise refusal
            return answer

    def close(self) -> None:
        self.pool.clear()

    def _pool_of(self, url: str) -> urllib3.HTTPConnectionPool:
        """The connections to this address; urllib3 would work out anew for each call which they are."""
        origin = url[: _end_of_origin(url)]
        known = self._pools.get(origin)
        return known or self._pools.setdefault(origin, self.pool.connection_from_url(origin))


def _end_of_origin(url: str) -> int:
    slash = url.find("/", url.index("://") + 3)
    return len(url) if slash < 0 else slash


def _path_of(url: str) -> str:
    return url[_end_of_origin(url) :] or "/"


def json_of(name: str, answer: urllib3.BaseHTTPResponse) -> Mapping[str, Any]:
    """The JSON object in an answer. Raises ProviderUnavailable."""
    try:
        body = json.loads(answer.data)
    except ValueError as error:
        raise nonsense(name) from error
    if not isinstance(body, dict):
        raise nonsense(name)
    return body


def nonsense(name: str) -> ProviderUnavailable:
    return ProviderUnavailable(f"{name}: an answer that makes no sense", may_have_happened=True)


def error_of(name: str, answer: urllib3.BaseHTTPResponse, *, now: datetime) -> ProviderError | None:
    """The error that this answer means, or None for a 2xx."""
    status = answer.status
    message = f"{name}: HTTP {status}"
    if 200 <= status < 300:
        return None
    if status in MISCONFIGURED:
        return ProviderMisconfigured(message)
    if status in NOT_NOW or not 400 <= status < 500:
        wait = retry_after(answer.headers.get("Retry-After", ""), now=now)
        return ProviderUnavailable(message, may_have_happened=status not in NOT_NOW, retry_after=wait)
    return ProviderRefused(message)


def unanswered(name: str, error: urllib3.exceptions.HTTPError) -> ProviderUnavailable:
    """The error for a call without an answer; only a connection that never came about surely changed nothing."""
    return ProviderUnavailable(f"{name}: {type(error).__name__}", may_have_happened=not isinstance(error, NEVER_SENT))


def retry_after(given: str, *, now: datetime) -> timedelta | None:
    """The wait that a `Retry-After` of seconds or of a date asks for, within reason."""
    wait = _seconds(given) or _until(given, now)
    return None if wait is None else min(max(wait, timedelta()), LONGEST_RETRY_AFTER)


def _seconds(given: str) -> timedelta | None:
    return timedelta(seconds=int(given)) if given.isascii() and given.isdigit() and len(given) < 10 else None


def _until(given: str, now: datetime) -> timedelta | None:
    try:
        date = parsedate_to_datetime(given)
    except ValueError:
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)) - now
