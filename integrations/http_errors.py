"""What an outside service's answer means, in the words of integrations.ports.

    400 402 404 409 422 and the rest of 4xx   ProviderRefused         a no
    401 403                                   ProviderMisconfigured   our key or setting
    408 429                                   ProviderUnavailable     it surely did not happen
    5xx, 3xx, a body that makes no sense      ProviderUnavailable     it may have happened
    no connection                             ProviderUnavailable     it surely did not happen
    sent, and no answer                       ProviderUnavailable     it may have happened

A message holds the name of the call and the status, never what the service wrote.
"""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import requests
from requests.structures import CaseInsensitiveDict

from integrations.ports import ProviderError, ProviderMisconfigured, ProviderRefused, ProviderUnavailable

MISCONFIGURED = {401, 403}
NOT_NOW = {408, 429}
LONGEST_RETRY_AFTER = timedelta(minutes=10)


def error_of(call: str, answer: requests.Response, *, now: datetime) -> ProviderError | None:
    """The error that this answer means, or None for a 2xx."""
    status = answer.status_code
    message = f"{call}: HTTP {status}"
    if 200 <= status < 300:
        return None
    if status in MISCONFIGURED:
        return ProviderMisconfigured(message)
    if status in NOT_NOW or not 400 <= status < 500:
        wait = retry_after(answer.headers, now=now)
        return ProviderUnavailable(message, may_have_happened=status not in NOT_NOW, retry_after=wait)
    return ProviderRefused(message)


def unanswered(call: str, error: requests.RequestException) -> ProviderUnavailable:
    """The error for a call without an answer; only a connection that never came about surely changed nothing."""
    never_sent = isinstance(error, requests.ConnectTimeout) or (
        isinstance(error, requests.ConnectionError) and _never_connected(error)
    )
    return ProviderUnavailable(f"{call}: {type(error).__name__}", may_have_happened=not never_sent)


def retry_after(headers: CaseInsensitiveDict[str], *, now: datetime) -> timedelta | None:
    """The wait that a `Retry-After` of seconds or of a date asks for, within reason."""
    given = headers.get("Retry-After", "")
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


def _never_connected(error: requests.ConnectionError) -> bool:
    cause: BaseException | None = error
    for _ in range(6):
        reason = getattr(cause, "reason", None) or (cause.args[0] if cause is not None and cause.args else None)
        if type(reason).__name__ in {"NewConnectionError", "NameResolutionError", "ConnectTimeoutError"}:
            return True
        cause = reason if isinstance(reason, BaseException) else None
    return False
