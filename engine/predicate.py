"""Is this request a notification that may carry an ad? One table, evaluated once per distinct header."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, NamedTuple

from engine.reasons import Reason

SCHEDULED: Final = 0x01
HAS_SHORT_MESSAGE: Final = 0x02
HAS_PAYLOAD: Final = 0x04
MULTIPART: Final = 0x08
PORTS: Final = 0x10

# A hostile peer could send every combination of header octets: what is remembered is bounded.
MEMO_LIMIT = 4096


class Header(NamedTuple):
    """The header octets of a submit_sm or data_sm that decide, plus what its TLVs say (`flags`)."""

    esm_class: int
    protocol_id: int
    replace_if_present: int
    data_coding: int
    sm_default_msg_id: int
    flags: int

    @property
    def word(self) -> int:
        """The six octets as one integer: what the hot path computes and the memo is keyed by."""
        return int.from_bytes(bytes(self), "big")

    @classmethod
    def from_word(cls, word: int) -> "Header":
        """Take a word apart again."""
        return cls(*word.to_bytes(6, "big"))


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the predicate: a field, what it may be, the reason when it is not, the clause."""

    field: str
    allowed: str
    reason: Reason
    clause: str
    holds: Callable[[Header], bool]


def _rule(
    field: str, allowed: str, reason: Reason, clause: str
) -> Callable[[Callable[[Header], bool]], Rule]:
    return lambda holds: Rule(field, allowed, reason, clause, holds)


REPLACE_RULE = _rule(
    "protocol_id, replace_if_present_flag", "not 0x40–0x7F, and 0", Reason.REPLACEABLE,
    "3GPP 23.040 §9.2.3.9; SMPP 3.4 §5.2.18",
)(lambda h: not 0x40 <= h.protocol_id <= 0x7F and h.replace_if_present == 0)  # fmt: skip

RULES: tuple[Rule, ...] = (
    _rule("esm_class bits 1–0", "0 (default) or 3 (store and forward)", Reason.ESM_MODE,
          "SMPP 3.4 §5.2.12")(lambda h: h.esm_class & 0x03 in (0, 3)),
    _rule("esm_class bits 5–2", "0 (default message type)", Reason.ESM_TYPE,
          "SMPP 3.4 §5.2.12")(lambda h: h.esm_class & 0x3C == 0),
    _rule("esm_class bit 6", "0 (no user data header)", Reason.UDH,
          "SMPP 3.4 §5.2.12; 3GPP 23.040 §9.2.3.23")(lambda h: not h.esm_class & 0x40),
    REPLACE_RULE,
    _rule("sar_*, more_messages_to_send", "absent", Reason.MULTIPART,
          "SMPP 3.4 §5.3.2.22–24, §5.3.2.34")(lambda h: not h.flags & MULTIPART),
    _rule("source_port, destination_port", "absent", Reason.PORT_ADDRESSED,
          "SMPP 3.4 §5.3.2.20–21")(lambda h: not h.flags & PORTS),
    _rule("sm_default_msg_id", "0", Reason.PREDEFINED,
          "SMPP 3.4 §5.2.20")(lambda h: h.sm_default_msg_id == 0),
    _rule("schedule_delivery_time", "empty", Reason.SCHEDULED,
          "SMPP 3.4 §5.2.15")(lambda h: not h.flags & SCHEDULED),
    _rule("data_coding", "0, 1, 3 or 8", Reason.DATA_CODING,
          "SMPP 3.4 §5.2.19")(lambda h: h.data_coding in (0, 1, 3, 8)),
    _rule("short_message, message_payload", "one of them", Reason.NO_BODY,
          "SMPP 3.4 §5.2.21–22, §5.3.2.32")(lambda h: bool(h.flags & (HAS_SHORT_MESSAGE | HAS_PAYLOAD))),
    _rule("short_message, message_payload", "not both", Reason.TWO_BODIES, "SMPP 3.4 §5.3.2.32")(
        lambda h: h.flags & (HAS_SHORT_MESSAGE | HAS_PAYLOAD) != HAS_SHORT_MESSAGE | HAS_PAYLOAD),
)  # fmt: skip


class Predicate:
    """The written predicate for one carrier's settings, with its verdicts remembered."""

    __slots__ = ("_any_service", "_last", "_last_verdict", "_memo", "_rules", "_services")

    def __init__(self, service_types: Collection[str] = ("*",), replaceable: str = "pass") -> None:
        self._any_service = "*" in service_types
        self._services = frozenset(name.encode("latin-1") for name in service_types)
        self._rules = tuple(rule for rule in RULES if replaceable == "pass" or rule is not REPLACE_RULE)
        self._memo: dict[int, Reason | None] = {}
        self._last = -1
        self._last_verdict: Reason | None = None

    def refuses(self, service_type: bytes, word: int) -> Reason | None:
        """Return why this header gets no ad, or None when it may carry one."""
        if not self._any_service and service_type not in self._services:
            return Reason.SERVICE_TYPE
        if word != self._last:  # most of what a platform sends has one header
            self._last_verdict = self._memo[word] if word in self._memo else self._judge(word)
            self._last = word
        return self._last_verdict

    def _judge(self, word: int) -> Reason | None:
        header = Header.from_word(word)
        verdict = next((rule.reason for rule in self._rules if not rule.holds(header)), None)
        if len(self._memo) >= MEMO_LIMIT:
            self._memo.clear()
        self._memo[word] = verdict
        return verdict
