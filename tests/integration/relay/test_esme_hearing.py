"""Our own session hears what handsets write: nothing is taken over from the SMSC before it is stored."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from adapters.simulator.faults import Faults
from adapters.simulator.handset_message import HandsetMessage
from adapters.simulator.smsc import SimulatedSmsc
from adapters.smpp.constants import ESME_ROK
from adapters.smpp.esme import Credentials, EsmeSession, Hear, NotBoundError, NotStoredError
from adapters.smpp.esme_core import ESME_RX_T_APPN, Came, Outgoing
from adapters.smpp.esme_incoming import read_written
from adapters.smpp.esme_pace import SendingPace
from engine.endpoint import Endpoint
from tests.own_session import kept_bound

MESSAGE = Outgoing("5555", "525501234567", b"Listo", 0, receipt=True)
BAJA = HandsetMessage("525501234567", "5050", "BAJA")


@asynccontextmanager
async def bound(
    smsc: SimulatedSmsc, hear: Hear | None = None, pace: SendingPace | None = None
) -> AsyncIterator[EsmeSession]:
    """Yield a session that is bound both ways."""
    who = Credentials(Endpoint(smsc.host, smsc.port), "posdata", "", "transceiver")
    session = EsmeSession(who, hear=hear, pace=pace)
    async with kept_bound(session):
        yield session


async def test_the_smsc_is_answered_when_the_message_is_stored() -> None:
    """While storing lasts there is no deliver_sm_resp; what could not be stored stays with the SMSC."""
    stored, away, heard = asyncio.Event(), False, []

    async def hear(batch: Sequence[Came]) -> None:
        await stored.wait()
        if away:
            raise NotStoredError("the database is away")
        heard.extend(read_written(came.octets, came.command) for came in batch)

    async with SimulatedSmsc() as smsc, bound(smsc, hear):
        assert smsc.write("posdata", BAJA)
        await smsc.until(lambda: smsc.sessions != {})
        assert not smsc.taken_over
        stored.set()
        await smsc.until(lambda: smsc.taken_over[ESME_ROK] == 1)
        assert [(each.source, each.text) for each in heard if each] == [(b"525501234567", "BAJA")]
        away = True
        smsc.write("posdata", BAJA)
        await smsc.until(lambda: smsc.taken_over[ESME_RX_T_APPN] == 1)
    assert len(heard) == 1


async def test_a_fault_of_ours_ends_neither_session_nor_hearing() -> None:
    """A bug while reading leaves the message with the SMSC, and the next one is heard."""
    faults = [ValueError("a bug")]

    async def hear(_: Sequence[Came]) -> None:
        if faults:
            raise faults.pop()

    async with SimulatedSmsc() as smsc, bound(smsc, hear) as session:
        smsc.write("posdata", BAJA)
        await smsc.until(lambda: smsc.taken_over[ESME_RX_T_APPN] == 1)
        smsc.write("posdata", BAJA)
        await smsc.until(lambda: smsc.taken_over[ESME_ROK] == 1)
        assert session.is_bound


async def test_receipts_of_our_own_messages_come_home() -> None:
    """A message that asks for a receipt gets one, on the session that sent it."""
    heard: list[Came] = []

    async def hear(batch: Sequence[Came]) -> None:
        heard.extend(batch)

    async with SimulatedSmsc() as smsc, bound(smsc, hear) as session:
        answer = await session.submit(MESSAGE)
        await smsc.until(lambda: smsc.taken_over[ESME_ROK] == 1)
        assert f"id:{answer.message_id}".encode() in heard[0].octets


async def test_a_throttled_session_slows_down_and_what_never_left_is_told_so() -> None:
    """A refusal for throttling delays the next message; `before` is done only for what will leave."""
    pace = SendingPace(1000)
    begun = []

    async def before() -> None:
        begun.append(1)

    async with SimulatedSmsc() as smsc:
        async with bound(smsc, pace=pace) as session:
            smsc.faults = Faults(throttle=1)
            assert (await session.submit(MESSAGE, before)).status == 0x58
            assert pace.wait(asyncio.get_running_loop().time()) > 0.3
        try:
            await session.submit(MESSAGE, before)
        except NotBoundError:
            begun.append(0)
    assert begun == [1, 0]
