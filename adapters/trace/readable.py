"""A trace as lines for a person."""

from collections.abc import Iterator
from datetime import UTC, datetime

from adapters.smpp.commands import command_name
from adapters.smpp.constants import HEADER_OCTETS
from adapters.trace.record import Captured

_COLUMNS = 16


def lines(captured: Captured) -> Iterator[str]:
    """Yield a PDU's head and its octets, 16 a line."""
    octets = captured.octets
    at = datetime.fromtimestamp(captured.at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if captured.missed:
        yield f"{at} {captured.session} {captured.stream} {captured.missed} octets before this were dropped"
    yield f"{at} {captured.session} {captured.stream} {_head(octets)}"
    for start in range(0, len(octets), _COLUMNS):
        row = octets[start : start + _COLUMNS]
        text = "".join(chr(octet) if 0x20 <= octet < 0x7F else "." for octet in row)  # ASCII
        yield f"  {start:04x}  {row.hex(' '):<{3 * _COLUMNS - 1}}  {text}"


def _head(octets: bytes) -> str:
    words = [int.from_bytes(octets[at : at + 4], "big") for at in range(0, HEADER_OCTETS, 4)]
    if words[0] != len(octets):
        return f"not a PDU, {len(octets)} octets"
    length, command, status, sequence = words
    return f"{command_name(command)} length={length} sequence={sequence} status=0x{status:08x}"
