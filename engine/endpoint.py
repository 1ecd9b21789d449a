"""A TCP address, `host:port`, as settings write it."""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address

_FORM = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})", re.ASCII)
_WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 (compared with, never bound to)
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to listen or to dial; `host` carries no brackets, port 0 means any free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Endpoint":
        """Read "127.0.0.1:2775", "smsc-1:2775" or "[::1]:2775"; raises ValueError for anything else."""
        found = _FORM.fullmatch(text)
        if found is None or int(found[3]) > 65535:
            raise ValueError(f"{text!r} is no HOST:PORT")
        if found[1] is None:
            return cls(found[2], int(found[3]))
        try:
            return cls(str(IPv6Address(found[1])), int(found[3]))
        except AddressValueError:
            raise ValueError(f"{found[1]!r} is no IPv6 address") from None

    def collides(self, other: "Endpoint") -> bool:
        """Tell whether both cannot be listened on at once."""
        same_host = self.host == other.host or bool({self.host, other.host} & _WILDCARDS)
        return self.port == other.port != 0 and same_host

    def reaches(self, listening: "Endpoint") -> bool:
        """Tell whether dialling this ends at what listens there, on the same machine."""
        everywhere = listening.host in _WILDCARDS and self.host in _WILDCARDS | _LOOPBACK
        return self.port == listening.port and (self.host == listening.host or everywhere)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
