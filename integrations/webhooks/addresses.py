"""Where a webhook may be sent: nowhere within our own network, nor to anything that is not on the public Internet.

An owner chooses the URL, so it is an attempt at our network until shown otherwise (SSRF). The URL is judged, its name
is resolved once, every address of it is judged, and the connection goes to an address that was judged: what the name
says a moment later does not matter.
"""

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

Resolve = Callable[[str, int], Sequence[str]]

LONGEST_URL = 2000  # letters
PORT_OF = {"https": 443, "http": 80}
VISIBLE_ASCII = re.compile(r"[\x21-\x7e]+")
HOST_NAME = re.compile(
    r"(?=.{1,253}\Z)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.?", re.I
)

# Beyond what `is_global` knows in every version of Python that we run on.
NOT_PUBLIC = (
    IPv4Network("0.0.0.0/8"),
    IPv4Network("100.64.0.0/10"),  # carrier-grade NAT; also where one cloud keeps its metadata
    IPv4Network("168.63.129.16/32"),  # one cloud's own services, at a public address
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv4Network("198.18.0.0/15"),
    IPv4Network("224.0.0.0/3"),  # multicast, reserved, broadcast
)
GLOBAL_UNICAST = IPv6Network("2000::/3")
NOT_GLOBAL = (
    IPv6Network("2001::/23"),  # Teredo, ORCHID and other protocols
    IPv6Network("2001:db8::/32"),
    IPv6Network("2002::/16"),  # 6to4: an IPv4 address in disguise
    IPv6Network("3fff::/20"),
)
NAT64 = IPv6Network("64:ff9b::/96")  # an IPv4 address, as a network without IPv4 writes it


class UrlRefused(Exception):
    """Nothing may be sent to this URL; the text says why."""


class NameUnknown(Exception):
    """The name of the host leads to no address."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """`insecure` is for the sandbox: http, any port, and this machine itself."""

    ports: frozenset[int]
    insecure: bool = False


@dataclass(frozen=True, kw_only=True)
class Target:
    scheme: str
    host: str
    port: int
    path: str  # with its query

    @property
    def authority(self) -> str:
        """As the Host header names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORT_OF[self.scheme] else f"{host}:{self.port}"


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a name; those of a family that this machine has. Raises OSError, UnicodeError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def target_of(url: str, rules: Rules) -> Target:
    """What the URL says. Raises UrlRefused."""
    if len(url) > LONGEST_URL:
        raise UrlRefused(f"Must have {LONGEST_URL} letters or fewer.")
    if not VISIBLE_ASCII.fullmatch(url) or "\\" in url:
        raise UrlRefused("Must be a URL of visible ASCII letters, without a backslash.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise UrlRefused("Not a URL.") from error
    _judge_scheme(parts.scheme, rules)
    if "@" in parts.netloc:
        raise UrlRefused("Must not hold a user name or password.")
    if "#" in url:
        raise UrlRefused("Must not have a fragment.")
    if not _is_host(host):
        raise UrlRefused("Must name a host.")
    port = PORT_OF[parts.scheme] if port is None else port
    if port not in rules.ports and not rules.insecure:
        raise UrlRefused(f"The port must be one of: {', '.join(map(str, sorted(rules.ports)))}.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(scheme=parts.scheme, host=host, port=port, path=path)


def _judge_scheme(scheme: str, rules: Rules) -> None:
    if scheme != "https" and not (rules.insecure and scheme == "http"):
        raise UrlRefused("Must begin with https://.")


def _is_host(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        # Whatever ends in a number is an address in some other writing (2130706433, 0x7f.1), or nothing at all.
        return bool(HOST_NAME.fullmatch(host)) and not host.rstrip(".").rpartition(".")[2][:1].isdigit()
    return True


def addresses_of(target: Target, rules: Rules, *, resolve: Resolve = resolve) -> Sequence[str]:
    """The addresses of the target, every one of them fit to be called. Raises UrlRefused, NameUnknown."""
    try:
        found = resolve(target.host, target.port)
    except (OSError, UnicodeError) as error:
        raise NameUnknown from error
    if not found:
        raise NameUnknown
    if not all(is_public(one) or (rules.insecure and is_loopback(one)) for one in found):
        raise UrlRefused("Must lead to an address on the public Internet.")
    return found


def problem_with(url: str, rules: Rules, *, resolve: Resolve = resolve) -> str | None:
    """Why nothing may be sent to this URL, in words for its owner; None: it may."""
    try:
        addresses_of(target_of(url, rules), rules, resolve=resolve)
    except UrlRefused as refused:
        return str(refused)
    except NameUnknown as unknown:
        return (unknown.__doc__ or "").strip()
    return None


def is_public(text: str) -> bool:
    """Whether this address is one of the public Internet, whatever it is written as."""
    address = _plain(text)
    if address is None:
        return False
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in NOT_PUBLIC)
    return address.is_global and address in GLOBAL_UNICAST and not any(address in network for network in NOT_GLOBAL)


def is_loopback(text: str) -> bool:
    address = _plain(text)
    return address is not None and address.is_loopback


def _plain(text: str) -> IPv4Address | IPv6Address | None:
    """The address that is meant: an IPv4 address within an IPv6 one is judged as what it is."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return None
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
