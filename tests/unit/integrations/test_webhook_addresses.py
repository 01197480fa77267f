"""No webhook reaches our own network, whatever its URL looks like and whatever its name leads to."""

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.webhooks.addresses import (
    NameUnknown,
    Rules,
    Target,
    UrlRefused,
    addresses_of,
    is_loopback,
    is_public,
    problem_with,
    resolve,
    target_of,
)

STRICT = Rules(ports=frozenset({443, 8443}))
SANDBOX = Rules(ports=frozenset({443}), insecure=True)
PUBLIC = ("93.184.216.34", "8.8.8.8", "1.1.1.1", "2606:2800:220:1::1", "64:ff9b::808:808", "::ffff:8.8.8.8")
PRIVATE = (
    "0.0.0.1", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "169.254.169.254",
    "168.63.129.16", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1",
    "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808", "100::1", "2001::1", "2001:db8::1",
    "2001:10::1", "2002:7f00:1::", "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1",
    "fe80::1%eth0", "fec0::1", "ff02::1", "",
    "localhost",
)  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_no_other_address_is(address: str) -> None:
    assert not is_public(address)


PRIVATE_4 = tuple(
    IPv4Network(one)
    for one in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip


@given(st.sampled_from(PRIVATE_4).flatmap(lambda network: st.ip_addresses(network=network)))
def test_a_private_address_is_none_in_any_writing(address: IPv4Address) -> None:
    number = int(address)
    disguises = (
        str(address),
        str(IPv6Address((0xFFFF << 32) | number)),  # mapped
        str(IPv6Address(number)),  # compatible
        str(IPv6Address((0x64FF9B << 96) | number)),  # NAT64
        str(IPv6Address((0x2002 << 112) | (number << 80) | 1)),  # 6to4
        str(IPv6Address((0x20010000 << 96) | (number ^ 0xFFFFFFFF))),  # Teredo
    )
    assert not [one for one in disguises if is_public(one)]


@given(st.ip_addresses(v=6))
def test_only_global_unicast_is_public_of_ipv6(address: IPv6Address) -> None:
    carries_ipv4 = address.ipv4_mapped is not None or address in IPv6Network("64:ff9b::/96")
    if is_public(str(address)) and not carries_ipv4:
        assert address in IPv6Network("2000::/3")
        assert not address.is_private


def lead_to(*addresses: str, rules: Rules = STRICT) -> Sequence[str]:
    target = Target(scheme="https", host="partner.example", port=443, path="/")
    return addresses_of(target, rules, resolve=lambda _host, _port: list(addresses))


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    assert lead_to("8.8.8.8", "1.1.1.1") == ["8.8.8.8", "1.1.1.1"]
    for private in PRIVATE:
        with pytest.raises(UrlRefused):
            lead_to("8.8.8.8", private)


def test_a_name_that_leads_nowhere_is_no_address() -> None:
    with pytest.raises(NameUnknown):
        lead_to()

    def unknown(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    target = Target(scheme="https", host="partner.example", port=443, path="/")
    with pytest.raises(NameUnknown):
        addresses_of(target, STRICT, resolve=unknown)


def test_the_sandbox_may_call_this_machine_and_still_nothing_else() -> None:
    assert lead_to("127.0.0.1", rules=SANDBOX) == ["127.0.0.1"]
    for private in set(PRIVATE) - {one for one in PRIVATE if is_loopback(one)}:
        with pytest.raises(UrlRefused):
            lead_to(private, rules=SANDBOX)
    with pytest.raises(UrlRefused):
        lead_to("127.0.0.1")


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://partner.example", ("partner.example", 443, "/", "partner.example")),
        ("https://Partner.Example:443/a/b?c=d", ("partner.example", 443, "/a/b?c=d", "partner.example")),
        ("https://partner.example:8443/", ("partner.example", 8443, "/", "partner.example:8443")),
        ("https://xn--mgbh0fb.xn--kgbechtv/", ("xn--mgbh0fb.xn--kgbechtv", 443, "/", "xn--mgbh0fb.xn--kgbechtv")),
        ("https://8.8.8.8/", ("8.8.8.8", 443, "/", "8.8.8.8")),
        ("https://[2606:2800:220:1::1]/", ("2606:2800:220:1::1", 443, "/", "[2606:2800:220:1::1]")),
    ],
)
def test_a_url_is_read_as_it_is_meant(url: str, target: tuple[str, int, str, str]) -> None:
    found = target_of(url, STRICT)
    assert (found.host, found.port, found.path, found.authority) == target


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://partner.example/", "Must begin with https://."),
        ("ftp://partner.example/", "Must begin with https://."),
        ("file:///etc/passwd", "Must begin with https://."),
        ("partner.example", "Must begin with https://."),
        ("//partner.example", "Must begin with https://."),
        ("https://user@partner.example/", "Must not hold a user name or password."),
        ("https://user:pw@partner.example/", "Must not hold a user name or password."),
        ("https://@partner.example/", "Must not hold a user name or password."),
        ("https://partner.example/#x", "Must not have a fragment."),
        ("https://partner.example:22/", "The port must be one of: 443, 8443."),
        ("https://partner.example:0/", "The port must be one of: 443, 8443."),
        ("https://partner.example:99999/", "Not a URL."),
        ("https://[::1/", "Not a URL."),
        ("https:///path", "Must name a host."),
        ("https://2130706433/", "Must name a host."),
        ("https://0x7f.1/", "Must name a host."),
        ("https://127.1/", "Must name a host."),
        ("https://0177.0.0.1/", "Must name a host."),
        ("https://-bad-.example/", "Must name a host."),
        ("https://partner..example/", "Must name a host."),
        ("https://[fe80::1%25eth0]/", "Must lead to an address on the public Internet."),
        ("https://127.0.0.1/", "Must lead to an address on the public Internet."),
        ("https://[::ffff:127.0.0.1]/", "Must lead to an address on the public Internet."),
        ("https://partner.example/ x", "Must be a URL of visible ASCII letters, without a backslash."),
        ("https://partner.example\\@evil.example/", "Must be a URL of visible ASCII letters, without a backslash."),
        ("https://partner.example/\r\nX: y", "Must be a URL of visible ASCII letters, without a backslash."),
        ("https://١٢٧.0.0.1/", "Must be a URL of visible ASCII letters, without a backslash."),
        ("https://partner.example/" + "x" * 2000, "Must have 2000 letters or fewer."),
    ],
)
def test_what_is_wrong_with_a_url_is_said(url: str, problem: str) -> None:
    def literal(host: str, _port: int) -> Sequence[str]:
        return [host]

    assert problem_with(url, STRICT, resolve=literal) == problem


def test_a_url_that_is_fine_has_no_problem_and_a_name_that_leads_nowhere_has() -> None:
    assert problem_with("https://partner.example/", STRICT, resolve=lambda *_: ["8.8.8.8"]) is None
    said = problem_with("https://partner.example/", STRICT, resolve=lambda *_: [])
    assert said == "The name of the host leads to no address."


def test_this_machines_own_name_is_resolved() -> None:
    assert set(resolve("localhost", 80)) & {"127.0.0.1", "::1"}
