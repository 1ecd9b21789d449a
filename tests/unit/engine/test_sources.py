"""Source lists: who may connect, in IPv4, IPv6 and IPv4 mapped into IPv6."""

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sources import SourceList


@pytest.mark.parametrize(
    ("address", "admitted"),
    [
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("198.51.100.0", True),
        ("198.51.100.255", True),
        ("198.51.101.0", False),
        ("::ffff:192.0.2.7", True),
        ("::ffff:192.0.2.8", False),
        ("2001:db8:1::5", True),
        ("2001:db9::5", False),
        ("fe80::1%eth0", True),
        ("::1", False),
    ],
)
def test_listed_addresses_and_networks_are_admitted(address: str, *, admitted: bool) -> None:
    """Whatever form the peer's address comes in, it is looked up as what it is."""
    listed = SourceList(["192.0.2.7", "198.51.100.0/24", "2001:db8::/32", "fe80::/10"])
    assert listed.admits(address) is admitted


def test_no_list_admits_everybody() -> None:
    """None means that the route has no list."""
    assert SourceList(None).admits("203.0.113.9")


@given(st.ip_addresses(v=4), st.ip_addresses(v=4), st.integers(0, 32))
def test_a_network_admits_exactly_its_addresses(base: IPv4Address, peer: IPv4Address, length: int) -> None:
    """The same prefix bits, or not in."""
    network = IPv4Network((base, length), strict=False)
    same = int(base) >> (32 - length) == int(peer) >> (32 - length)
    assert SourceList([str(network)]).admits(str(peer)) is same
