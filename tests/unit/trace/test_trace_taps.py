"""A trace harms no session: whatever it can't keep or stumbles over, octets go on, and the taps come out."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from adapters.processes import tracing
from adapters.processes.messages import StartTrace, Traced
from adapters.processes.tracing import Tracing
from adapters.simulator.pdu import SUBMIT_SM, pdu
from adapters.smpp.legs import PlatformLeg
from adapters.smpp.stage import Stage
from adapters.trace.cutter import PduCutter
from adapters.trace.record import Stream

PDU = pdu(SUBMIT_SM, 1, b"x" * 84)


class Wire(asyncio.Transport):
    """A transport that keeps what is written, and says who is above it."""

    def __init__(self, protocol: asyncio.BaseProtocol) -> None:
        super().__init__({"sockname": ("192.0.2.1", 2775), "peername": ("192.0.2.9", 4000)})
        self.protocol = protocol
        self.written = b""

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Put another one above."""
        self.protocol = protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep."""
        self.written += data


class Relayed:
    """A link, as far as a trace looks at it."""

    def __init__(self, unfinished: bytes) -> None:
        self.relayed: list[bytes] = []
        self.over = asyncio.Event()
        self.session = SimpleNamespace(
            system_id=b"mcn", stage=Stage.BOUND, unfinished=lambda: (unfinished, b"")
        )
        self.leg = PlatformLeg(cast("Any", self))
        self.legs = (self.leg, None)

    def platform_said(self, octets: bytes) -> None:
        """Keep."""
        self.relayed.append(octets)


class Line:
    """The observation line: keeps what is said."""

    def __init__(self) -> None:
        self.said: list[Traced] = []
        self.behind = False

    def say(self, message: Traced) -> bool:
        """Keep."""
        self.said.append(message)
        return True


class Scene:
    """One session of `mcn` with its platform leg, and a worker's tracing."""

    def __init__(self, unfinished: bytes = b"", mode: str = "insert") -> None:
        self.faults: list[Exception] = []
        self.link = Relayed(unfinished)
        self.relayed, self.leg = self.link.relayed, self.link.leg
        self.wire = self.leg.transport = Wire(self.leg)
        self.line = Line()
        relay = SimpleNamespace(mode=mode, max_pdu_bytes=65536)
        core = SimpleNamespace(
            spec=SimpleNamespace(bypass=False),
            settings=SimpleNamespace(relay=relay),
            epoch=SimpleNamespace(worker=3),
            faults=SimpleNamespace(alarm=self.faults.append),
        )
        self.tracing = Tracing(cast("Any", core), cast("Any", self.line))

    def begin(self, seconds: float = 60) -> None:
        """Begin a trace."""
        self.tracing.begin(StartTrace(system_id="mcn", seconds=seconds), [cast("Any", self.link)])

    def receive(self, octets: bytes) -> None:
        """Let octets come from the platform."""
        cast("asyncio.Protocol", self.wire.protocol).data_received(octets)

    @property
    def untouched(self) -> bool:
        """Whether leg and transport are as without a trace."""
        return self.wire.protocol is self.leg and self.leg.transport is self.wire

    async def told(self) -> list[Traced]:
        """Return what was said once something was."""
        async with asyncio.timeout(60):
            while not self.line.said:
                await asyncio.sleep(0)
        return self.line.said


async def test_a_trace_that_begins_inside_a_pdu_shows_it_whole() -> None:
    """What had come before it is asked of the session; both ways are taken, and handed on as they were."""
    scene = Scene(unfinished=PDU[:30])
    scene.begin()
    scene.receive(PDU[30:] + PDU[:5])
    scene.leg.transport.write(PDU)
    [traced] = await scene.told()
    assert [(each.stream, each.octets) for each in traced.pdus] == [
        (Stream.FROM_PLATFORM, PDU),
        (Stream.TO_PLATFORM, PDU),
    ]
    assert traced.legs[0].session == traced.pdus[0].session == "3-1"
    assert (scene.relayed, scene.wire.written) == ([PDU[30:] + PDU[:5]], PDU)
    scene.tracing.stop()
    assert scene.untouched


async def test_what_there_is_no_room_for_is_dropped_whole_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """While control does not read, the buffer ends at its bound; the next PDU says what went before it."""
    monkeypatch.setattr(tracing, "BUFFER_OCTETS", 3 * (len(PDU) + tracing.RECORD_OCTETS))
    scene = Scene()
    scene.line.behind = True
    scene.begin()
    scene.receive(PDU * 5)
    assert scene.relayed == [PDU * 5]
    scene.line.behind = False
    [first] = await scene.told()
    assert (len(first.pdus), first.dropped) == (3, 2)
    scene.line.said.clear()
    scene.receive(PDU)
    [second] = await scene.told()
    assert [each.missed for each in second.pdus] == [2 * len(PDU)]
    scene.tracing.stop()


async def test_a_fault_of_the_trace_ends_it_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """The octets that it came with go on, the alarm has it, the taps are out, control hears the end."""
    scene = Scene()
    scene.begin()

    def broken(_: object, data: bytes) -> list[bytes]:
        raise RuntimeError(str(len(data)))

    monkeypatch.setattr(PduCutter, "cut", broken)
    scene.receive(PDU)
    assert scene.relayed == [PDU]
    assert [type(each) for each in scene.faults] == [RuntimeError]
    assert scene.untouched
    assert (await scene.told())[-1].last


async def test_a_fault_in_telling_ends_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be sent leaves no tap behind."""
    scene = Scene()

    def broken(**_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(tracing, "Traced", broken)
    scene.begin()
    scene.receive(PDU)
    async with asyncio.timeout(60):
        while not scene.faults:
            await asyncio.sleep(0)
    assert scene.untouched


async def test_a_trace_ends_by_itself() -> None:
    """When its time is over the taps come out, whether or not anybody says so."""
    scene = Scene()
    scene.begin(seconds=0.01)
    assert not scene.untouched
    assert (await scene.told())[-1].last
    assert scene.untouched


async def test_another_sessions_taps_come_out_once_it_has_bound() -> None:
    """A session that was not bound yet shows whose it is; if not the one asked for, nothing of it is told."""
    scene = Scene()
    scene.link.session.system_id = b""
    scene.begin()
    scene.receive(PDU)
    scene.link.session.system_id = b"otro"
    async with asyncio.timeout(60):
        while not scene.untouched:
            await asyncio.sleep(0)
    assert scene.line.said == []
    scene.tracing.stop()


async def test_in_bypass_nothing_is_tapped() -> None:
    """Nobody looks who binds there: the end is told at once."""
    scene = Scene(mode="bypass")
    scene.begin()
    assert scene.untouched
    assert [each.last for each in scene.line.said] == [True]
