"""What the simulated SMSC does wrong on request."""

from dataclasses import dataclass
from random import Random
from typing import Final

from adapters.simulator.pdu import (
    ESME_RINVMSGLEN,
    ESME_ROK,
    ESME_RSUBMITFAIL,
    ESME_RSYSERR,
    ESME_RTHROTTLED,
    VENDOR_STATUS,
)

SILENCE: Final = -1  # no answer at all


@dataclass(frozen=True, slots=True)
class Faults:
    """Faults with their probabilities (0-1) for each submit; an SMSC takes new ones while it runs.

    `throttle`, `vendor`, `system_error`, `silence` and `drop` exclude each other, so their sum is at most 1.
    `longest_octets` and `longest_characters` refuse longer texts with `length_status`, and a text that
    contains one of `refused_texts` gets `text_status`; both with probability `refuse`, and both look
    at short_message and message_payload. `delay` answers `delay_s` late; `reorder` holds an answer
    back until the next one has gone. `drop_after` aborts the link on the k-th submit from
    now, `half_close_after` sends FIN there and answers nothing more; each happens once.
    `read_pause_s` stops reading for so long after each read.
    """

    throttle: float = 0.0
    vendor: float = 0.0
    system_error: float = 0.0
    silence: float = 0.0
    drop: float = 0.0
    vendor_status: int = VENDOR_STATUS
    refuse: float = 1.0
    longest_octets: int | None = None
    longest_characters: int | None = None
    length_status: int = ESME_RINVMSGLEN
    refused_texts: tuple[str, ...] = ()
    text_status: int = ESME_RSUBMITFAIL
    delay: float = 0.0
    delay_s: float = 0.1
    reorder: float = 0.0
    drop_after: int | None = None
    half_close_after: int | None = None
    read_pause_s: float = 0.0

    def __post_init__(self) -> None:
        shares = (self.throttle, self.vendor, self.system_error, self.silence, self.drop)
        if min(shares) < 0 or sum(shares) > 1 + 1e-9:
            raise ValueError("probabilities of faults must not be negative or sum to more than 1")

    @property
    def reads_text(self) -> bool:
        """Whether a verdict depends on the text."""
        limits = (self.longest_octets, self.longest_characters)
        return bool(self.refused_texts) or limits != (None, None)

    def status(self, chance: Random, octets: int, text: str | None) -> int:
        """Return the status to answer with, or `SILENCE`, for a body of so many octets and its text."""
        if self.reads_text:
            status = self._refusal(octets, text or "")
            if status != ESME_ROK and (self.refuse >= 1 or chance.random() < self.refuse):
                return status
        draw = chance.random()
        for share, status in (
            (self.throttle, ESME_RTHROTTLED),
            (self.vendor, self.vendor_status),
            (self.system_error, ESME_RSYSERR),
            (self.silence, SILENCE),
        ):
            if draw < share:
                return status
            draw -= share
        return ESME_ROK

    def _refusal(self, octets: int, text: str) -> int:
        if self.longest_octets is not None and octets > self.longest_octets:
            return self.length_status
        if self.longest_characters is not None and len(text) > self.longest_characters:
            return self.length_status
        if any(refused in text for refused in self.refused_texts):
            return self.text_status
        return ESME_ROK


NO_FAULTS: Final = Faults()
