"""What one hostile session does, drawn from its seed: kind, streams, where they are split, how it ends."""

from dataclasses import dataclass
from random import Random
from typing import Final, Literal

from adapters.simulator.pdu import (
    BIND_TRANSCEIVER,
    HEADER,
    SUBMIT_SM,
    UNBIND,
    pdu,
)
from tests.fuzz.mutate import Mutator, corpus
from tests.smpp_cases.pdus import Submit

Ending = Literal["fin", "reset", "cut", "bad length", "unbind"]
KINDS: Final = {
    "platform": 40,  # mutated PDUs to an SMSC that mostly answers as it should
    "both": 25,  # the same, with mutated PDUs coming back
    "smsc": 20,  # proper submits to an SMSC that answers garbage
    "bind": 4,  # a bind that is almost right, then the rest
    "unbound": 4,  # no bind at all
    "stream": 3,  # random octets on a fresh connection
    "bound stream": 2,  # random octets after a bind, on both legs
    "foreign": 2,  # TLS, HTTP, SSH where SMPP is spoken, and SMPP or a broken hello where TLS is
}
ENDINGS: Final[tuple[Ending, ...]] = ("fin", "fin", "fin", "fin", "reset", "cut", "bad length", "unbind")
BAD_LENGTHS: Final = (0, 1, 15, 65537, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
PLATFORM: Final = corpus("platform")
SMSC: Final = corpus("smsc")
TLS_HELLO: Final = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
GREETINGS: Final = (
    TLS_HELLO + b"x" * 507,
    b"GET / HTTP/1.1\r\nHost: relay\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.6\r\n",
    b"EHLO relay\r\n",
    b"\x00" * 64,
)
PLAIN: Final = Submit(sequence=2).octets


@dataclass(frozen=True, slots=True)
class Script:
    """One session: the route, who binds if anybody does, what each side sends in which pieces, the end.

    `waits` says that the platform keeps to the rule of sending nothing before its bind, the first piece,
    is answered. `pushed` is what the SMSC sends on its own after the bind. `garbles` is the share of its
    answers that are mutated.
    """

    kind: str
    route: str
    system_id: str
    pieces: tuple[bytes, ...]
    pushed: tuple[bytes, ...]
    garbles: float
    ending: Ending
    waits: bool = False

    @property
    def sent(self) -> bytes:
        """All that the platform sends."""
        return b"".join(self.pieces)


def chance_of(seed: int, number: int, part: str) -> Random:
    """Return the chance of one part of a session."""
    return Random(f"{seed}/{number}/{part}")


def write(seed: int, number: int, pdus: int) -> Script:
    """Draw the session `number` of a run, with about so many PDUs."""
    chance = chance_of(seed, number, "platform")
    kind = chance.choices(tuple(KINDS), tuple(KINDS.values()))[0]
    route = "shared" if chance.random() < 0.1 and kind != "smsc" else "hostile"
    ending = chance.choice(ENDINGS)
    name = f"{number}.{chance.getrandbits(24):06x}"
    bind = pdu(chance.choice((1, 2, 9, 9, 9, 9, 9, 9)), 1, name.encode() + b"\0secret\0\0\x34\0\0\0")
    if kind == "foreign":
        return _foreign(chance, name)
    if kind == "stream":
        stream = _pieces(chance, chance.randbytes(1 + int(chance.random() * 3000)))
        return Script(kind, route, name, stream, (), 0, ending)
    if kind == "bound stream":
        stream = bind + chance.randbytes(int(chance.random() * 3000))
        pushed = _pieces(chance, chance.randbytes(int(chance.random() * 3000)))
        return Script(kind, route, name, _pieces(chance, stream), pushed, 0, ending)
    first = _begin(chance, kind, bind)
    rest = _body(chance, kind, int(pdus * (0.2 + 1.6 * chance.random()))) + _end(chance, ending)
    pushed = _push(seed, number, pdus) if kind in ("both", "smsc") else ()
    garbles = chance.choice((0.1, 0.5, 0.9)) if kind in ("both", "smsc") else 0.02
    if kind in ("bind", "unbound"):
        return Script(kind, route, name, _pieces(chance, first + rest), pushed, garbles, ending)
    waits = chance.random() < 0.85
    pieces = (first, *_pieces(chance, rest)) if waits else _pieces(chance, first + rest)
    return Script(kind, route, name, pieces, pushed, garbles, ending, waits)


def _begin(chance: Random, kind: str, bind: bytes) -> bytes:
    if kind == "unbound":
        return b""
    return Mutator([bind], chance, 0.2).pdu(1) if kind == "bind" else bind


def _body(chance: Random, kind: str, pdus: int) -> bytes:
    if kind == "smsc":
        return b"".join(PLAIN[:12] + each.to_bytes(4, "big") + PLAIN[16:] for each in range(2, pdus // 3 + 2))
    mutator = Mutator(PLATFORM, chance)
    return b"".join([mutator.pdu(each) for each in range(2, pdus + 2)])


def _push(seed: int, number: int, pdus: int) -> tuple[bytes, ...]:
    chance = chance_of(seed, number, "pushed")
    mutator = Mutator(SMSC, chance)
    stream = b"".join([mutator.pdu(each) for each in range(2, int(pdus * chance.random()) + 2)])
    if chance.random() < 0.1:
        stream += _bad_length(chance)
    return _pieces(chance, stream)


def _end(chance: Random, ending: Ending) -> bytes:
    if ending == "cut":
        return PLAIN[: 1 + int(chance.random() * (len(PLAIN) - 1))]
    if ending == "bad length":
        return _bad_length(chance) + chance.randbytes(40)
    return pdu(UNBIND, 0x7FFFFFFF) if ending == "unbind" else b""


def _bad_length(chance: Random) -> bytes:
    return HEADER.pack(chance.choice(BAD_LENGTHS), chance.choice((SUBMIT_SM, BIND_TRANSCEIVER, 0)), 0, 9)


def _foreign(chance: Random, name: str) -> Script:
    route = chance.choice(("hostile", "tls", "tls"))
    greeting = bytearray(chance.choice((*GREETINGS, PLAIN)))
    for _ in range(int(chance.random() * 3)):
        greeting[int(chance.random() * len(greeting))] = chance.getrandbits(8)
    stream = bytes(greeting) + chance.randbytes(int(chance.random() * 600))
    return Script("foreign", route, name, _pieces(chance, stream), (), 0, chance.choice(("fin", "reset")))


def _pieces(chance: Random, stream: bytes) -> tuple[bytes, ...]:
    """Split a stream: mostly in large pieces, with runs of tiny ones, at any octet."""
    pieces, at = [], 0
    while at < len(stream):
        size = 1 + int(chance.random() * (8 if chance.random() < 0.1 else 12_000))
        pieces.append(stream[at : at + size])
        at += size
    return tuple(pieces)
