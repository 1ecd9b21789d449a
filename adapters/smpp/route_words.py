"""Words that subscribers write to the carrier's short code, noted as they pass on a relayed session."""

from collections.abc import Callable
from typing import Final

from adapters.smpp.constants import HEADER_OCTETS
from adapters.smpp.esme_incoming import read_written
from inventory.keywords import WORDS, word_of
from segments.numbers import national

# A message of more octets is more than a word.
LONGEST_PDU: Final = HEADER_OCTETS + 400


class RouteWords:
    """One route's ear. Whatever goes wrong here is alarmed and changes nothing that is relayed.

    `note` keeps which word (its place in WORDS, from 1) a subscriber (ten digits) wrote.
    """

    __slots__ = ("_alarm", "_note", "_short_code")

    def __init__(
        self, short_code: str, note: Callable[[int, int], None], alarm: Callable[[Exception], None]
    ) -> None:
        self._short_code = short_code.encode()
        self._note = note
        self._alarm = alarm

    def passing(self, buffer: bytes, start: int, end: int, command: int) -> None:
        """Look at a deliver_sm or data_sm of the SMSC."""
        if end - start > LONGEST_PDU:
            return
        try:
            written = read_written(buffer[start:end], command)
            if written is None or written.destination.lstrip(b"+") != self._short_code:
                return
            word, subscriber = word_of(written.text), national(written.source)
            if word is not None and subscriber:
                self._note(WORDS.index(word) + 1, subscriber)
        except Exception as error:  # noqa: BLE001  # no fault of ours may cost a message
            self._alarm(error)
