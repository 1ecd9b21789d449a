"""Which addresses may connect to a route: a list of addresses and networks."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network


def read_source(text: str) -> IPv4Network | IPv6Network:
    """Read "192.0.2.7", "192.0.2.0/24" or "2001:db8::/32"; raises ValueError, also for set host bits."""
    return ip_network(text)


class SourceList:
    """The sources that are let in; None lets everybody in."""

    def __init__(self, sources: Sequence[str] | None) -> None:
        self._networks = None if sources is None else tuple(read_source(source) for source in sources)

    def admits(self, address: str) -> bool:
        """Tell whether a peer may connect; an IPv4 address may come mapped into IPv6 (RFC 4291 §2.5.5.2)."""
        if self._networks is None:
            return True
        peer = ip_address(address.partition("%")[0])
        if isinstance(peer, IPv6Address) and peer.ipv4_mapped is not None:
            peer = peer.ipv4_mapped
        return any(peer in network for network in self._networks)
