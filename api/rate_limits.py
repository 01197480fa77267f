"""How often one may call: a quota a minute for each organization and kind of call, or for each address before that.

Every route names its kind in its contract. Every answer that was counted says what is left
(draft-ietf-httpapi-ratelimit-headers), and a 429 also when it is worth trying again.
"""

from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address

from flask import Flask, Response, g, request

from api.contract import Limit, contract_of
from api.errors import TooManyRequests
from api.limiter import WINDOW, Counted
from api.services import services


def limit_requests(app: Flask) -> None:
    """Count every request whose contract names a kind, once it is known who calls."""

    @app.before_request
    def count() -> None:
        promise = contract_of(request.endpoint)
        if promise is None or promise.limit is Limit.UNLIMITED:
            return
        if promise.scope is not None:
            refuse_beyond(services().limiter.of_organization(promise.limit, g.caller.organization_id))
        else:
            refuse_beyond(services().limiter.of_stranger(promise.limit, f"address {network_of(request.remote_addr)}"))

    @app.after_request
    def tell(answer: Response) -> Response:
        if "counted" in g:
            answer.headers.update(headers_of(g.counted))
        return answer


def limit_access_key(access_key: str) -> None:
    """Count a request for a token against the key that asks. Raises TooManyRequests."""
    refuse_beyond(services().limiter.of_stranger(Limit.TOKEN, f"key {access_key}"))


def refuse_beyond(counted: Counted) -> None:
    """Raises TooManyRequests. The answer tells of the quota that has least left."""
    if "counted" not in g or counted.taken.left <= g.counted.taken.left:
        g.counted = counted
    if not counted.taken.is_allowed:
        raise TooManyRequests(retry_after=counted.taken.resets_in)


def headers_of(counted: Counted) -> Iterator[tuple[str, str]]:
    window = int(WINDOW.total_seconds())
    yield "RateLimit-Policy", f'"{counted.kind}";q={counted.per_minute};w={window}'
    yield "RateLimit", f'"{counted.kind}";r={counted.taken.left};t={counted.taken.resets_in}'


def network_of(address: str | None) -> str:
    """What one client can call from: an IPv4 address, or a /64 of IPv6."""
    try:
        parsed = ip_address(address or "")
    except ValueError:  # a Unix socket
        return "unknown"
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or parsed.exploded[:19])
    return str(parsed)
