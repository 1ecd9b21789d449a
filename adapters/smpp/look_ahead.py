"""Whom the notifications of a read are for, before any of them is looked at in earnest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from librt.strings import read_i64_be

from adapters.smpp.constants import HEADER_OCTETS
from adapters.smpp.locate import Cut, locate
from engine.inserter import Inserter

if TYPE_CHECKING:
    from mypy_extensions import i64

_LOW_HALF: Final = 0xFFFFFFFF


def subscribers_of(buffer: bytes, max_pdu: i64, cut: Cut, inserter: Inserter) -> list[int]:
    """Return the subscribers (ten digits) of all whole requests that could carry an ad; fills `cut`."""
    found: list[int] = []
    size: i64 = len(buffer)
    at: i64 = 0
    while size - at >= HEADER_OCTETS:
        word = read_i64_be(buffer, at)
        length = (word >> 32) & _LOW_HALF
        command = word & _LOW_HALF
        end = at + length
        if length < HEADER_OCTETS or length > max_pdu or end > size:
            break
        if locate(buffer, at, end, command, cut):
            subscriber = inserter.ahead(cut.service_type, cut.destination, cut.word)
            if subscriber:
                found.append(subscriber)
        at = end
    return found
