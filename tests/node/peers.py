"""Bare sockets to a node, SMSCs that are not there, and the scene they play in."""

import asyncio
import socket
import struct
from dataclasses import dataclass
from itertools import count

from adapters.simulator.pdu import BIND_TRANSCEIVER, HEADER, RESPONSE, pdu
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from tests.node.harness import PATIENCE_S, Node

# A leg is released within a second (DESIGN §2), or not before a minute is over; the rest is this machine's.
RELEASED_WITHIN_S = 20.0
names = (f"esme{number}" for number in count())


@dataclass
class Scene:
    """A node between an SMSC and a neighbour, whose session nothing may touch."""

    node: Node
    smsc: SimulatedSmsc
    neighbour: RawPlatform

    def session_of(self, system_id: str) -> list[int]:
        """Return the numbers of the SMSC's sessions of one system_id."""
        return [number for number, each in self.smsc.sessions.items() if each.system_id == system_id]

    def frames_of(self, session: int) -> list[bytes]:
        """Return what the SMSC got on one session."""
        return [frame.octets for frame in self.smsc.frames if frame.session == session]


class Peer:
    """A bare socket to the node."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.system_id = next(names)

    @classmethod
    async def open(cls, address: tuple[str, int]) -> "Peer":
        """Connect."""
        return cls(*await asyncio.open_connection(*address))

    async def bind(self, sequence: int = 1) -> None:
        """Bind as a transceiver and take the answer."""
        self.writer.write(self.bind_request(sequence))
        assert HEADER.unpack((await self.frame())[:16])[1:] == (BIND_TRANSCEIVER | RESPONSE, 0, sequence)

    def bind_request(self, sequence: int = 1) -> bytes:
        """Return a bind of this peer."""
        body = f"{self.system_id}\0secret\0\0".encode("ascii") + b"\x34\0\0\0"
        return pdu(BIND_TRANSCEIVER, sequence, body)

    async def frame(self) -> bytes:
        """Return the next whole PDU."""
        async with asyncio.timeout(PATIENCE_S):
            head = await self.reader.readexactly(4)
            return head + await self.reader.readexactly(int.from_bytes(head, "big") - 4)

    async def rest(self) -> bytes:
        """Return everything up to the node's FIN."""
        async with asyncio.timeout(RELEASED_WITHIN_S):
            return await self.reader.read()

    def reset(self) -> None:
        """Send RST."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


def unlistened() -> socket.socket:
    """Return a socket whose port refuses connections for as long as it is open."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock


def deaf() -> tuple[socket.socket, list[socket.socket]]:
    """Return a listener that answers no more connections, and what fills its queue."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    waiting = []
    for _ in range(2):
        waiting.append(filler := socket.socket())
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
    return listener, waiting
