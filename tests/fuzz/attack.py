"""The hostile side in a process of its own: many sessions at a time, each played and judged from its seed."""

import asyncio
import json
import socket
import struct
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from adapters.simulator.pdu import HEADER_OCTETS
from tests.fuzz import judge
from tests.fuzz.hostile_smsc import Duel, HostileSmsc
from tests.fuzz.mutate import frames
from tests.fuzz.script import Script, chance_of, write

TOLD_EVERY_S = 0.2
# Longer than a node lingers; what takes longer is a session that was not released.
OVER_WITHIN_S = 8.0
RESET = struct.pack("ii", 1, 0)


@dataclass
class Score:
    """What was done so far; PDUs are counted when they have come out on the other leg, or were refused."""

    sessions: int = 0
    streams: int = 0
    to_smsc: int = 0
    to_platform: int = 0
    refused: int = 0
    ads: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    faults: list[dict[str, Any]] = field(default_factory=list)

    def line(self) -> bytes:
        """Return the score as one JSON document; each fault is told once."""
        told, self.faults = self.faults, []
        return json.dumps(vars(self) | {"faults": told}).encode() + b"\n"


class Attack:
    """Plays sessions `first`, `first` + 1 … until told to stop."""

    def __init__(self, orders: dict[str, Any], smsc: HostileSmsc) -> None:
        self.score = Score()
        self.stopped = False
        self._routes: dict[str, tuple[str, int]] = {k: tuple(v) for k, v in orders["routes"].items()}
        self._seed, self._next, self._last = orders["seed"], orders["first"], orders["last"]
        self._pdus = orders["pdus"]
        self._smsc = smsc

    async def work(self) -> None:
        """Play one session after another."""
        while not self.stopped and self._next < self._last:
            number, self._next = self._next, self._next + 1
            await self._play(number, write(self._seed, number, self._pdus))

    async def _play(self, number: int, script: Script) -> None:
        duel = Duel(script, chance_of(self._seed, number, "answers"))
        self._smsc.duels[script.system_id] = duel
        try:
            async with asyncio.timeout(OVER_WITHIN_S):
                whole = await self._fight(duel)
        except TimeoutError:
            self._fault(number, duel, f"the session was not over within {OVER_WITHIN_S:g} s")
        else:
            self._judge(number, duel, whole)
        finally:
            del self._smsc.duels[script.system_id]

    async def _fight(self, duel: Duel) -> bool:
        """Send it all and end; tell whether everything had time to be relayed."""
        script, reset = duel.script, False
        reader, writer = await asyncio.open_connection(*self._routes[script.route])
        answered = asyncio.Event()
        collector = asyncio.ensure_future(_collect(reader, duel.platform_got, answered))
        try:
            for number, piece in enumerate(script.pieces):
                if number == 1 and script.waits:
                    await _either(answered, collector)
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if script.pushed and script.route == "hostile":
                await _either(duel.pushed, collector)
            if script.ending == "reset":
                reset = True
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                writer.transport.abort()
            elif not writer.is_closing():
                writer.write_eof()
        except OSError:
            reset = True  # the node was faster
        await collector
        writer.close()
        if duel.was_bound:
            await duel.released.wait()
        return not reset

    def _judge(self, number: int, duel: Duel, whole: bool) -> None:
        script, score = duel.script, self.score
        score.sessions += 1
        score.kinds[script.kind] += 1
        score.endings[script.ending] += 1
        if script.kind in ("stream", "bound stream", "foreign"):
            score.streams += 1
        if not duel.was_bound:
            score.refused += len(duel.platform_got) >= HEADER_OCTETS
            return
        _, broke = frames(bytes(duel.smsc_sent), judge.LARGEST)
        whole = whole and not broke and script.kind != "bind"
        there = judge.to_smsc(script.sent, bytes(duel.smsc_got), whole=whole)
        back = judge.to_platform(bytes(duel.smsc_sent), bytes(duel.platform_got))
        score.to_smsc += there.pdus
        score.to_platform += back.pdus
        score.ads += there.ads
        for fault in (there.fault, back.fault):
            if fault:
                self._fault(number, duel, fault)

    def _fault(self, number: int, duel: Duel, what: str) -> None:
        self.score.faults.append(
            {
                "session": number,
                "what": what,
                "kind": duel.script.kind,
                "ending": duel.script.ending,
                "platform": duel.script.sent.hex(),
                "smsc": duel.smsc_sent.hex(),
            }
        )


async def _collect(reader: asyncio.StreamReader, into: bytearray, answered: asyncio.Event) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 18):
            into.extend(data)
            answered.set()


async def _either(event: asyncio.Event, task: "asyncio.Future[None]") -> None:
    """Wait for an event, or for the end of the connection."""
    waiter = asyncio.ensure_future(event.wait())
    await asyncio.wait({waiter, task}, return_when=asyncio.FIRST_COMPLETED)
    waiter.cancel()


async def main() -> None:
    """Say where the hostile SMSC listens, take orders, fight until told to stop; the score goes to stdout."""
    loop = asyncio.get_running_loop()
    orders_in = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders_in), sys.stdin)
    seed = int(sys.argv[1])
    smsc = HostileSmsc(seed)
    await smsc.start()
    _say(json.dumps({"port": smsc.port}).encode() + b"\n")
    orders = json.loads(await orders_in.readline())
    attack = Attack(orders, smsc)
    workers = [asyncio.ensure_future(attack.work()) for _ in range(orders["at_once"])]
    stop = asyncio.ensure_future(orders_in.read())
    while not all(worker.done() for worker in workers):
        await asyncio.wait(workers, timeout=TOLD_EVERY_S)
        attack.stopped = stop.done()
        _say(attack.score.line())
    for worker in workers:
        worker.result()
    _say(attack.score.line())


def _say(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(main())
