"""The messages of one run, what becomes of each, and in which order receipts come: all from a seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from engine.receipts import Form
from tests.smpp_cases.pdus import Submit, answer, pdu, tlv

DELIVER_SM = 0x05
A_STEP = 500
FAILED = 0.1
MISSING = 0.05
DOUBLED = 0.05
OVERTAKING = 0.1
UNANSWERED = 50


@dataclass(frozen=True, slots=True)
class Messages:
    """`receipts` holds message numbers in the order of their receipts; the truth is `delivered`, `failed`.

    The first OVERTAKING of them come among the insertions, many before their own; the others after all.
    """

    count: int
    failing: frozenset[int]
    receipts: Sequence[int]

    @property
    def failed(self) -> int:
        """How many receipts say so, each message's once."""
        return len(self.failing.intersection(self.receipts))

    @property
    def delivered(self) -> int:
        """How many others have a receipt."""
        return len(set(self.receipts)) - self.failed

    @property
    def overtaking(self) -> int:
        """How many receipts come among the insertions."""
        return int(len(self.receipts) * OVERTAKING)

    @property
    def steps(self) -> int:
        """How many steps insert; as many with nothing but receipts follow."""
        return -(-self.count // A_STEP)

    def step(self, number: int) -> tuple[bytes, bytes, bytes]:
        """Return a step's submits, their answers, and its share of the receipts, as octets."""
        first, end = number * A_STEP, min((number + 1) * A_STEP, self.count)
        submits = b"".join(submit(each) for each in range(first, end))
        answers = b"".join(accepted(each) for each in range(first, end))
        receipts = b"".join(receipt(each, failed=each in self.failing) for each in self._share(number))
        return submits, answers, receipts

    def _share(self, number: int) -> Sequence[int]:
        """Return whose receipts come in a step."""
        first, end = 0, self.overtaking
        if number >= self.steps:
            number, first, end = number - self.steps, end, len(self.receipts)
        start, stop = (first + (end - first) * at // self.steps for at in (number, number + 1))
        return self.receipts[start:stop]


def messages(count: int, seed: int) -> Messages:
    """Return a run: every tenth fails, 5 % have no receipt, 5 % two, in any order."""
    chance = Random(seed)
    failing = frozenset(each for each in range(count) if chance.random() < FAILED)
    receipts = []
    for each in range(count):
        share = chance.random()
        receipts += [each] * (0 if share < MISSING else 2 if share < MISSING + DOUBLED else 1)
    chance.shuffle(receipts)
    return Messages(count, failing, receipts)


def subscriber(number: int) -> bytes:
    """Return the subscriber of a message: nobody's number."""
    return b"55%08d" % number


def submit(number: int) -> bytes:
    """Return a notification that asks for a receipt."""
    return Submit(sequence=number + 1, registered=1, destination=b"52" + subscriber(number)).octets


def accepted(number: int) -> bytes:
    """Return the answer, with a message_id in hexadecimal."""
    return answer(number + 1)


def receipt(number: int, *, failed: bool) -> bytes:
    """Return the receipt, with the same id in decimal (SMPP 3.4 Appendix B, §5.3.2.12, §5.3.2.35)."""
    text = b"id:%010d stat:%s" % (number + 1, b"UNDELIV" if failed else b"DELIVRD")
    body = (
        b"\0\1\x01"
        + subscriber(number)
        + b"\0\1\x015501234567\0\4\0\0\0\0\0\0\0\0"
        + bytes((len(text),))
        + text
    )
    more = tlv(0x001E, b"%d\0" % (number + 1)) + tlv(0x0427, b"\5" if failed else b"\2")
    return pdu(DELIVER_SM, 1 + number, body + more)


def as_receipts_have_it(number: int, form: Form) -> tuple[str, str]:
    """Return a message_id as an answer and as a receipt of that form have it."""
    match form:
        case "as-is":
            return f"{number:X}", f"{number:x}"
        case "hex-of-decimal":
            return f"{number}", f"{number:X}"
        case "decimal-of-hex":
            return f"{number:X}", f"{number}"
