"""An SMSC whose sessions answer by chance: rightly, with garbage, twice, or not at all."""

import asyncio
from dataclasses import dataclass, field
from random import Random

from adapters.simulator.pdu import (
    DATA_SM,
    ENQUIRE_LINK,
    ESME_RBINDFAIL,
    HEADER,
    RESPONSE,
    SUBMIT_SM,
    UNBIND,
    FrameBuffer,
    pdu,
)
from tests.fuzz.mutate import Mutator
from tests.fuzz.script import SMSC, Script, chance_of

BINDS = (1, 2, 9)


@dataclass
class Duel:
    """One session as both of its ends see it."""

    script: Script
    answers: Random
    smsc_got: bytearray = field(default_factory=bytearray)
    smsc_sent: bytearray = field(default_factory=bytearray)
    platform_got: bytearray = field(default_factory=bytearray)
    pushed: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    was_bound: bool = False


class HostileSmsc:
    """The listener: pairs each session with the duel that binds under its name."""

    def __init__(self, seed: int) -> None:
        self.duels: dict[str, Duel] = {}
        self.sessions: set[HostileSession] = set()
        self.port = 0
        self._seed = seed
        self._strangers = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on loopback."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: HostileSession(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def paired(self, bind: bytes) -> Duel:
        """Return the duel of a bind, a new one without a script's part for a stranger."""
        name = bind[16:].partition(b"\0")[0].decode("latin-1")
        if name in self.duels:
            return self.duels[name]
        self._strangers += 1
        script = Script("bind", "", "", (), (), 0.3, "fin")
        return Duel(script, chance_of(self._seed, -self._strangers, "answers"))


class HostileSession(asyncio.Protocol):
    """One connection of the node to the hostile SMSC."""

    transport: asyncio.Transport

    def __init__(self, smsc: HostileSmsc) -> None:
        self._smsc = smsc
        self._frames = FrameBuffer()
        self._early = bytearray()
        self._duel: Duel | None = None
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._smsc.sessions.add(self)

    def data_received(self, data: bytes) -> None:
        """Answer what is whole; the first PDU is a bind, or something that was meant to be one."""
        (self._early if self._duel is None else self._duel.smsc_got).extend(data)
        out = []
        for frame in self._frames.feed(data):
            if self._duel is None:
                self._duel = self._smsc.paired(frame)
                self._duel.smsc_got.extend(self._early)
                self._duel.was_bound = True
                self._duel.answers.random()
                self._task = asyncio.ensure_future(self._push(self._duel))
            out.append(self._answer(frame, self._duel))
        self._write(b"".join(out))

    def eof_received(self) -> bool:
        """Close with the node, mostly."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._smsc.sessions.discard(self)
        if self._task is not None:
            self._task.cancel()
        if self._duel is not None:
            self._duel.pushed.set()
            self._duel.released.set()

    def _write(self, octets: bytes) -> None:
        if octets and self._duel is not None and not self.transport.is_closing():
            self._duel.smsc_sent.extend(octets)
            self.transport.write(octets)

    def _answer(self, frame: bytes, duel: Duel) -> bytes:
        _, command, _, sequence = HEADER.unpack_from(frame)
        draw = duel.answers.random()
        if command in (SUBMIT_SM, DATA_SM):
            if draw < duel.script.garbles:
                return _garbled(duel.answers, command | RESPONSE, sequence)
            return pdu(command | RESPONSE, sequence, b"%010d\0" % sequence)
        if command in BINDS:
            status = ESME_RBINDFAIL if draw < 0.05 else 0
            return pdu(command | RESPONSE, sequence, b"hostile\0", status)
        if command == UNBIND and draw < 0.5:
            return pdu(command | RESPONSE, sequence)
        return pdu(command | RESPONSE, sequence) if command == ENQUIRE_LINK else b""

    async def _push(self, duel: Duel) -> None:
        """Send what the script has for the platform, among the answers."""
        for piece in duel.script.pushed:
            await asyncio.sleep(0)
            self._write(piece)
        duel.pushed.set()


def _garbled(chance: Random, command: int, sequence: int) -> bytes:
    """Return nothing, a refusal, a doubled answer or a mutated one."""
    kind = int(chance.random() * 6)
    proper = pdu(command, sequence, b"%010d\0" % sequence)
    if kind == 0:
        return b""
    if kind == 1:
        return pdu(command, sequence, b"", chance.choice((1, 8, 0x45, 0x58, 0x400)))
    if kind == 2:
        return proper + proper
    if kind == 3:
        return Mutator(SMSC, chance).pdu(sequence)
    return Mutator([proper], chance).pdu(sequence)
