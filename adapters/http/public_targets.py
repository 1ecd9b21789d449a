"""Sockets that reach public addresses only: what other people's URLs may make a node connect to.

The address is looked at where the socket for it is made, after every name was resolved and right before it
is dialled, so that neither a literal in a URL nor a name that changes leads to one that was not looked at.
"""

import socket
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from inventory.faults import Fault
from inventory.webhooks import is_web_address

# Addresses in which an IPv4 address hides (RFC 6052 §2.1, RFC 3056 §2, RFC 4380 §4).
_NAT64 = IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")

AddressInfo: TypeAlias = tuple[int, int, int, str, tuple[Any, ...]]


class PrivateTargetError(OSError):
    """The address is no public one; the message is what may be told to whoever gave the URL."""


def is_public(text: str) -> bool:
    """Tell whether an address is a public unicast one, and so is the IPv4 address in it, if any."""
    address = ip_address(text.partition("%")[0])
    inner = _inner(address) if isinstance(address, IPv6Address) else None
    if inner is not None:
        return is_public(str(inner))
    if isinstance(address, IPv6Address) and (address in _LOCAL_NAT64 or address.teredo is not None):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def inside_faults(url: str, pointer: str, *, allow_private: bool) -> Iterator[Fault]:
    """Say so where a web address names, without asking the DNS, a host that is not public."""
    if not allow_private and is_web_address(url) and _is_inside((urlsplit(url).hostname or "").rstrip(".")):
        yield Fault(
            pointer,
            "not_public",
            "lleva a una dirección que no es pública; use una que se alcance desde internet",
            "leads to an address that is not public; use one that can be reached from the internet",
        )


def _is_inside(host: str) -> bool:
    try:
        return not is_public(host if ":" in host else socket.inet_ntoa(socket.inet_aton(host)))
    except OSError:  # a name, not an address in any of its forms
        return host == "localhost" or host.endswith(".localhost")


def _inner(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def socket_maker(*, allow_private: Callable[[], bool]) -> Callable[[AddressInfo], socket.socket]:
    """Return what makes a TCP socket for an address, raising `PrivateTargetError` for a forbidden one."""

    def make(info: AddressInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        if not allow_private() and not is_public(str(address[0])):
            raise PrivateTargetError("it leads to an address that is not public")
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made

    return make
