"""What a trace is made of: sessions' legs, PDUs on them."""

from dataclasses import dataclass
from enum import StrEnum


class Stream(StrEnum):
    """Which way octets went, on which leg."""

    FROM_PLATFORM = "platform>node"
    TO_SMSC = "node>smsc"
    FROM_SMSC = "smsc>node"
    TO_PLATFORM = "node>platform"

    @property
    def on_platform_leg(self) -> bool:
        """Tell which leg this is."""
        return self in {Stream.FROM_PLATFORM, Stream.TO_PLATFORM}

    @property
    def inward(self) -> bool:
        """Tell whether the node received it."""
        return self in {Stream.FROM_PLATFORM, Stream.FROM_SMSC}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One end of a TCP connection."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Ends:
    """The two ends of one leg."""

    ours: Endpoint
    theirs: Endpoint


@dataclass(frozen=True, slots=True)
class Captured:
    """One PDU of a session (named WORKER-NUMBER) at a UTC second.

    `missed` octets of the same stream, dropped because the trace was behind, went before it.
    """

    at: float
    session: str
    stream: Stream
    octets: bytes
    missed: int = 0
