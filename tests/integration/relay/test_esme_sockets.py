"""Our own ESME session against the simulated SMSC, and its PDUs against an independent codec."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import smpp34

from adapters.simulator.faults import Faults
from adapters.simulator.smsc import SimulatedSmsc
from adapters.smpp import esme
from adapters.smpp.constants import ESME_ROK
from adapters.smpp.esme import Credentials, EsmeSession, NoAnswerError, NotBoundError
from adapters.smpp.esme_core import Ended, EsmeCore, Outgoing, ProtocolError
from engine.endpoint import Endpoint

MESSAGE = Outgoing("5555", "525501234567", b"Tienes 1 llamada perdida. Buen Fin", 0)
WAIT_S = 60


@asynccontextmanager
async def session(
    smsc: SimulatedSmsc, password: str = "secreta", *, timeout_s: float = 60
) -> AsyncIterator[tuple[EsmeSession, asyncio.Event]]:
    """Run a session towards an SMSC; the event is set when it is bound."""
    bound = asyncio.Event()
    who = Credentials(Endpoint(smsc.host, smsc.port), "posdata", password)
    held = EsmeSession(who, response_timeout_s=timeout_s)
    task = asyncio.ensure_future(held.run(bound.set))
    try:
        yield held, bound
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def soon(bound: asyncio.Event) -> None:
    """Wait for a bind."""
    await asyncio.wait_for(bound.wait(), WAIT_S)


async def test_a_message_goes_out_and_its_answer_comes_home() -> None:
    """Bound, sent in a window, each answer to its own request, unbound at the end."""
    async with SimulatedSmsc(credentials={"posdata": "secreta"}, keep_frames=50) as smsc:
        async with session(smsc) as (held, bound):
            with pytest.raises(NotBoundError):
                await held.submit(MESSAGE)
            await soon(bound)
            answers = await asyncio.gather(*(held.submit(MESSAGE) for _ in range(25)))
        assert {each.status for each in answers} == {ESME_ROK}
        assert len({each.message_id for each in answers} - {""}) == 25
        await smsc.until(lambda: not smsc.sessions)
        commands = [int.from_bytes(frame.octets[4:8], "big") for frame in smsc.frames]
    assert (commands[0], commands[-1], commands.count(4)) == (2, 6, 25)
    sent = smpp34.decode(next(frame.octets for frame in smsc.frames if frame.octets[7] == 4))
    assert isinstance(sent, smpp34.SubmitSm)
    assert (sent.source_addr, sent.destination_addr, sent.short_message) == (
        *("5555", "525501234567"),
        MESSAGE.body,
    )


async def test_a_refusal_is_told_and_silence_ends() -> None:
    """The SMSC's status comes home; without an answer a message is unsure, the session goes on."""
    async with SimulatedSmsc() as smsc, session(smsc, timeout_s=2) as (held, bound):
        await soon(bound)
        smsc.faults = Faults(throttle=1)
        assert (await held.submit(MESSAGE)).status == 0x58
        smsc.faults = Faults(silence=1)
        with pytest.raises(NoAnswerError):
            await held.submit(MESSAGE)
        smsc.faults = Faults()
        assert (await held.submit(MESSAGE)).status == ESME_ROK


async def test_a_lost_link_is_dialled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was under way is unsure; the next message goes over the new session."""
    monkeypatch.setattr(esme, "FIRST_WAIT_S", 0.05)
    async with SimulatedSmsc() as smsc, session(smsc) as (held, bound):
        await soon(bound)
        bound.clear()
        smsc.faults = Faults(drop=1)
        with pytest.raises(NoAnswerError):
            await held.submit(MESSAGE)
        smsc.faults = Faults()
        await soon(bound)
        assert (await held.submit(MESSAGE)).status == ESME_ROK


async def test_a_refused_bind_is_no_session() -> None:
    """With a wrong password nothing can be sent."""
    async with SimulatedSmsc(credentials={"posdata": "secreta"}) as smsc, session(smsc, "otra") as (held, _):
        await smsc.until(lambda: smsc.connections > 0 and not smsc.sessions)
        assert not held.is_bound


@pytest.mark.parametrize("octets", [b"\0\0\0\x0f" + bytes(12), b"\xff" * 16])
def test_what_is_no_pdu_ends_the_session(octets: bytes) -> None:
    """A length that can't be is the end, not a guess."""
    [event] = EsmeCore().receive(octets)
    assert isinstance(event, Ended)


@pytest.mark.parametrize(
    "act",
    [
        lambda core: core.bind("x" * 16, "y"),
        lambda core: core.bind("x", "y" * 9),
        lambda core: core.submit(Outgoing("", "1" * 21, b"", 0)),
        lambda core: core.submit(Outgoing("", "1", bytes(255), 0)),
    ],
)
def test_what_does_not_fit_is_not_sent(act: Callable[[EsmeCore], object]) -> None:
    """Fields longer than SMPP 3.4 allows are refused before an octet leaves."""
    core = EsmeCore()
    with pytest.raises(ProtocolError):
        act(core)
    assert not core.out
